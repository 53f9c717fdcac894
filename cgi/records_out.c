#include "records_out.h"

enum {
    RECORD_HEAD = 8,
    CONTENT_MAX = 65528, /* a multiple of 8 needs no padding */
    TYPE_END = 3,
    TYPE_STDOUT = 6
};

static void
write_head(char *p, unsigned type, unsigned id, size_t content, size_t padding)
{
    p[0] = 1;
    p[1] = (char)type;
    p[2] = (char)(id >> 8);
    p[3] = (char)id;
    p[4] = (char)(content >> 8);
    p[5] = (char)content;
    p[6] = (char)padding;
    p[7] = 0;
}

void
records_begin(struct buf *buf)
{
    static const char head[RECORD_HEAD] = {0};

    buf_clear(buf);
    buf_put(buf, head, sizeof(head));
}

/* Makes room for the heads of all records but the first: moves the pieces apart, last one first. */
static void
spread(struct buf *buf, unsigned id)
{
    size_t content = buf->len - RECORD_HEAD, pieces = (content + CONTENT_MAX - 1) / CONTENT_MAX;
    size_t i, len;
    char *from, *to;

    if (!buf_grow(buf, (pieces - 1) * RECORD_HEAD))
        return;
    for (i = pieces; i-- > 0;) {
        from = buf->data + RECORD_HEAD + i * CONTENT_MAX;
        to = from + i * RECORD_HEAD;
        len = i == pieces - 1 ? content - i * CONTENT_MAX : CONTENT_MAX;
        memmove(to, from, len);
        write_head(to - RECORD_HEAD, TYPE_STDOUT, id, len, i == pieces - 1 ? (8 - len % 8) % 8 : 0);
    }
    buf->len += (pieces - 1) * RECORD_HEAD;
}

void
records_end(struct buf *buf, unsigned request_id)
{
    /* Padding of the last record, the end of FCGI_STDOUT, FCGI_END_REQUEST (complete, status 0). */
    char tail[8 + 2 * RECORD_HEAD + 8] = {0};
    size_t content = buf->len - RECORD_HEAD, padding = (8 - content % 8) % 8;

    if (buf->failed)
        return;
    /* An empty record would end the stream, and one that does comes below. */
    if (content == 0)
        buf->len = 0;
    else
        spread(buf, request_id);
    write_head(tail + padding, TYPE_STDOUT, request_id, 0, 0);
    write_head(tail + padding + RECORD_HEAD, TYPE_END, request_id, 8, 0);
    buf_put(buf, tail, padding + 2 * RECORD_HEAD + 8);
}
