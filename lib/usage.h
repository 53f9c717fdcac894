/*
 * What users have used: a file `usage` in the state directory that any collector may write and
 * nobody has to.
 *
 *     <user id> <bytes up> <bytes down>
 *
 * One line for each user, ascending by id, decimal digits, single spaces, a newline behind each.
 * Whoever writes it writes another file and renames it, as a whole. It is searched where it lies:
 * a million users cost a responder no memory of its own.
 */
#ifndef SIGNPOST_USAGE_H
#define SIGNPOST_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"

#define USAGE_FILE "usage"

struct usage {
    const char *bytes; /* NULL: there is none */
    size_t len;
    struct stat st; /* of the file when it was opened */
};

void usage_init(struct usage *usage);
void usage_close(struct usage *usage);

/* Opens the file again if another lies there, or another content. What cannot be read is none. */
void usage_look(struct usage *usage, const char *path);

/* What a user has used, in bytes; zero and false when the file does not say. */
bool usage_find(const struct usage *usage, int64_t user_id, uint64_t *upload, uint64_t *download);

/*
 * Whether every line is as above and in its place. Returns 0 (also when there is no file), or -1
 * with error filled, its line set.
 */
int usage_check(const char *path, struct error *error);

#endif
