/*
 * One gRPC call over HTTP/2 (RFC 9113; gRPC's "PROTOCOL-HTTP2"), by nghttp2, apart from any socket:
 * bytes go in, bytes come out.
 *
 * libcurl has HTTP/2 too. But a call must stay open after what there is to send, and when libcurl
 * (7.88) has paused sending it loses sight of what it has received: of 20 probes of a living node,
 * 13 got no answer.
 */
#ifndef SIGNPOST_HTTP2_H
#define SIGNPOST_HTTP2_H

#include <stdbool.h>

#include "buf.h"

struct http2_call {
    const char *scheme; /* https or http */
    const char *authority;
    const char *path;
    const char *agent;
    const void *message; /* the only one that is sent; must live until it is */
    size_t len;
};

/* Called with bytes of the answer's body. */
typedef void http2_data(void *context, const void *bytes, size_t len);

enum { HTTP2_TYPE = 64 };

struct http2 {
    void *session; /* nghttp2's */
    http2_data *data;
    void *context;
    const char *message;
    size_t len;
    size_t sent;
    int stream;
    unsigned status;       /* of HTTP; 0: not told */
    int grpc_status;       /* -1: not told */
    char type[HTTP2_TYPE]; /* content-type, cut to size; empty: not told */
    bool is_http2;         /* the server has greeted */
    bool is_closed;        /* the stream, by the server */
};

/*
 * Starts the call, and appends what is to be sent to out. Returns 0, or -1 without memory. To be
 * released in both cases.
 */
int http2_init(struct http2 *http2, const struct http2_call *call, http2_data *data, void *context,
               struct buf *out);
void http2_release(struct http2 *http2);

/*
 * Takes what the server sent, and appends what is to be sent to that. Returns 0, or -1 when it is
 * not HTTP/2 or at its end.
 */
int http2_take(struct http2 *http2, const void *bytes, size_t len, struct buf *out);

#endif
