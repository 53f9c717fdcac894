/*
 * One look at every file of a registry of plain files, without its content: for origin_files.c.
 */
#ifndef SIGNPOST_ORIGIN_SCAN_H
#define SIGNPOST_ORIGIN_SCAN_H

#include <sys/stat.h>

#include "known.h"
#include "origin.h"

/* A file that must be read. */
struct wanted {
    char *name;
    uint64_t facts;
};

/* What is found of a kind. */
struct scan_kind {
    struct known known; /* its known files, with those marked that are still there */
    struct wanted *wanted;
    size_t count, room;
    uint64_t directory; /* the directory's facts; 0: there is none */
    uint64_t mark;      /* names the directory and all its files */
    int64_t newest;     /* when anything was changed last, by its own times */
};

struct scan {
    const struct origin *origin;
    int fd;                          /* of its directory */
    const struct registry *registry; /* what is known, or NULL */
    struct registry *fresh;          /* for notices; NULL when only the mark is wanted */
    int64_t started;                 /* when the scan was */
    struct scan_kind kinds[KINDS];
};

/* Looks at everything. Returns 0, or -1 with error filled; scan_release in either case. */
int scan_all(struct scan *scan, struct error *error);

/* Frees what was found; what the scan is about stays. */
void scan_release(struct scan *scan);

/* A number that changes whenever anything does. */
uint64_t scan_mark(const struct scan *scan);

/* When anything was changed last, by its own times. */
int64_t scan_newest(const struct scan *scan);

/* Wants one more file of a kind. Returns 0, or -1 with error filled (out of memory). */
int scan_want(struct scan_kind *kind, const char *name, uint64_t facts, struct error *error);

/* Names the state of a file or directory; never 0. */
uint64_t scan_facts(const struct stat *st);

/* Milliseconds since the epoch: when it was changed, and now. */
int64_t scan_changed(const struct stat *st);
int64_t scan_now(void);

#endif
