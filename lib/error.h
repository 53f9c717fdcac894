/*
 * What went wrong, in words for the operator.
 *
 * Functions that can fail return 0 or -1 and fill a struct error that the caller owns.
 * A place inside a file is given where one is known; the caller knows the file's name.
 */
#ifndef SIGNPOST_ERROR_H
#define SIGNPOST_ERROR_H

#include <stdbool.h>
#include <stddef.h>

struct error {
    unsigned line;    /* from 1; 0: no place known */
    unsigned column;  /* from 1, in characters */
    bool is_shortage; /* of memory or descriptors: nothing is said of what was looked at */
    char text[480];
};

/* Sets the text (printf-like) without a place. Always returns -1, so that a caller can return it.
 */
int error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets that there is no memory, which is a shortage. Always returns -1. */
int error_no_memory(struct error *error);

/* Sets what an errno says, which may be a shortage. Always returns -1. */
int error_errno(struct error *error, int code);

/* The same as error_set with a place, line and column from 1. */
int error_set_at(struct error *error, unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Writes "path:line:column: text", or "path: text" where no place is known, into out.
 * Cut to size, always terminated. Returns out.
 */
char *error_string(const struct error *error, const char *path, char *out, size_t size);

#endif
