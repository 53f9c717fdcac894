#include "qr.h"

#include <errno.h>
#include <qrencode.h>

enum {
    QUIET = 4,        /* modules around the symbol */
    SIDE_MAX = 177,   /* modules */
    PIXELS = 260,     /* about how wide it is shown */
    RUN_BYTES = 16,   /* of one run in the path, at most: "m-177 177h177" */
    STRONG_MAX = 106, /* bytes; up to here (version 6) the better correction costs little room */
};

static char *
put_number(char *out, int n)
{
    if (n < 0) {
        *out++ = '-';
        n = -n;
    }
    if (n >= 100)
        *out++ = (char)('0' + n / 100);
    if (n >= 10)
        *out++ = (char)('0' + n / 10 % 10);
    *out++ = (char)('0' + n % 10);
    return out;
}

/*
 * One path for the whole symbol: a stroke for every run of dark modules, moves relative to where
 * the one before ended. This takes fewer bytes than outlines do.
 */
static void
put_path(struct buf *buf, const QRcode *code)
{
    char row[SIDE_MAX / 2 * RUN_BYTES + RUN_BYTES], *out;
    int x, y, start, at_x = 0, at_y = 0, side = code->width;

    for (y = 0; y < side; y++) {
        const unsigned char *modules = code->data + (size_t)y * (size_t)side;

        out = row;
        for (x = 0; x < side; x++) {
            if ((modules[x] & 1) == 0)
                continue;
            for (start = x; x < side && (modules[x] & 1) != 0; x++)
                ;
            *out++ = 'm';
            out = put_number(out, start - at_x);
            *out++ = ' ';
            out = put_number(out, y - at_y);
            *out++ = 'h';
            out = put_number(out, x - start);
            at_x = x;
            at_y = y;
        }
        buf_put(buf, row, (size_t)(out - row));
    }
}

/* NULL without memory, or when there is no such symbol. */
static QRcode *
encode(const char *text, size_t len)
{
    QRecLevel level = len <= STRONG_MAX ? QR_ECLEVEL_M : QR_ECLEVEL_L;

    return QRcode_encodeData((int)len, (const unsigned char *)text, 0, level);
}

bool
qr_put(struct buf *buf, const char *text, size_t len, const char *label)
{
    QRcode *code;
    int side, scale;

    if (len == 0 || len > QR_MAX)
        return false;
    code = encode(text, len);
    if (code == NULL) {
        buf->failed = true;
        return true;
    }
    /* Whole pixels per module are the sharpest. */
    side = code->width + 2 * QUIET;
    scale = PIXELS / side < 2 ? 2 : PIXELS / side;
    /* A stroke lies half a module on each side of its line. */
    buf_printf(buf,
               "<svg viewBox=\"-%d -%d.5 %d %d\" width=\"%d\" shape-rendering=\"crispEdges\""
               " role=\"img\" aria-label=\"%s\"><path stroke=\"#000\" d=\"",
               QUIET, QUIET, side, side, side * scale, label);
    put_path(buf, code);
    buf_puts(buf, "\"/></svg>");
    QRcode_free(code);
    return true;
}

/* Whether a module is light; all around the symbol are. */
static bool
is_light(const QRcode *code, int x, int y)
{
    int side = code->width;

    return x < 0 || y < 0 || x >= side || y >= side ||
           (code->data[(size_t)y * (size_t)side + (size_t)x] & 1) == 0;
}

bool
qr_put_text(struct buf *buf, const char *text, size_t len, bool with_colours)
{
    static const char *const blocks[] = {" ", "\u2584", "\u2580", "\u2588"};
    QRcode *code;
    int x, y;

    if (len == 0 || len > QR_MAX)
        return false;
    code = encode(text, len);
    if (code == NULL) {
        buf->failed = true;
        return true;
    }
    for (y = -QUIET; y < code->width + QUIET; y += 2) {
        if (with_colours)
            buf_puts(buf, "\033[97;40m");
        for (x = -QUIET; x < code->width + QUIET; x++)
            buf_puts(buf, blocks[2 * is_light(code, x, y) + is_light(code, x, y + 1)]);
        buf_puts(buf, with_colours ? "\033[0m\n" : "\n");
    }
    QRcode_free(code);
    return true;
}
