/*
 * Memory that is freed all at once: the strings and arrays of a registry. Allocation is a
 * pointer step in a chunk; nothing is freed singly.
 */
#ifndef SIGNPOST_POOL_H
#define SIGNPOST_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool {
    struct pool_chunk *chunks; /* newest first */
    bool failed;               /* there was no memory once */
};

void pool_init(struct pool *pool);

/* Frees everything that came from the pool. */
void pool_release(struct pool *pool);

/* Moves everything that came from another pool into this one; the other is empty then. */
void pool_join(struct pool *pool, struct pool *other);

/* Returns size zeroed bytes, aligned for any type, or NULL without memory. */
void *pool_alloc(struct pool *pool, size_t size);

/* Returns a terminated copy of len bytes, or NULL without memory. */
char *pool_copy(struct pool *pool, const char *bytes, size_t len);

/* Returns a formatted string, or NULL without memory. */
char *pool_printf(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
