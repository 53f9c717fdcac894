/*
 * How a client app connects to an entry: the fields of `client:` in routes and endpoints, their
 * defaults and what may go together.
 *
 * Names and rules are those of the VLESS share link standard (XTLS/Xray-core discussion 716 with
 * its later amendments); what newer cores refuse to run (plain VLESS to a public address, reality
 * over anything but tcp, xhttp and grpc) counts as wrong here.
 */
#ifndef SIGNPOST_CLIENT_H
#define SIGNPOST_CLIENT_H

#include <stdbool.h>

#include "fields.h"

enum transport {
    TRANSPORT_TCP,
    TRANSPORT_WS,
    TRANSPORT_GRPC,
    TRANSPORT_HTTPUPGRADE,
    TRANSPORT_XHTTP,
    TRANSPORTS
};

enum security { SECURITY_NONE, SECURITY_TLS, SECURITY_REALITY, SECURITIES };

/* Strings are NULL where the record says nothing; they live in the pool that read them. */
struct client {
    enum transport type;
    enum security security;
    unsigned port;       /* 1 to 65535 */
    const char *address; /* host in normal form; NULL: the entry's domain */
    const char *service; /* gRPC serviceName */
    const char *flow;    /* xtls-rprx-vision */
    const char *sni;     /* TLS server name; NULL: the address, or the domain if that is no name */
    const char *fp;      /* uTLS fingerprint */
    const char *alpn;    /* comma list */
    const char *host;    /* Host header of ws, httpupgrade, xhttp */
    const char *path;    /* of ws, httpupgrade, xhttp; starts with / */
    const char *mode;    /* gun, multi (grpc); auto, packet-up, stream-up, stream-one (xhttp) */
    const char *authority;  /* grpc :authority */
    const char *extra;      /* xhttp: a JSON object, compact */
    const char *encryption; /* none, or mlkem768x25519plus.… */
    const char *pbk;        /* reality public key, 43 characters of base64url */
    const char *sid;        /* reality short id, up to 16 hexadecimal digits */
    const char *spx;        /* reality spider path, starts with / */
    const char *pqv;        /* reality ML-DSA-65 verify key, base64url */
    const char *ech;        /* ECH configuration list (base64) or DNS form */
    const char *pcs;        /* SHA-256 of the server's certificates, hexadecimal, comma list */
    const char *vcn;        /* names that the certificate is verified by, comma list */
};

/* The words of the link standard: "tcp", "grpc", …; "none", "tls", "reality". */
const char *transport_name(enum transport type);
const char *security_name(enum security security);

/*
 * Fills client with today's system: grpc over tls on port 443 as Chrome, with the given
 * serviceName (NULL if the record has none).
 */
void client_defaults(struct client *client, const char *service);

/* Overwrites what the mapping's fields say. A field of the wrong type or form fails the fields. */
void client_read(struct fields *fields, struct client *client);

/*
 * Completes what follows from other fields (the path is /, gRPC over TLS speaks h2) and finds
 * what cannot work. Each complaint is a finding; one at error level makes it return false: such a
 * client is never served. Fields that do not belong to the transport or security are dropped
 * with a warning.
 */
bool client_check(const struct fields *fields, struct client *client);

/* Whether a fingerprint is one of the link standard's words, which every app knows. */
bool client_fp_is_common(const char *fp);

/* NULL-terminated: every key that client_read knows. */
extern const char *const client_keys[];

#endif
