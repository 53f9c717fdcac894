#include "vless.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

enum { VERSION = 0, COMMAND_TCP = 1, IS_IPV4 = 1, IS_NAME = 2, IS_IPV6 = 3 };

static void
put_host(struct buf *buf, const char *host)
{
    char normal[HOST_MAX];
    uint8_t address[16];

    switch (host_parse(host, normal)) {
    case HOST_IPV4:
        inet_pton(AF_INET, normal, address);
        buf_putc(buf, IS_IPV4);
        buf_put(buf, address, 4);
        break;
    case HOST_IPV6:
        inet_pton(AF_INET6, normal, address);
        buf_putc(buf, IS_IPV6);
        buf_put(buf, address, 16);
        break;
    case HOST_NAME: /* 253 bytes at most */
        buf_putc(buf, IS_NAME);
        buf_putc(buf, (char)strlen(normal));
        buf_puts(buf, normal);
        break;
    default:
        buf->failed = true;
        break;
    }
}

void
vless_put_request(struct buf *buf, const struct uuid *uuid, const char *host, unsigned port)
{
    buf_putc(buf, VERSION);
    buf_put(buf, uuid->bytes, sizeof(uuid->bytes));
    buf_putc(buf, 0); /* length of addons */
    buf_putc(buf, COMMAND_TCP);
    buf_putc(buf, (char)(port >> 8));
    buf_putc(buf, (char)port);
    put_host(buf, host);
}

void
vless_reply_init(struct vless_reply *reply, unsigned wanted, size_t wanted_body)
{
    *reply = (struct vless_reply){.wanted = wanted, .wanted_body = wanted_body};
}

static void
keep_first(struct vless_reply *reply, const uint8_t *bytes, size_t len)
{
    size_t room = sizeof(reply->first) - reply->first_len;

    if (len > room)
        len = room;
    memcpy(reply->first + reply->first_len, bytes, len);
    reply->first_len += len;
}

/* The first two bytes and the addons; false: it is not VLESS. */
static bool
take_header(struct vless_reply *reply, const uint8_t **at, const uint8_t *end)
{
    size_t n;

    for (; *at < end && reply->len < 2; ++*at, reply->len++) {
        if (reply->len == 0 && **at != VERSION)
            return false;
        reply->addons = **at;
    }
    n = (size_t)(end - *at) < reply->addons ? (size_t)(end - *at) : reply->addons;
    if (reply->len >= 2) {
        reply->addons -= (unsigned)n;
        reply->len += n;
        *at += n;
    }
    return true;
}

static enum vless_state
take_http(struct vless_reply *reply, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *start = *at;
    enum http_head_state state = HTTP_HEAD_MORE;

    if (!reply->is_whole) {
        state = http_head_take(&reply->http, at, end);
        reply->is_whole = state == HTTP_HEAD_WHOLE;
    }
    reply->len += (size_t)(*at - start);
    if (state == HTTP_HEAD_BAD)
        return reply->is_bare && reply->http.status == 0 ? VLESS_FOREIGN : VLESS_NO_HTTP;
    if (reply->is_whole) {
        reply->len += (size_t)(end - *at);
        reply->body += (size_t)(end - *at);
        *at = end;
    }
    if (reply->http.status == 0)
        return VLESS_MORE;
    if (reply->http.status != reply->wanted)
        return VLESS_DONE;
    return reply->body >= reply->wanted_body ? VLESS_DONE : VLESS_MORE;
}

enum vless_state
vless_reply_take(struct vless_reply *reply, const void *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = at + len;

    keep_first(reply, at, len);
    if (!reply->is_bare && (reply->len < 2 || reply->addons > 0)) {
        if (!take_header(reply, &at, end))
            return VLESS_FOREIGN;
        if (reply->len < 2 || reply->addons > 0)
            return VLESS_MORE;
    }
    return take_http(reply, &at, end);
}

const char *
vless_guess(const void *first, size_t len, char text[VLESS_FIRST])
{
    const uint8_t *bytes = first, *at = first;
    struct http_head head = {0};

    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        http_head_take(&head, &at, bytes + len);
        if (head.status == 0)
            return "HTTP";
        snprintf(text, VLESS_FIRST, "HTTP %u", head.status);
        return text;
    }
    if (len >= 2 && (bytes[0] == 0x15 || bytes[0] == 0x16) && bytes[1] == 3)
        return "TLS";
    /* A SETTINGS frame, which looks like the header of VLESS. */
    if (len >= 9 && bytes[0] == 0 && bytes[1] == 0 && memcmp(bytes + 3, "\4\0\0\0\0\0", 6) == 0)
        return "HTTP/2";
    if (len >= 4 && memcmp(bytes, "SSH-", 4) == 0)
        return "SSH";
    return NULL;
}
