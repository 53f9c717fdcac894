/*
 * What probes ask for through an entry node: an HTTP address that the operator owns, and what it
 * must answer.
 */
#ifndef SIGNPOST_TARGET_H
#define SIGNPOST_TARGET_H

#include "buf.h"
#include "error.h"
#include "pool.h"

struct target {
    const char *host; /* name or address in normal form (host.h); NULL: there is no such target */
    unsigned port;
    const char *path; /* with its query; starts with / */
    unsigned status;  /* the only right one, 204 for instance */
    size_t body;      /* bytes that must follow the head, at least */
};

/*
 * Reads "http://host[:port][/path][?query]"; https has no place in a probe, which is inside of TLS
 * already. Strings go into the pool. Returns 0, or -1 with error filled and target as it was.
 */
int target_parse(struct target *target, const char *url, unsigned status, size_t body,
                 struct pool *pool, struct error *error);

/* Appends the HTTP request. */
void target_put_request(struct buf *buf, const struct target *target);

#endif
