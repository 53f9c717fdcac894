#include "carrier.h"

enum { PREFIX = 5, TAG = 0x0a /* field 1, bytes */ };
enum { IN_TAG, IN_LENGTH, IN_BYTES };

void
grpc_put(struct buf *buf, const void *bytes, size_t len)
{
    uint8_t field[11] = {TAG};
    size_t size = 1, rest = len, message;
    int shift;

    do {
        field[size++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        rest >>= 7;
    } while (rest > 0);
    message = size + len;
    buf_putc(buf, 0); /* not compressed */
    for (shift = 24; shift >= 0; shift -= 8)
        buf_putc(buf, (char)(message >> shift));
    buf_put(buf, field, size);
    buf_put(buf, bytes, len);
}

/* One byte of a message's prefix. */
static bool
take_prefix(struct grpc *grpc, uint8_t byte)
{
    if (grpc->head_len == 0 && byte != 0)
        return false;
    grpc->left = grpc->head_len == 0 ? 0 : grpc->left << 8 | byte;
    grpc->head_len++;
    return true;
}

/* One byte of a field before its bytes; the length must stay within the message. */
static bool
take_field(struct grpc *grpc, uint8_t byte)
{
    grpc->left--;
    if (grpc->field == IN_TAG) {
        grpc->len = 0;
        grpc->shift = 0;
        grpc->field = IN_LENGTH;
        return byte == TAG && grpc->left > 0;
    }
    if (grpc->shift > 28 || (grpc->shift == 28 && (byte & 0x7f) > 0x0f))
        return false;
    grpc->len |= (uint32_t)(byte & 0x7f) << grpc->shift;
    grpc->shift += 7;
    if ((byte & 0x80) != 0)
        return grpc->left > 0;
    grpc->field = IN_BYTES;
    return grpc->len <= grpc->left;
}

/* Passes the end of a field and of a message. */
static void
pass_ends(struct grpc *grpc)
{
    if (grpc->field == IN_BYTES && grpc->len == 0)
        grpc->field = IN_TAG;
    if (grpc->head_len == PREFIX && grpc->left == 0)
        grpc->head_len = 0;
}

enum carrier_event
grpc_take(struct grpc *grpc, const uint8_t **at, const uint8_t *end, struct carried *data)
{
    while (*at < end) {
        size_t n = (size_t)(end - *at);
        bool is_good = true, is_data = false;

        if (grpc->head_len < PREFIX) {
            is_good = take_prefix(grpc, *(*at)++);
        } else if (grpc->field != IN_BYTES) {
            is_good = take_field(grpc, *(*at)++);
        } else {
            if (n > grpc->len)
                n = grpc->len;
            *data = (struct carried){*at, n};
            *at += n;
            grpc->left -= (uint32_t)n;
            grpc->len -= (uint32_t)n;
            is_data = true;
        }
        if (!is_good)
            return CARRIER_BAD;
        pass_ends(grpc);
        if (is_data)
            return CARRIER_DATA;
    }
    return CARRIER_MORE;
}
