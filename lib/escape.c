#include "escape.h"

#include <stdbool.h>
#include <string.h>

static bool
is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/*
 * Throne takes a list that holds one of these words anywhere for a profile of another kind, before
 * it looks for links: of such a word the first letter is escaped.
 */
static bool
is_mistakable(const char *p, size_t left)
{
    return (*p == 'o' && left >= 9 && memcmp(p, "outbounds", 9) == 0) ||
           (*p == 'e' && left >= 9 && memcmp(p, "endpoints", 9) == 0) ||
           (*p == 's' && left >= 7 && memcmp(p, "servers", 7) == 0);
}

static bool
may_stand(const char *p, size_t left)
{
    return is_unreserved((unsigned char)*p) && !is_mistakable(p, left);
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
            need -= may_stand(bytes + i, len - i) ? 2 : 0;
    if (len == 0 || !buf_grow(buf, need))
        return;
    out = buf->data + buf->len;
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (may_stand(bytes + i, len - i)) {
            *out++ = (char)c;
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    buf->len = (size_t)(out - buf->data);
}

/* The code of a character of two or three bytes that must not stand in a string; 0: it may. */
static unsigned
code_to_escape(const unsigned char *p, size_t left, size_t *len)
{
    unsigned code;

    *len = 1;
    if (p[0] < ' ' || p[0] == '"' || p[0] == '\\' || p[0] == 0x7f)
        return p[0] == 0 ? 0x10000 : p[0];
    if (p[0] == 0xc2 && left >= 2 && p[1] < 0xa0) { /* C1 */
        *len = 2;
        return p[1];
    }
    if ((p[0] != 0xe2 && p[0] != 0xef) || left < 3)
        return 0;
    code = (unsigned)(p[0] & 15) << 12 | (unsigned)(p[1] & 63) << 6 | (p[2] & 63);
    *len = 3;
    return code == 0x2028 || code == 0x2029 || code >= 0xfeff ? code : 0;
}

void
escape_quoted(struct buf *buf, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + len, *plain = p;
    unsigned code;
    size_t n;

    for (; p < end; p += n) {
        code = code_to_escape(p, (size_t)(end - p), &n);
        if (code == 0) {
            n = 1;
            continue;
        }
        buf_put(buf, plain, (size_t)(p - plain));
        if (code == '"' || code == '\\') {
            buf_putc(buf, '\\');
            buf_putc(buf, (char)code);
        } else {
            buf_printf(buf, "\\u%04x", code & 0xffff);
        }
        plain = p + n;
    }
    buf_put(buf, plain, (size_t)(p - plain));
}

void
escape_string(struct buf *buf, const char *text)
{
    buf_putc(buf, '"');
    escape_quoted(buf, text, strlen(text));
    buf_putc(buf, '"');
}
