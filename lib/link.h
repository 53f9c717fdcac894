/*
 * VLESS share links (XTLS/Xray-core discussion 716 and its amendments):
 *
 *     vless://UUID@host:port?type=…&encryption=…&…#remark
 *
 * Parameters come in one fixed order, every value is percent-encoded (escape.h), empty parameters
 * are dropped, IPv6 stands in brackets; type, encryption and security are always there.
 */
#ifndef SIGNPOST_LINK_H
#define SIGNPOST_LINK_H

#include "buf.h"
#include "client.h"

/*
 * Appends what stands between the UUID and the remark: "@host:port?…#". The client must be
 * complete (address set, client_check passed).
 */
void link_put_middle(struct buf *buf, const struct client *client);

#endif
