/*
 * The head of an HTTP/1.x answer (RFC 9112 sections 4 and 5), as far as a probe looks at it: the
 * status, and where the head ends. It comes in pieces of any size and from anybody.
 */
#ifndef SIGNPOST_HTTP_HEAD_H
#define SIGNPOST_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_HEAD_MAX = 64 * 1024 };

enum http_head_state { HTTP_HEAD_MORE, HTTP_HEAD_WHOLE, HTTP_HEAD_BAD };

/* All zero before the first byte. */
struct http_head {
    unsigned status; /* 100 to 999; 0 until the status line has told it */
    unsigned number; /* its digits so far */
    size_t len;      /* bytes taken */
    bool is_after_newline;
};

/*
 * Takes bytes from *at, before end, and moves *at past them: all of them for HTTP_HEAD_MORE, those
 * up to the empty line for HTTP_HEAD_WHOLE. HTTP_HEAD_BAD: not HTTP/1.x, or longer than
 * HTTP_HEAD_MAX; *at is where that showed. To be called no more after either.
 */
enum http_head_state http_head_take(struct http_head *head, const uint8_t **at, const uint8_t *end);

#endif
