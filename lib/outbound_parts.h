/* What the files behind outbound.h share; for them only. */
#ifndef SIGNPOST_OUTBOUND_PARTS_H
#define SIGNPOST_OUTBOUND_PARTS_H

#include "outbound.h"

void outbound_put_clash(struct buf *buf, const struct client *client);
void outbound_put_sing_box(struct buf *buf, const struct client *client);
void outbound_put_xray(struct buf *buf, const struct client *client);

/* Appends before, then the value as a quoted string; nothing when the value is NULL. */
void put_field(struct buf *buf, const char *before, const char *value);

/* Appends before, then a comma list as an array of strings; nothing when it is NULL. */
void put_array(struct buf *buf, const char *before, const char *list);

/*
 * Appends before, then the path without early data (feature.h) as a quoted string. Returns the
 * early data, 0 if there is none.
 */
unsigned put_path(struct buf *buf, const char *before, const struct client *client);

/* The Host header where only some cores have Xray's rule for it: host, else sni, else nothing. */
const char *host_of(const struct client *client);

#endif
