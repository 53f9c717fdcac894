#include "base64.h"

#include <b64/cencode.h>

/*
 * libb64 breaks the line after every 72 characters (54 bytes) of one state and has no switch for
 * it. A fresh state for each 51 bytes, a multiple of 3, never gets that far.
 */
enum { RUN = 51 };

void
base64_put(struct buf *buf, const char *bytes, size_t len)
{
    base64_encodestate state;
    char *out;

    /* blockend writes a newline, which is dropped below: buf_grow has the byte for it. */
    if (len == 0 || !buf_grow(buf, (len + 2) / 3 * 4))
        return;
    out = buf->data + buf->len;
    for (; len > RUN; len -= RUN, bytes += RUN) {
        base64_init_encodestate(&state);
        out += base64_encode_block(bytes, RUN, out, &state);
    }
    base64_init_encodestate(&state);
    out += base64_encode_block(bytes, (int)len, out, &state);
    out += base64_encode_blockend(out, &state) - 1;
    buf->len = (size_t)(out - buf->data);
}
