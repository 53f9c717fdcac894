/* What the files of probe.h share. An attempt is one connection; a probe makes one or two. */
#ifndef SIGNPOST_PROBE_PARTS_H
#define SIGNPOST_PROBE_PARTS_H

#include <poll.h>

#include "carrier.h"
#include "http2.h"
#include "probe.h"
#include "tls.h"
#include "vless.h"

/* How far an attempt has come. */
enum stage {
    STAGE_WAY,     /* name, connection, TLS: libcurl's */
    STAGE_UPGRADE, /* the upgrade, or a way by the engine, is asked for */
    STAGE_ANSWER   /* the VLESS request is on its way */
};

enum outcome {
    OUTCOME_NONE, /* it is under way */
    OUTCOME_RIGHT,
    OUTCOME_WAY,    /* the way in is wrong */
    OUTCOME_BEYOND, /* the request was taken, and nothing right came of it */
    OUTCOME_HERE    /* this machine's fault */
};

struct attempt {
    const struct client *client; /* NULL: directly */
    const struct uuid *uuid;
    const struct probe_via *via; /* leads through the entry; NULL: none */
    const struct target *target;
    CURL *easy;
    struct curl_slist *connect_to;
    bool has_way; /* this machine has one to an address of the name */
    int no_way;   /* errno: why there is none to another */
    struct tls tls;
    char curl_says[CURL_ERROR_SIZE];
    long long started, deadline; /* in ms of the monotonic clock */
    long long end;               /* likewise: the deadline once the target's status is there */
    enum stage stage;
    bool is_connected; /* its socket is ours to send and receive by */
    struct buf out;    /* what is to be sent */
    size_t sent;
    struct http_head upgrade;
    struct websocket websocket;
    struct http2 http2;
    struct buf message; /* what it sends */
    struct grpc grpc;
    struct vless_reply reply;
    enum outcome outcome;
    unsigned ms;
    char reason[PROBE_REASON];
    const char *hint; /* to be added where it is the entry's fault */
};

long long attempt_now(void);

/*
 * Prepares an attempt, whose easy handle is then to be given to a multi handle; it ends at once if
 * that fails. To be released in both cases, after the handle has been taken away again.
 */
void attempt_init(struct attempt *attempt, const struct client *client, const struct uuid *uuid,
                  const struct probe_via *via, const struct target *target,
                  const struct probe_options *options, long long deadline, long long end);
void attempt_release(struct attempt *attempt);

/* Ends an attempt with a reason (printf-like; NULL for none). What is said first counts. */
void attempt_end(struct attempt *attempt, enum outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends what is sent through the entry: VLESS and the HTTP request in it. */
void attempt_put_request(struct attempt *attempt, struct buf *buf);

/* Takes bytes of the stream that VLESS sees; may end the attempt. */
void attempt_take(struct attempt *attempt, const uint8_t *bytes, size_t len);

/* The words for ends that are nobody's answer (probe_reason.c). */
void attempt_end_by_close(struct attempt *attempt);
void attempt_end_by_timeout(struct attempt *attempt);
void attempt_end_by_curl(struct attempt *attempt, CURLcode code);

/* What is done with the socket once libcurl has connected it (probe_stream.c). */
void stream_connected(struct attempt *attempt);
void stream_step(struct attempt *attempt);
/* What to poll for; fd CURL_SOCKET_BAD: nothing. */
struct curl_waitfd stream_wants(const struct attempt *attempt);

/* gRPC above the socket (probe_grpc.c): the request, and what comes. */
void grpc_ask(struct attempt *attempt);
void grpc_take_bytes(struct attempt *attempt, const uint8_t *bytes, size_t len);

#endif
