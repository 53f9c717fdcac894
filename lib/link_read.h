/*
 * Reads back what link.h writes, for whoever must use an endpoint that only the snapshot tells of.
 */
#ifndef SIGNPOST_LINK_READ_H
#define SIGNPOST_LINK_READ_H

#include <stddef.h>

#include "client.h"
#include "error.h"
#include "pool.h"

/*
 * Reads "@host:port?…#" (len bytes, not terminated; see set.h) into client, strings into the pool.
 * The exact inverse of link_put_middle: only what that writes is taken, byte for byte, with a host,
 * an encryption, and without control characters. Whether it can work is not looked
 * at (client_check). Returns 0, or -1 with error filled and client undefined.
 */
int link_read_middle(const char *middle, size_t len, struct client *client, struct pool *pool,
                     struct error *error);

#endif
