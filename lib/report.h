/*
 * Where findings go: everything that is wrong or odd in the operator's data, one by one, with
 * its place. The library never prints; a program gives a function that does.
 */
#ifndef SIGNPOST_REPORT_H
#define SIGNPOST_REPORT_H

#include <stddef.h>

#include "error.h"

enum finding_level {
    FINDING_ERROR,   /* something is not served because of it */
    FINDING_WARNING, /* served, but hardly meant so */
    FINDING_NOTICE,  /* ignored by design; named by check --strict only */
    FINDING_LEVELS
};

struct finding {
    enum finding_level level;
    const char *path; /* relative to the registry, or "" */
    unsigned line;    /* from 1; 0: no place known */
    unsigned column;
    const char *text;
};

struct report {
    void (*add)(void *context, const struct finding *finding); /* NULL: only count */
    void *context;
    size_t counts[FINDING_LEVELS];
};

/* Adds a finding about a file; the text is printf-like. report may be NULL: then nothing happens.
 */
void report_add(struct report *report, enum finding_level level, const char *path,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Adds an error with its place. */
void report_error(struct report *report, const char *path, const struct error *error);

/* Adds a finding at a place. */
void report_add_at(struct report *report, enum finding_level level, const char *path, unsigned line,
                   unsigned column, const char *text);

#endif
