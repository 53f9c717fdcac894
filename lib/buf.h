/*
 * A growing byte buffer with a hard cap and a sticky error: append without looking, ask once
 * at the end. After a failure (cap reached, no memory) every append is ignored.
 */
#ifndef SIGNPOST_BUF_H
#define SIGNPOST_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buf {
    char *data; /* not terminated; NULL while empty and never grown */
    size_t len;
    size_t size; /* bytes allocated */
    size_t cap;  /* never grows past this */
    bool failed;
    bool no_memory; /* that is why it failed, not its cap */
};

/* Makes an empty buffer that may hold up to cap bytes; allocates nothing yet. */
void buf_init(struct buf *buf, size_t cap);

/* Frees what it holds; the struct is as after buf_init. */
void buf_release(struct buf *buf);

/* Forgets content and error, keeps the memory. */
void buf_clear(struct buf *buf);

/* Makes room for len more bytes at data + len. Returns false (and fails the buffer) if it can't. */
bool buf_grow(struct buf *buf, size_t len);

/* Appends formatted text (printf-like). */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends a number in decimal digits; quicker than buf_printf. */
void buf_put_number(struct buf *buf, unsigned long long number);

/* Appends len bytes. */
static inline void
buf_put(struct buf *buf, const void *bytes, size_t len)
{
    if (len == 0 || (buf->size - buf->len < len && !buf_grow(buf, len)) || buf->failed)
        return;
    memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
}

/* Appends a terminated string. */
static inline void
buf_puts(struct buf *buf, const char *string)
{
    buf_put(buf, string, strlen(string));
}

/* Appends one byte. */
static inline void
buf_putc(struct buf *buf, char c)
{
    buf_put(buf, &c, 1);
}

#endif
