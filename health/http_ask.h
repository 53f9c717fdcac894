/*
 * What the HTTP server in front of VLESS is asked for, as Xray asks (transport/internet/websocket,
 * httpupgrade, grpc): paths and names of ws, httpupgrade and grpc.
 */
#ifndef SIGNPOST_HTTP_ASK_H
#define SIGNPOST_HTTP_ASK_H

#include "buf.h"
#include "client.h"

/* Xray's clients say that they are a browser, and some fronts turn away who does not. */
#define HTTP_ASK_AGENT                                                                  \
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) " \
    "Chrome/144.0.0.0 Safari/537.36"

/*
 * Appends the whole request that opens a WebSocket or, for httpupgrade, what looks so. key: a
 * nonce, 24 characters of base64. Early data (?ed= in the path) is a choice of the client's: it is
 * left out of the path and not used.
 */
void http_ask_upgrade(struct buf *buf, const struct client *client, const char *key);

/* Appends a request for a way through a proxy (RFC 9110 section 9.3.6; the password is "n"). */
void http_ask_connect(struct buf *buf, const char *host, unsigned port, const char *user);

/* Appends the path of the gRPC method. */
void http_ask_grpc_path(struct buf *buf, const struct client *client);

/* Appends the gRPC authority. */
void http_ask_grpc_authority(struct buf *buf, const struct client *client);

#endif
