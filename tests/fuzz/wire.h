/*
 * FastCGI as its client reads it: what was asked and what was answered, taken from the bytes by
 * readers that share no code with cgi/ and libfcgi. Whether a request is whole is judged by
 * tests/unit/requests.h.
 */
#ifndef SIGNPOST_FUZZ_WIRE_H
#define SIGNPOST_FUZZ_WIRE_H

#include "fuzz.h"

#include "buf.h"

#define assert_true(condition) require(condition)
#define assert_non_null(what)  require((what) != NULL)
#include "../unit/requests.h"

/* A request as it was sent. */
struct asked {
    unsigned id;
    size_t len;
    bool may_go_on;              /* another one may follow on the connection */
    char *method, *path, *query; /* NULL: not there */
};

static inline void
release_asked(struct asked *asked)
{
    free(asked->method);
    free(asked->path);
    free(asked->query);
    memset(asked, 0, sizeof(*asked));
}

static inline size_t
read_length(const uint8_t *p, size_t *at)
{
    size_t len = p[*at];

    if (len < 128) {
        *at += 1;
        return len;
    }
    len = (len & 127) << 24 | (size_t)p[*at + 1] << 16 | (size_t)p[*at + 2] << 8 | p[*at + 3];
    *at += 4;
    return len;
}

static inline void
take_pair(struct asked *asked, const uint8_t *name, size_t name_len, const uint8_t *value,
          size_t value_len)
{
    const struct {
        const char *name;
        char **value;
    } wanted[] = {{"REQUEST_METHOD", &asked->method},
                  {"PATH_INFO", &asked->path},
                  {"QUERY_STRING", &asked->query}};
    char *pair = malloc(name_len + value_len + 2), *equals;
    size_t i;

    /* As "NAME=value": a name with an equals sign is another name. */
    require(pair != NULL);
    memcpy(pair, name, name_len);
    pair[name_len] = '=';
    memcpy(pair + name_len + 1, value, value_len);
    pair[name_len + 1 + value_len] = '\0';
    equals = strchr(pair, '=');
    for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (*wanted[i].value == NULL && strlen(wanted[i].name) == (size_t)(equals - pair) &&
            memcmp(pair, wanted[i].name, (size_t)(equals - pair)) == 0)
            *wanted[i].value = fuzz_string(equals + 1, strlen(equals + 1));
    free(pair);
}

/* Reads the request that starts here, which has been judged to be whole. */
static inline void
read_asked(const uint8_t *p, bool is_kept, struct asked *asked)
{
    struct buf pairs;
    size_t at = 0, content, name_len, value_len;
    unsigned type;

    *asked = (struct asked){.id = (unsigned)p[2] << 8 | p[3]};
    buf_init(&pairs, HEAD_MAX);
    do {
        type = p[at + 1];
        content = (size_t)p[at + 4] << 8 | p[at + 5];
        if (type == PARAMS)
            buf_put(&pairs, p + at + 8, content);
        asked->may_go_on = is_kept && content == 0 && p[at + 6] == 0;
        at += 8 + content + p[at + 6];
    } while (type != STDIN);
    asked->len = at;
    for (content = 0; content < pairs.len;) {
        const uint8_t *bytes = (const uint8_t *)pairs.data;

        name_len = read_length(bytes, &content);
        value_len = read_length(bytes, &content);
        take_pair(asked, bytes + content, name_len, bytes + content + name_len, value_len);
        content += name_len + value_len;
    }
    buf_release(&pairs);
}

/*
 * Takes one answer off what was received. Returns its length, or 0 when the rest is not a whole
 * one; records are right as far as they go either way.
 */
static inline size_t
read_answer(const uint8_t *p, size_t len, unsigned id, struct buf *content)
{
    bool is_over = false;
    size_t at = 0, n;

    buf_clear(content);
    while (len - at >= 8) {
        n = (size_t)p[at + 4] << 8 | p[at + 5];
        require(p[at] == 1 && (p[at + 1] == 6 || p[at + 1] == 3) && p[at + 7] == 0);
        require(((unsigned)p[at + 2] << 8 | p[at + 3]) == id);
        require((p[at + 1] == 3) == is_over);
        if (len - at - 8 < n + p[at + 6])
            return 0;
        if (is_over) {
            require(n == 8 && p[at + 6] == 0 && memcmp(p + at + 8, "\0\0\0\0\0\0\0\0", 8) == 0);
            return at + 16;
        }
        buf_put(content, p + at + 8, n);
        is_over = n == 0;
        at += 8 + n + p[at + 6];
    }
    return 0;
}

#endif
