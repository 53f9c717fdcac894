/*
 * The whole of HTTP behaviour as a function of plain structs: no server, no sockets, no clock.
 */
#ifndef SIGNPOST_RESPOND_H
#define SIGNPOST_RESPOND_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "format.h"
#include "show.h"
#include "snapshot.h"
#include "subscription.h"
#include "usage.h"

/* What counts of a request: CGI meta-variables (RFC 3875), NULL where absent. */
struct request {
    const char *method;        /* REQUEST_METHOD */
    const char *path;          /* PATH_INFO, decoded by the web server */
    const char *query;         /* QUERY_STRING */
    const char *if_none_match; /* HTTP_IF_NONE_MATCH */
    const char *user_agent;    /* HTTP_USER_AGENT */
    const char *accept;        /* HTTP_ACCEPT */
    const char *language;      /* HTTP_ACCEPT_LANGUAGE */
};

/* What answers come from, and room to make them in: one per process. */
struct site {
    struct snapshot *snapshot; /* NULL: none is usable */
    const struct config *config;
    struct usage usage;
    struct liveness liveness;
    struct subscription subscription;
    struct buf links;
    struct buf body;
    struct buf fields; /* of the header, beside those of every answer */
    struct show show;
};

enum { ETAG_SIZE = 19 }; /* 16 hexadecimal digits in quotes, and the terminator */

struct response {
    int status;               /* 200, 304, 404 or 503 */
    enum refusal refusal;     /* why it is a 404, as far as the snapshot tells; never sent */
    bool is_damaged;          /* it is a 503 because the snapshot cannot be trusted */
    bool is_torn;             /* … because its file became shorter meanwhile */
    enum format format;       /* of the body */
    char etag[ETAG_SIZE];     /* for 200 and 304 */
    const struct buf *body;   /* for 200: lies in the site until the next response */
    const struct buf *fields; /* for 200 and 304: more of the header; likewise */
    bool is_head;             /* the body's length is told, the body is not sent */
};

/* The config must outlive the site. */
void site_init(struct site *site, const struct config *config);
void site_release(struct site *site);

/* Decides the answer. now is seconds since the epoch; only what ends looks at it. */
void respond(const struct request *request, struct site *site, int64_t now,
             struct response *response);

/* Appends a response as CGI output (RFC 3875 section 6): header fields, empty line, body. */
void response_put(struct buf *buf, const struct response *response);

#endif
