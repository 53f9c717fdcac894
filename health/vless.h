/*
 * VLESS version 0 on the wire, as a client speaks it (Xray-core proxy/vless/encoding): the request
 * that asks for a connection to a host, and what comes back. Nothing here touches a socket.
 */
#ifndef SIGNPOST_VLESS_H
#define SIGNPOST_VLESS_H

#include "buf.h"
#include "http_head.h"
#include "uuid.h"

/*
 * Appends the head of a request for a TCP connection, without addons; the payload follows it.
 * host is a name or address in normal form (host.h), port from 1. A host that is neither fails the
 * buffer.
 */
void vless_put_request(struct buf *buf, const struct uuid *uuid, const char *host, unsigned port);

enum vless_state {
    VLESS_MORE,
    VLESS_DONE,    /* VLESS, and in it HTTP with a status; see whether it is the wanted one */
    VLESS_FOREIGN, /* not VLESS: the first byte is not its version */
    VLESS_NO_HTTP  /* VLESS, but what it carries is no HTTP/1.x answer */
};

enum { VLESS_FIRST = 16 };

/*
 * What comes back: version, addons, then an HTTP/1.x answer. The server sends the first two along
 * with the first byte of the third, not before.
 */
struct vless_reply {
    bool is_bare;            /* it is HTTP from the first byte: nothing of VLESS is around it */
    unsigned wanted;         /* status; with another one the rest is not waited for */
    size_t wanted_body;      /* bytes after the head, at least */
    size_t len;              /* bytes taken */
    size_t body;             /* of which after the head */
    struct http_head http;   /* with the status */
    char first[VLESS_FIRST]; /* the first bytes of all */
    size_t first_len;
    unsigned addons; /* bytes of them to come */
    bool is_whole;   /* the head */
};

void vless_reply_init(struct vless_reply *reply, unsigned wanted, size_t wanted_body);

/* Takes the next bytes. After anything but VLESS_MORE it is to be called no more. */
enum vless_state vless_reply_take(struct vless_reply *reply, const void *bytes, size_t len);

/*
 * What a server speaks that does not speak as it should, by its first bytes: "HTTP 400", "TLS", …;
 * or NULL. text has room for the answer.
 */
const char *vless_guess(const void *first, size_t len, char text[VLESS_FIRST]);

#endif
