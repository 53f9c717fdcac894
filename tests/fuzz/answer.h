/* What every answer must be, whoever asks for what: CGI output (RFC 3875 section 6). */
#ifndef SIGNPOST_FUZZ_ANSWER_H
#define SIGNPOST_FUZZ_ANSWER_H

#include "fuzz.h"

#include "respond.h"

/* A header field's line: name, colon, space, and no control character up to CR LF. */
static inline const char *
answer_check_line(const char *p, const char *end)
{
    const char *start = p;

    while (p < end && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '-'))
        p++;
    require(p > start && end - p > 2 && p[0] == ':' && p[1] == ' ');
    while (p < end && *p != '\r') {
        require((unsigned char)*p >= ' ' && *p != 0x7f);
        p++;
    }
    require(end - p >= 2 && p[1] == '\n');
    return p + 2;
}

/* Checks the head of an answer and its length. Returns where the body starts. */
static inline const char *
answer_check(const struct response *response, const struct buf *out)
{
    const char *p = out->data, *end = p + out->len, *length = NULL;
    char status[20];
    int lines = 0;

    require(!out->failed && out->len > 4);
    snprintf(status, sizeof(status), "Status: %d ", response->status);
    require(strncmp(p, status, strlen(status)) == 0);
    for (; end - p >= 2 && memcmp(p, "\r\n", 2) != 0; lines++) {
        if (strncmp(p, "Content-Length: ", 16) == 0)
            length = p + 16;
        p = answer_check_line(p, end);
    }
    require(end - p >= 2 && lines <= 20);
    p += 2;
    require((response->status == 200) == (length != NULL));
    if (response->status != 200 || response->is_head)
        require(p == end);
    else
        require(strtoul(length, NULL, 10) == (size_t)(end - p));
    return p;
}

/* The one answer to every miss, to the byte. */
static inline void
answer_check_miss(const struct buf *out)
{
    static const char miss[] = "Status: 404 Not Found\r\nContent-Type: text/html\r\n\r\n";

    require(out->len == sizeof(miss) - 1 && memcmp(out->data, miss, out->len) == 0);
}

/* The one answer to everything while there is no snapshot that can be trusted. */
static inline void
answer_check_outage(const struct buf *out)
{
    static const char outage[] = "Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
                                 "Retry-After: 60\r\n\r\n";

    require(out->len == sizeof(outage) - 1 && memcmp(out->data, outage, out->len) == 0);
}

#endif
