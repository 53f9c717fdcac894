#include "carrier.h"

enum {
    FINAL = 0x80,
    RESERVED = 0x70,
    OPCODE = 0x0f,
    MASKED = 0x80,
    LENGTH = 0x7f,
    CONTROL = 0x08,
    CONTROL_MAX = 125
};
enum opcode { CONTINUATION, TEXT, BINARY, CLOSE = CONTROL, PING, PONG };

void
websocket_put(struct buf *buf, const void *bytes, size_t len, const uint8_t mask[4])
{
    const uint8_t *p = bytes;
    size_t i;
    int shift;

    buf_putc(buf, (char)(FINAL | BINARY));
    if (len <= CONTROL_MAX) {
        buf_putc(buf, (char)(MASKED | len));
    } else if (len <= 0xffff) {
        buf_putc(buf, (char)(MASKED | 126));
        buf_putc(buf, (char)(len >> 8));
        buf_putc(buf, (char)len);
    } else {
        buf_putc(buf, (char)(MASKED | 127));
        for (shift = 56; shift >= 0; shift -= 8)
            buf_putc(buf, (char)((uint64_t)len >> shift));
    }
    buf_put(buf, mask, 4);
    for (i = 0; i < len; i++)
        buf_putc(buf, (char)(p[i] ^ mask[i % 4]));
}

/* Bytes of a whole head, by its first two. */
static unsigned
head_size(const struct websocket *websocket)
{
    unsigned length = websocket->head[1] & LENGTH;

    return length == 126 ? 4 : length == 127 ? 10 : 2;
}

/* Whether a server may send such a frame here (5.1, 5.2, 5.4, 5.5). */
static bool
is_allowed(const struct websocket *websocket)
{
    uint8_t flags = websocket->head[0];
    unsigned opcode = flags & OPCODE;

    if ((flags & RESERVED) != 0 || (websocket->head[1] & MASKED) != 0)
        return false;
    if (opcode >= CONTROL)
        return opcode <= PONG && (flags & FINAL) != 0 && websocket->left <= CONTROL_MAX;
    if (websocket->left > INT64_MAX)
        return false;
    return opcode == CONTINUATION ? websocket->is_fragmented
                                  : opcode <= BINARY && !websocket->is_fragmented;
}

/* One byte of a head; false: it is not a server's. */
static bool
take_head(struct websocket *websocket, uint8_t byte)
{
    unsigned size, i;

    websocket->head[websocket->head_len++] = byte;
    if (websocket->head_len < 2)
        return true;
    size = head_size(websocket);
    if (websocket->head_len < size)
        return true;
    websocket->left = size == 2 ? websocket->head[1] & LENGTH : 0;
    for (i = 2; i < size; i++)
        websocket->left = websocket->left << 8 | websocket->head[i];
    if (!is_allowed(websocket))
        return false;
    if ((websocket->head[0] & OPCODE) < CONTROL)
        websocket->is_fragmented = (websocket->head[0] & FINAL) == 0;
    websocket->is_inside = true;
    websocket->head_len = 0;
    return true;
}

/* Bytes of a control frame's payload. */
static void
take_control(struct websocket *websocket, const uint8_t *bytes, size_t len)
{
    size_t i;

    if ((websocket->head[0] & OPCODE) != CLOSE)
        return;
    for (i = 0; i < len && websocket->close_len < 2; i++, websocket->close_len++)
        websocket->close = websocket->close << 8 | bytes[i];
}

enum carrier_event
websocket_take(struct websocket *websocket, const uint8_t **at, const uint8_t *end,
               struct carried *data)
{
    for (;;) {
        unsigned opcode = websocket->head[0] & OPCODE;
        size_t n = (size_t)(end - *at);

        if (websocket->is_inside && websocket->left == 0) {
            websocket->is_inside = false;
            if (opcode == CLOSE)
                return CARRIER_CLOSE;
        }
        if (n == 0)
            return CARRIER_MORE;
        if (!websocket->is_inside) {
            if (!take_head(websocket, *(*at)++))
                return CARRIER_BAD;
            continue;
        }
        if (n > websocket->left)
            n = (size_t)websocket->left;
        *data = (struct carried){*at, n};
        websocket->left -= n;
        *at += n;
        if (opcode < CONTROL)
            return CARRIER_DATA;
        take_control(websocket, data->bytes, n);
    }
}
