#include "respond.h"

#include <string.h>

#include "negotiate.h"
#include "siphash.h"
#include "uuid.h"

/* A set's links (SET_BYTES_MAX) and as many remarks; base64 makes 4 of 3. */
enum { LINKS_MAX = 2 * 1024 * 1024, BODY_MAX = 3 * 1024 * 1024 };

void
site_init(struct site *site)
{
    site->snapshot = NULL;
    buf_init(&site->links, LINKS_MAX);
    buf_init(&site->body, BODY_MAX);
}

void
site_release(struct site *site)
{
    buf_release(&site->links);
    buf_release(&site->body);
}

/* "/<UUID>" or "/api/<UUID>", and nothing else. */
static int
parse_path(const char *path, struct uuid *uuid)
{
    if (path == NULL)
        return -1;
    if (strncmp(path, "/api/", 5) == 0)
        path += 4;
    if (path[0] != '/')
        return -1;
    return uuid_parse(path + 1, strlen(path + 1), uuid);
}

/*
 * Whether If-None-Match (RFC 9110 section 13.1.2) names the tag: a list, compared weakly, since a
 * server that compresses the body also weakens the tag.
 */
static bool
is_none_match(const char *header, const char *etag)
{
    size_t len = strlen(etag), n;

    header += strspn(header, " \t");
    if (*header == '*')
        return header[1 + strspn(header + 1, " \t")] == '\0';
    while (*header != '\0') {
        header += strspn(header, " \t,");
        if (strncmp(header, "W/", 2) == 0)
            header += 2;
        if (*header != '"')
            return false;
        n = strcspn(header + 1, "\"") + 2;
        if (header[n - 1] != '"')
            return false;
        if (n == len && memcmp(header, etag, len) == 0)
            return true;
        header += n;
    }
    return false;
}

/* The tag hashes the links, and tells formats of the same links apart. */
static void
make_etag(const struct buf *links, enum format format, char etag[ETAG_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t key[16] = "signpost etag 1";
    uint64_t hash;
    int i;

    key[15] = (uint8_t)format;
    hash = siphash(key, links->data, links->len);
    etag[0] = etag[17] = '"';
    for (i = 0; i < 16; i++)
        etag[1 + i] = digits[hash >> (60 - 4 * i) & 15];
    etag[18] = '\0';
}

static void
outage(struct response *response, bool is_damaged)
{
    response->status = 503;
    response->is_damaged = is_damaged;
}

static void
miss(struct response *response, enum refusal refusal)
{
    response->status = 404;
    response->refusal = refusal;
}

void
respond(const struct request *request, struct site *site, int64_t now, struct response *response)
{
    struct uuid uuid;

    memset(response, 0, sizeof(*response));
    /* First, so that in an outage a wrong path looks like any other. */
    if (site->snapshot == NULL) {
        outage(response, false);
        return;
    }
    response->is_head = request->method != NULL && strcmp(request->method, "HEAD") == 0;
    if ((!response->is_head && (request->method == NULL || strcmp(request->method, "GET") != 0)) ||
        parse_path(request->path, &uuid) != 0) {
        miss(response, REFUSAL_UNKNOWN);
        return;
    }
    if (subscription_find(site->snapshot, &uuid, now, &site->subscription) != 0) {
        outage(response, true);
        return;
    }
    if (site->subscription.refusal != REFUSAL_NONE) {
        miss(response, site->subscription.refusal);
        return;
    }
    response->format = negotiate(request->query);
    response->body = format_make(response->format, &site->subscription, &site->links, &site->body);
    if (site->links.failed || response->body->failed) {
        outage(response, false);
        return;
    }
    make_etag(&site->links, response->format, response->etag);
    response->status = request->if_none_match != NULL &&
                               is_none_match(request->if_none_match, response->etag)
                           ? 304
                           : 200;
}

static void
put_number(struct buf *buf, size_t number)
{
    char digits[24];
    size_t n = sizeof(digits);

    do
        digits[--n] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    buf_put(buf, digits + n, sizeof(digits) - n);
}

void
response_put(struct buf *buf, const struct response *response)
{
    switch (response->status) {
    case 200:
        buf_puts(buf, "Status: 200 OK\r\nContent-Type: ");
        buf_puts(buf, format_content_type(response->format));
        buf_puts(buf, "\r\nContent-Length: ");
        put_number(buf, response->body->len);
        break;
    case 304:
        buf_puts(buf, "Status: 304 Not Modified");
        break;
    case 404:
        /* The web server puts its own page here; nothing of ours shall show through. */
        buf_puts(buf, "Status: 404 Not Found\r\nContent-Type: text/html\r\n\r\n");
        return;
    default:
        buf_puts(buf, "Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
                      "Retry-After: 60\r\n\r\n");
        return;
    }
    buf_puts(buf, "\r\nETag: ");
    buf_puts(buf, response->etag);
    buf_puts(buf, "\r\nCache-Control: private, no-cache\r\nVary: User-Agent, Accept\r\n\r\n");
    if (response->status == 200 && !response->is_head)
        buf_put(buf, response->body->data, response->body->len);
}
