/*
 * The files that a registry was read from, by path: what origin_files.c compares a directory with.
 */
#ifndef SIGNPOST_KNOWN_H
#define SIGNPOST_KNOWN_H

#include <stdbool.h>

#include "registry.h"

struct known_file {
    uint64_t path; /* known_path of it; 0: a free slot */
    uint64_t facts;
    const struct record *record;
    bool is_seen;   /* for the caller: it is still there */
    bool is_wanted; /* for the caller: it is to be read */
};

/* A kind's files: a hash table with open addressing, nearly half of it free. */
struct known {
    struct known_file *files;
    size_t size; /* a power of two */
};

/* Fills it with a kind's files of a registry (NULL: none). Returns 0, or -1 without memory. */
int known_init(struct known *known, const struct registry *registry, enum kind kind);
void known_release(struct known *known);

/* Names a file by its kind and its name within the kind's directory; never 0. */
uint64_t known_path(enum kind kind, const char *name);

/* The file's slot: its path is 0 when it is not known. */
struct known_file *known_find(const struct known *known, uint64_t path);

/* A hint that known_find is asked for it soon: in a large table that waits for the memory. */
void known_expect(const struct known *known, uint64_t path);

#endif
