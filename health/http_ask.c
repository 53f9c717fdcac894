#include "http_ask.h"

#include <stdio.h>
#include <string.h>

#include "base64.h"

static bool
is_empty(const char *text)
{
    return text == NULL || text[0] == '\0';
}

static void
put_address(struct buf *buf, const char *address)
{
    buf_printf(buf, strchr(address, ':') != NULL ? "[%s]" : "%s", address);
}

/* Appends text as part of a path; only what stands in kept, and letters and digits, stay. */
static void
put_escaped(struct buf *buf, const char *text, size_t len, const char *kept)
{
    size_t i;

    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c != '\0' && strchr(kept, c) != NULL))
            buf_putc(buf, (char)c);
        else
            buf_printf(buf, "%%%02X", c);
    }
}

/* What Go keeps in a path, and in a segment of one (net/url, PathEscape). */
#define KEPT_IN_SEGMENT "-_.~$&+=:@"
#define KEPT_IN_PATH    KEPT_IN_SEGMENT "/,;"

/* Appends a query without the parameter ed, its question mark included if anything is left. */
static void
put_query(struct buf *buf, const char *query, const char *kept)
{
    const char *before = kept == NULL ? "?" : "%3F";
    size_t len;

    for (;; query += len + 1) {
        len = strcspn(query, "&");
        if (len > 0 && !(strncmp(query, "ed", 2) == 0 && (len == 2 || query[2] == '='))) {
            buf_puts(buf, before);
            put_escaped(buf, query, len, kept != NULL ? kept : KEPT_IN_PATH "%?!*'()");
            before = "&";
        }
        if (query[len] == '\0')
            return;
    }
}

/*
 * To Xray the path of ws is a piece of a URL, with escapes and a query; that of httpupgrade is a
 * name, in which a question mark is but a character.
 */
static void
put_path(struct buf *buf, const struct client *client)
{
    const char *path = is_empty(client->path) ? "/" : client->path;
    const char *kept = client->type == TRANSPORT_HTTPUPGRADE ? KEPT_IN_PATH : NULL;
    size_t len = strcspn(path, "?");

    put_escaped(buf, path, len, kept != NULL ? kept : KEPT_IN_PATH "%!*'()");
    if (path[len] == '?')
        put_query(buf, path + len + 1, kept);
}

void
http_ask_upgrade(struct buf *buf, const struct client *client, const char *key)
{
    buf_puts(buf, "GET ");
    put_path(buf, client);
    buf_puts(buf, " HTTP/1.1\r\nHost: ");
    if (!is_empty(client->host))
        buf_puts(buf, client->host);
    else if (client->security == SECURITY_TLS && !is_empty(client->sni))
        buf_puts(buf, client->sni);
    else
        put_address(buf, client->address);
    buf_puts(buf, "\r\nUser-Agent: " HTTP_ASK_AGENT "\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\n");
    if (client->type == TRANSPORT_WS)
        buf_printf(buf, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", key);
    buf_puts(buf, "\r\n");
}

void
http_ask_connect(struct buf *buf, const char *host, unsigned port, const char *user)
{
    char login[64];
    int i;

    buf_puts(buf, "CONNECT ");
    for (i = 0; i < 2; i++) {
        put_address(buf, host);
        buf_printf(buf, ":%u%s", port, i == 0 ? " HTTP/1.1\r\nHost: " : "\r\n");
    }
    snprintf(login, sizeof(login), "%s:n", user);
    buf_puts(buf, "Proxy-Authorization: Basic ");
    base64_put(buf, login, strlen(login));
    buf_puts(buf, "\r\n\r\n");
}

/* A serviceName that starts with '/' is a custom path: its last segment names the methods. */
static void
put_custom_path(struct buf *buf, const char *service, bool is_multi)
{
    const char *last = strrchr(service, '/') + 1, *segment = service + 1;
    size_t len;

    for (; segment < last; segment += len + 1) {
        len = strcspn(segment, "/");
        buf_putc(buf, '/');
        put_escaped(buf, segment, len, KEPT_IN_SEGMENT);
    }
    buf_putc(buf, '/');
    len = strcspn(last, "|");
    if (is_multi && last[len] == '|') {
        last += len + 1;
        len = strcspn(last, "|");
    }
    put_escaped(buf, last, len, KEPT_IN_SEGMENT);
}

void
http_ask_grpc_path(struct buf *buf, const struct client *client)
{
    bool is_multi = client->mode != NULL && strcmp(client->mode, "multi") == 0;
    const char *service = is_empty(client->service) ? "" : client->service;

    if (service[0] == '/') {
        put_custom_path(buf, service, is_multi);
        return;
    }
    buf_putc(buf, '/');
    put_escaped(buf, service, strlen(service), KEPT_IN_SEGMENT);
    buf_puts(buf, is_multi ? "/TunMulti" : "/Tun");
}

void
http_ask_grpc_authority(struct buf *buf, const struct client *client)
{
    bool is_name = strspn(client->address, "0123456789.") != strlen(client->address) &&
                   strchr(client->address, ':') == NULL;

    if (!is_empty(client->authority))
        buf_puts(buf, client->authority);
    else if (client->security == SECURITY_TLS && !is_empty(client->sni))
        buf_puts(buf, client->sni);
    else if (is_name)
        buf_puts(buf, client->address);
    else {
        put_address(buf, client->address);
        buf_printf(buf, ":%u", client->port);
    }
}
