/*
 * Records as bytes, for the cache between two compiles: quick to read back, no parsing. Strings
 * end with NUL, so that a record that is read may point into the bytes.
 */
#ifndef SIGNPOST_PACK_H
#define SIGNPOST_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "records.h"

/* The layout's number: it changes with the structs in records.h and client.h. */
enum { PACK_FORMAT = 3 };

void pack_u64(struct buf *buf, uint64_t value);
void pack_number(struct buf *buf, uint64_t value); /* small ones take little room */
void pack_string(struct buf *buf, const char *string);
void pack_record(struct buf *buf, enum kind kind, const void *record);

/* Bytes that are read; after the end or a wrong byte everything is 0 and `failed` says so. */
struct unpack {
    const uint8_t *at, *end;
    struct pool *pool; /* arrays of what is read; strings stay where they are */
    bool failed;
};

uint64_t unpack_u64(struct unpack *unpack);
uint64_t unpack_number(struct unpack *unpack);
const char *unpack_string(struct unpack *unpack);

/* Fills a record of kind_size(kind) bytes. */
void unpack_record(struct unpack *unpack, enum kind kind, void *record);

#endif
