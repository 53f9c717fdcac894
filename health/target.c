#include "target.h"

#include <string.h>

#include "host.h"

enum { PORT = 80, URL_MAX = 2000 };

/* Reads ":port", or nothing at all for the default. Returns 0 when it is no port. */
static unsigned
read_port(const char *text, size_t len)
{
    unsigned port = 0;
    size_t i;

    if (len == 0)
        return PORT;
    if (text[0] != ':' || len < 2 || len > 6)
        return 0;
    for (i = 1; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= 65535 ? port : 0;
}

/* Only what may stand in a request line. */
static bool
is_path(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)(*text - '!') > '~' - '!' || *text == '#')
            return false;
    return true;
}

int
target_parse(struct target *target, const char *url, unsigned status, size_t body,
             struct pool *pool, struct error *error)
{
    static const char scheme[] = "http://";
    const char *start = url + sizeof(scheme) - 1, *path;
    char host[HOST_MAX], normal[HOST_MAX];
    size_t len, host_len;
    unsigned port;

    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
        return error_set(error, "'%s' does not start with %s", url, scheme);
    path = start + strcspn(start, "/?");
    len = (size_t)(path - start);
    host_len = *start == '[' ? strcspn(start, "]") + 1 : strcspn(start, ":/?");
    if (host_len > len || host_len >= sizeof(host) || strlen(url) > URL_MAX)
        return error_set(error, "'%s' has no host", url);
    memcpy(host, start, host_len);
    host[host_len] = '\0';
    if (host_parse(host, normal) == HOST_BAD)
        return error_set(error, "'%s' has no host", url);
    port = read_port(start + host_len, len - host_len);
    if (port == 0)
        return error_set(error, "'%s' has a wrong port", url);
    if (!is_path(path))
        return error_set(error, "'%s' has a path that must be escaped", url);
    path = pool_printf(pool, "%s%s", *path == '/' ? "" : "/", path);
    start = pool_copy(pool, normal, strlen(normal));
    if (path == NULL || start == NULL)
        return error_set(error, "out of memory");
    *target = (struct target){start, port, path, status, body};
    return 0;
}

void
target_put_request(struct buf *buf, const struct target *target)
{
    bool is_v6 = strchr(target->host, ':') != NULL;

    buf_printf(buf, "GET %s HTTP/1.1\r\nHost: ", target->path);
    buf_printf(buf, is_v6 ? "[%s]" : "%s", target->host);
    if (target->port != PORT)
        buf_printf(buf, ":%u", target->port);
    buf_puts(buf, "\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}
