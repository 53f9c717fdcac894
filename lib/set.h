/*
 * A set: the endpoints that devices of one kind (same cores, same groups) get together, encoded
 * once when the registry is compiled so that a poll only copies.
 *
 * It is kept in several forms, each a record of its own, so that a poll reads (and checks) no more
 * than it needs: the links with what decides about order and choice, and for each core the names
 * and outbounds of the same endpoints in the same order.
 *
 * Links, little-endian: u8 by_name, 3 zero bytes, u32 max_links, u32 count, then per endpoint
 * u64 id, u64 rank, u64 node, u64 config, u32 features, u32 length of middle, u32 length of remark,
 * middle, remark. Other forms: u32 count, then per endpoint u32 length of name, u32 length of
 * outbound, both.
 */
#ifndef SIGNPOST_SET_H
#define SIGNPOST_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "outbound.h"
#include "policy.h"

enum {
    SET_MAX = 1024,             /* endpoints in a set */
    SET_BYTES_MAX = 1024 * 1024 /* of each form */
};

/* The outbounds' forms are as many as there are cores; the links are one more. */
enum { SET_LINKS = OUTBOUNDS, SET_FORMS };

struct set_entry {
    uint64_t id;       /* hash of the endpoint's identity */
    uint64_t rank;     /* priority; lower first */
    uint64_t node;     /* set_node_key of its entry node, else of its own address */
    uint64_t config;   /* hash of the middle: the node with this very configuration (health.h) */
    uint32_t features; /* what a client must know for it */
    uint32_t middle_len;
    const char *middle; /* "@host:port?…#" of the link */
    uint32_t remark_len;
    uint32_t name_len;
    const char *remark; /* see remark.h */
    const char *name;   /* the remark again, for the inside of a quoted string */
    const char *outbound;
    uint32_t outbound_len;
};

struct set {
    bool by_name;       /* equals stay in this order (by label); else they are spread */
    uint32_t max_links; /* 0: all */
    uint32_t count;
    struct set_entry entries[SET_MAX]; /* by rank, then label */
};

/* How a node is named in sets: a hash of its address in normal form. */
uint64_t set_node_key(const char *node);

/* Fills in what names an endpoint where its health is known: node and config. */
void set_identify(const struct endpoint *endpoint, struct set_entry *entry);

/*
 * Appends the forms of the listed endpoints, which are in the policy's order, to SET_FORMS
 * buffers. What is past SET_MAX or SET_BYTES_MAX is left out of all; *encoded is how many are in.
 * is_wide: see policy_is_wide. Returns 0, or -1 with error filled (no memory).
 */
int set_encode(struct buf forms[SET_FORMS], const struct endpoint *const *list, size_t count,
               const struct policy_options *options, bool is_wide, size_t *encoded,
               struct error *error);

/*
 * Reads the links; entries point into bytes, their name and outbound are not set. Returns 0, or
 * -1 when it is not well-formed.
 */
int set_decode(const void *bytes, size_t len, struct set *set);

/* Adds names and outbounds from one of the other forms of the same set. Returns as above. */
int set_decode_outbounds(const void *bytes, size_t len, struct set *set);

#endif
