#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
buf_init(struct buf *buf, size_t cap)
{
    *buf = (struct buf){.cap = cap};
}

void
buf_release(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->cap);
}

void
buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = buf->no_memory = false;
}

bool
buf_grow(struct buf *buf, size_t len)
{
    size_t size = buf->size < 256 ? 256 : buf->size;
    char *data;

    if (buf->failed)
        return false;
    if (len > buf->cap || buf->len > buf->cap - len) {
        buf->failed = true;
        return false;
    }
    while (size < buf->len + len)
        size *= 2;
    if (size > buf->cap)
        size = buf->cap;
    if (size <= buf->size)
        return true;
    /* One byte more than is said: writers that terminate need it. */
    data = realloc(buf->data, size + 1);
    if (data == NULL) {
        buf->failed = buf->no_memory = true;
        return false;
    }
    buf->data = data;
    buf->size = size;
    return true;
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len == 0)
        return;
    if (len < 0 || !buf_grow(buf, (size_t)len)) {
        buf->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

void
buf_put_number(struct buf *buf, unsigned long long number)
{
    char digits[24];
    size_t n = sizeof(digits);

    do
        digits[--n] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    buf_put(buf, digits + n, sizeof(digits) - n);
}
