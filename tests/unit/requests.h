/*
 * FastCGI requests for the tests of head.h: written byte by byte, and judged a second time by a
 * plain reading of the rules that shares no code with cgi/head.c.
 */
#ifndef SIGNPOST_REQUESTS_H
#define SIGNPOST_REQUESTS_H

#include <stdbool.h>
#include <stdlib.h>

#include "head.h"

enum {
    BEGIN = 1,
    ABORT = 2,
    PARAMS = 4,
    STDIN = 5,
    DATA = 8,
    GET_VALUES = 9,
    REQUEST_MAX = 300000
};

struct bytes {
    unsigned char at[REQUEST_MAX];
    size_t len;
};

static inline void
put(struct bytes *bytes, const void *from, size_t len)
{
    assert_true(len <= sizeof(bytes->at) - bytes->len);
    if (len > 0)
        memcpy(bytes->at + bytes->len, from, len);
    bytes->len += len;
}

static inline void
put_byte(struct bytes *bytes, unsigned value)
{
    unsigned char byte = (unsigned char)value;

    put(bytes, &byte, 1);
}

static inline void
put_record(struct bytes *bytes, unsigned type, unsigned id, const void *content, size_t len,
           size_t padding)
{
    unsigned char head[8] = {1,
                             (unsigned char)type,
                             (unsigned char)(id >> 8),
                             (unsigned char)id,
                             (unsigned char)(len >> 8),
                             (unsigned char)len,
                             (unsigned char)padding,
                             0};

    put(bytes, head, sizeof(head));
    put(bytes, content, len);
    while (padding-- > 0)
        put_byte(bytes, 0);
}

static inline void
put_begin(struct bytes *bytes, unsigned id, unsigned role, unsigned flags)
{
    unsigned char body[8] = {(unsigned char)(role >> 8), (unsigned char)role, (unsigned char)flags};

    put_record(bytes, BEGIN, id, body, sizeof(body), 0);
}

/* A length in one byte, or in four. */
static inline void
put_length(struct bytes *bytes, size_t len, bool is_long)
{
    if (!is_long && len < 128) {
        put_byte(bytes, (unsigned)len);
        return;
    }
    put_byte(bytes, 0x80 | (unsigned)(len >> 24));
    put_byte(bytes, (unsigned)(len >> 16));
    put_byte(bytes, (unsigned)(len >> 8));
    put_byte(bytes, (unsigned)len);
}

static inline void
put_pair(struct bytes *bytes, const char *name, const char *value, bool is_long)
{
    put_length(bytes, strlen(name), is_long);
    put_length(bytes, strlen(value), is_long);
    put(bytes, name, strlen(name));
    put(bytes, value, strlen(value));
}

/* The end of the parameters and of an empty body. */
static inline void
put_ends(struct bytes *bytes, unsigned id)
{
    put_record(bytes, PARAMS, id, NULL, 0, 0);
    put_record(bytes, STDIN, id, NULL, 0, 0);
}

/* A plain request with these parameters' bytes in one record. */
static inline void
put_request(struct bytes *bytes, const struct bytes *pairs)
{
    bytes->len = 0;
    put_begin(bytes, 1, 1, 1);
    if (pairs->len > 0)
        put_record(bytes, PARAMS, 1, pairs->at, pairs->len, 0);
    put_ends(bytes, 1);
}

/* A request as nginx sends them. */
static inline void
put_example(struct bytes *bytes)
{
    static struct bytes pairs;

    pairs.len = 0;
    put_pair(&pairs, "REQUEST_METHOD", "GET", false);
    put_pair(&pairs, "PATH_INFO", "/8f3c5d1e-6324-4d53-ad4f-8cda48b30811", true);
    put_pair(&pairs, "QUERY_STRING", "", false);
    put_pair(&pairs, "HTTP_USER_AGENT",
             "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
             "Chrome/140.0.0.0 Safari/537.36 and some more to need four bytes of length",
             false);
    put_request(bytes, &pairs);
}

/* Whether what is there of a stream of pairs may go on, or (is_end) may end here. */
static inline bool
pairs_are_good(const unsigned char *p, size_t len, bool is_end)
{
    size_t count = 0, at = 0, lengths[2], i;

    while (at < len) {
        for (i = 0; i < 2; i++) {
            if (at == len)
                return !is_end;
            if (p[at] < 128) {
                lengths[i] = p[at++];
            } else {
                if (len - at < 4)
                    return !is_end;
                lengths[i] = ((size_t)p[at] & 127) << 24 | (size_t)p[at + 1] << 16 |
                             (size_t)p[at + 2] << 8 | p[at + 3];
                at += 4;
            }
            if (lengths[i] > HEAD_MAX)
                return false;
        }
        for (i = 0; i < lengths[0] + lengths[1]; i++, at++) {
            if (at == len)
                return !is_end;
            if (p[at] == 0)
                return false;
        }
        if (++count > HEAD_PAIRS_MAX)
            return false;
    }
    return true;
}

/*
 * What head_check should say. Records are judged when they are whole, their heads at once. Sets
 * *is_open when a record is padded where nobody has a use for it: what to say then is left open.
 */
static inline enum head_verdict
judge(const unsigned char *p, size_t len, struct head *head, bool *is_open)
{
    static unsigned char stream[HEAD_MAX];
    size_t at = 0, streamed = 0, number = 0, id = 0;
    bool is_stdin = false;

    *is_open = false;
    for (;; number++) {
        const unsigned char *record = p + at;
        size_t content, size;

        if (at + 8 > len)
            return HEAD_PART;
        content = (size_t)record[4] * 256 + record[5];
        size = 8 + content + record[6];
        *is_open |= record[6] != 0 && (number == 0 || content == 0);
        if (record[0] != 1 || (number > 0 && (size_t)record[2] * 256 + record[3] != id))
            return HEAD_BAD;
        if (is_stdin) {
            if (record[1] != STDIN)
                return HEAD_BAD;
            if (content > 0) {
                head->is_clean = false;
                return HEAD_WHOLE;
            }
            head->is_clean = at + size == len;
            return at + size > len ? HEAD_PART : HEAD_WHOLE;
        }
        if (at + size > HEAD_MAX)
            return HEAD_BAD;
        if (at + size > len)
            return HEAD_PART;
        if (number == 0) {
            id = (size_t)record[2] * 256 + record[3];
            if (record[1] != BEGIN || id == 0 || content != 8 || record[8] != 0 || record[9] != 1)
                return HEAD_BAD;
            head->keep_connection = record[10] & 1;
        } else {
            if (record[1] != PARAMS)
                return HEAD_BAD;
            memcpy(stream + streamed, record + 8, content);
            streamed += content;
            if (!pairs_are_good(stream, streamed, content == 0))
                return HEAD_BAD;
            is_stdin = content == 0;
        }
        at += size;
    }
}

/* Asks head_check with a block of exactly this size, so that reading past it is noticed. */
static inline enum head_verdict
check_exactly(const unsigned char *p, size_t len, struct head *head)
{
    unsigned char *copy = malloc(len > 0 ? len : 1);
    enum head_verdict verdict;

    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, p, len);
    memset(head, 0, sizeof(*head));
    verdict = head_check(copy, len, head);
    free(copy);
    return verdict;
}

#endif
