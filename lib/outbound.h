/*
 * An endpoint in the words of a core: a proxy of mihomo's (Clash Meta) YAML, an outbound of
 * sing-box's or Xray's JSON. Made when the registry is compiled; a poll only copies.
 *
 * What is made here follows the quotation mark that closes the device's UUID, which the answer
 * puts in front with what belongs before it:
 *
 *     clash     {"name": "…", "type": "vless", "uuid": "…" | , "server": … }
 *     sing-box  {"type":"vless","tag":"…","uuid":"…" | ,"server":… }
 *     Xray      {"tag":"…","protocol":"vless","settings":{"vnext":[{"users":[{"id":"…" |
 *                   ,"encryption":… }],"address":… }]},"streamSettings":{ … }}
 *
 * Fields: wiki.metacubex.one config/proxies/vless (mihomo 1.19), sing-box.sagernet.org
 * configuration/outbound/vless (1.8 to 1.14), xtls.github.io config/outbounds/vless and transports
 * (Xray 26).
 */
#ifndef SIGNPOST_OUTBOUND_H
#define SIGNPOST_OUTBOUND_H

#include "buf.h"
#include "client.h"
#include "feature.h"

enum outbound { OUTBOUND_CLASH, OUTBOUND_SING_BOX, OUTBOUND_XRAY, OUTBOUNDS };

/* What can be said in the core's words at all, by its newest version. */
uint32_t outbound_features(enum outbound outbound);

/* Appends a client's part. The client must be complete (client_check passed, address set). */
void outbound_put(struct buf *buf, enum outbound outbound, const struct client *client);

#endif
