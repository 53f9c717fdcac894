#include "escape.h"

#include <stdbool.h>

static bool
is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void
escape_percent(struct buf *buf, const char *bytes, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t i, need = 3 * len;
    char *out;

    /* Counted only where the most that it could take is not there. */
    if (buf->size - buf->len < need)
        for (i = 0; i < len; i++)
            need -= is_unreserved((unsigned char)bytes[i]) ? 2 : 0;
    if (len == 0 || !buf_grow(buf, need))
        return;
    out = buf->data + buf->len;
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (is_unreserved(c)) {
            *out++ = (char)c;
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    buf->len = (size_t)(out - buf->data);
}
