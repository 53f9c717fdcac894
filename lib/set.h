/*
 * A set: the endpoints that devices of one kind (same cores, same groups) get together, encoded
 * once when the registry is compiled so that a poll only copies.
 *
 * Layout, little-endian: u8 by_name, 3 zero bytes, u32 max_links, u32 count, then per endpoint
 * u64 id, u64 rank, u32 length of middle, u32 length of remark, middle, remark.
 */
#ifndef SIGNPOST_SET_H
#define SIGNPOST_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "policy.h"

enum {
    SET_MAX = 1024,             /* endpoints in a set */
    SET_BYTES_MAX = 1024 * 1024 /* of an encoded set */
};

struct set_entry {
    uint64_t id;        /* hash of the endpoint's identity */
    uint64_t rank;      /* priority; lower first */
    const char *middle; /* "@host:port?…#" of the link */
    uint32_t middle_len;
    uint32_t remark_len;
    const char *remark; /* see remark.h */
};

struct set {
    bool by_name;       /* equals stay in this order (by label); else they are spread */
    uint32_t max_links; /* 0: all */
    uint32_t count;
    struct set_entry entries[SET_MAX]; /* by rank, then label */
};

/*
 * Appends the encoded set of the listed endpoints, which are in the policy's order. What is past
 * SET_MAX or SET_BYTES_MAX is left out; *encoded is how many are in. is_wide: see policy_is_wide.
 * Returns 0, or -1 with error
 * filled (no memory).
 */
int set_encode(struct buf *buf, const struct endpoint *const *list, size_t count,
               const struct policy_options *options, bool is_wide, size_t *encoded,
               struct error *error);

/* Reads an encoded set; entries point into bytes. Returns 0, or -1 when it is not well-formed. */
int set_decode(const void *bytes, size_t len, struct set *set);

#endif
