/* What the snapshot's reader and writer agree on; for them only. */
#ifndef SIGNPOST_SNAPSHOT_FORMAT_H
#define SIGNPOST_SNAPSHOT_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "siphash.h"

enum {
    TOC_SIZE = 2048,    /* 256 pairs of position and slots, at the start of every cdb file */
    CHECKSUM_SIZE = 8,  /* in front of every value */
    RECORD_HEAD = 8,    /* key and value lengths, of cdb */
    DEVICE_HEAD = 29,   /* set, expires, user id, traffic limit, length of name */
    TOKEN_SIZE = 24,    /* UUID, until */
    FOOTER_SIZE = 2088, /* as below */
    FOOTER_FORMAT = 8,  /* offsets in the footer; the magic is at 0 */
    FOOTER_BYTES = 16,
    FOOTER_TOC = 24,
    FOOTER_TABLES = 32,
    FOOTER_CHECKSUM = 2080
};

/* In the set's number of a device that only tokens lead to; sets are never so many. */
#define SET_BY_TOKEN_ONLY (UINT32_C(1) << 31)

#define SNAPSHOT_MAGIC "SIGNPOST"

static inline uint64_t
checksum(const void *bytes, size_t len)
{
    static const uint8_t key[16] = "signpost check 1";

    return siphash(key, bytes, len);
}

/*
 * The checksum of a record covers its key and lengths too. rest is the value behind the checksum;
 * in the file, key, checksum and rest lie side by side, so it is made of the sums of the parts.
 */
static inline uint64_t
record_checksum(const void *key, uint32_t key_len, const void *rest, uint32_t rest_len)
{
    uint8_t parts[24];

    put_u32(parts, key_len);
    put_u32(parts + 4, rest_len);
    put_u64(parts + 8, checksum(key, key_len));
    put_u64(parts + 16, checksum(rest, rest_len));
    return checksum(parts, sizeof(parts));
}

#endif
