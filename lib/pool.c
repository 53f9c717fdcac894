#include "pool.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 64 * 1024 };

struct pool_chunk {
    struct pool_chunk *next;
    size_t used;
    size_t size;
    alignas(max_align_t) char data[];
};

void
pool_init(struct pool *pool)
{
    *pool = (struct pool){NULL, false};
}

void
pool_release(struct pool *pool)
{
    struct pool_chunk *chunk, *next;

    for (chunk = pool->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    pool_init(pool);
}

void
pool_join(struct pool *pool, struct pool *other)
{
    struct pool_chunk **end = &pool->chunks;

    while (*end != NULL)
        end = &(*end)->next;
    *end = other->chunks;
    other->chunks = NULL;
    pool->failed |= other->failed;
}

/* Strings need no alignment: most of a registry is strings, and the gaps would add up. */
static void *
take(struct pool *pool, size_t size, size_t align)
{
    struct pool_chunk *chunk = pool->chunks;
    size_t start = 0, chunk_size;

    if (size > SIZE_MAX / 2)
        return NULL;
    if (chunk != NULL)
        start = (chunk->used + align - 1) & ~(align - 1);
    if (chunk == NULL || start > chunk->size || chunk->size - start < size) {
        chunk_size = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof(*chunk) + chunk_size);
        if (chunk == NULL) {
            pool->failed = true;
            return NULL;
        }
        chunk->next = pool->chunks;
        chunk->size = chunk_size;
        pool->chunks = chunk;
        start = 0;
    }
    chunk->used = start + size;
    return chunk->data + start;
}

void *
pool_alloc(struct pool *pool, size_t size)
{
    void *memory = take(pool, size, alignof(max_align_t));

    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

char *
pool_copy(struct pool *pool, const char *bytes, size_t len)
{
    char *copy = take(pool, len + 1, 1);

    if (copy != NULL) {
        memcpy(copy, bytes, len);
        copy[len] = '\0';
    }
    return copy;
}

char *
pool_printf(struct pool *pool, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || (text = take(pool, (size_t)len + 1, 1)) == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}
