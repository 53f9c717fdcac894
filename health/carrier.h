/*
 * What carries a stream of bytes in messages: WebSocket (RFC 6455) and gRPC (its "HTTP/2" page for
 * the length prefix; Xray-core transport/internet/grpc/encoding for the Hunk inside). Pure
 * functions; what a server sent comes in pieces of any size and is not trusted.
 */
#ifndef SIGNPOST_CARRIER_H
#define SIGNPOST_CARRIER_H

#include "buf.h"

#include <stdint.h>

enum carrier_event {
    CARRIER_MORE,  /* all bytes are taken */
    CARRIER_DATA,  /* bytes of the stream; there may be more to take */
    CARRIER_CLOSE, /* the end of the stream, as agreed; WebSocket only */
    CARRIER_BAD    /* not this carrier */
};

/* A run of bytes of the stream, inside of what was taken. */
struct carried {
    const uint8_t *bytes;
    size_t len;
};

/* Appends a binary message, masked by 4 bytes that no one on the way can foresee (5.3). */
void websocket_put(struct buf *buf, const void *bytes, size_t len, const uint8_t mask[4]);

/* All zero before the first byte of the server's. */
struct websocket {
    uint8_t head[10];
    unsigned head_len; /* bytes of it that are there */
    uint64_t left;     /* bytes of the frame to come, once its head is whole */
    bool is_inside;
    bool is_fragmented; /* a message goes on in the next frame */
    unsigned close_len; /* of the code, bytes that are there */
    unsigned close;     /* the code of a close frame; 0: it has none */
};

/*
 * Takes bytes from *at, before end, up to the next event; to be called until it says CARRIER_MORE,
 * and no more after CARRIER_CLOSE or CARRIER_BAD. data is set for CARRIER_DATA. Pings are skipped:
 * nobody waits for an answer as long as a probe lasts.
 */
enum carrier_event websocket_take(struct websocket *websocket, const uint8_t **at,
                                  const uint8_t *end, struct carried *data);

/* Appends a message that holds one Hunk (or MultiHunk: for one run of bytes they are the same). */
void grpc_put(struct buf *buf, const void *bytes, size_t len);

/* All zero before the first byte of the server's. */
struct grpc {
    unsigned head_len; /* of the prefix, bytes that are there; 5: inside of a message */
    uint32_t left;     /* bytes of the message to come */
    unsigned field;    /* where in one of its fields: 0 the tag, 1 the length, 2 the bytes */
    unsigned shift;    /* of the length's next seven bits */
    uint32_t len;      /* the length, then what is left of the bytes */
};

/* Takes bytes as websocket_take does. A compressed message is CARRIER_BAD: none was asked for. */
enum carrier_event grpc_take(struct grpc *grpc, const uint8_t **at, const uint8_t *end,
                             struct carried *data);

#endif
