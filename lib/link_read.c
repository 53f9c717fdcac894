#include "link_read.h"

#include <stddef.h>
#include <string.h>

#include "hex.h"
#include "host.h"
#include "link.h"

/* Bytes that are still to be read. */
struct rest {
    const char *at;
    const char *end;
};

/* Takes what stands before the first of the stops, which is skipped; false: there is none. */
static bool
take_until(struct rest *rest, const char *stops, struct rest *taken)
{
    const char *p;

    for (p = rest->at; p < rest->end; p++) {
        if (*p == '\0' || strchr(stops, *p) == NULL)
            continue;
        *taken = (struct rest){rest->at, p};
        rest->at = p + 1;
        return true;
    }
    return false;
}

static bool
is(const struct rest *text, const char *word)
{
    size_t len = strlen(word);

    return (size_t)(text->end - text->at) == len && memcmp(text->at, word, len) == 0;
}

/* Returns the decoded value in the pool, or NULL (not an encoding, control characters, no memory).
 */
static const char *
decode(const struct rest *value, struct pool *pool)
{
    char *text = pool_copy(pool, value->at, (size_t)(value->end - value->at)), *out = text;
    const char *p;

    for (p = value->at; text != NULL && p < value->end; p++) {
        unsigned char c = (unsigned char)*p;

        if (c == '%') {
            /* Upper case, as escape_percent writes them. */
            bool is_ours = value->end - p > 2 && p[1] < 'a' && p[2] < 'a';
            int byte = is_ours ? hex_byte(p + 1) : -1;

            if (byte < 0)
                return NULL;
            c = (unsigned char)byte;
            p += 2;
        }
        if (c < ' ' || c == 0x7f)
            return NULL;
        *out++ = (char)c;
    }
    if (text != NULL)
        *out = '\0';
    return text;
}

static int
read_host(struct rest *rest, struct client *client, struct pool *pool)
{
    char given[HOST_MAX], normal[HOST_MAX];
    struct rest host;
    size_t len;

    if (rest->end - rest->at < 2 || *rest->at != '@')
        return -1;
    if (rest->at[1] == '[') {
        rest->at += 2;
        if (!take_until(rest, "]", &host) || rest->at == rest->end || *rest->at++ != ':')
            return -1;
    } else {
        rest->at++;
        if (!take_until(rest, ":", &host))
            return -1;
    }
    len = (size_t)(host.end - host.at);
    if (len >= sizeof(given))
        return -1;
    memcpy(given, host.at, len);
    given[len] = '\0';
    /* Its letters may be of either case (link.c). */
    if (host_parse(given, normal) == HOST_BAD)
        return -1;
    client->address = pool_copy(pool, normal, strlen(normal));
    return client->address != NULL ? 0 : -1;
}

static int
read_port(struct rest *rest, struct client *client)
{
    struct rest port;

    if (!take_until(rest, "?", &port) || port.end - port.at > 5)
        return -1;
    for (client->port = 0; port.at < port.end; port.at++) {
        if (*port.at < '0' || *port.at > '9')
            return -1;
        client->port = client->port * 10 + (unsigned)(*port.at - '0');
    }
    return client->port >= 1 && client->port <= 65535 ? 0 : -1;
}

static int
read_type(const struct rest *value, struct client *client)
{
    int i;

    for (i = 0; i < TRANSPORTS; i++)
        if (is(value, transport_name((enum transport)i))) {
            client->type = (enum transport)i;
            return 0;
        }
    return -1;
}

static int
read_security(const struct rest *value, struct client *client)
{
    int i;

    for (i = 0; i < SECURITIES; i++)
        if (is(value, security_name((enum security)i))) {
            client->security = (enum security)i;
            return 0;
        }
    return -1;
}

static int
read_parameter(const struct rest *name, const struct rest *value, struct client *client,
               struct pool *pool)
{
    static const struct {
        const char *name;
        size_t offset;
    } strings[] = {
        {"encryption", offsetof(struct client, encryption)},
        {"flow", offsetof(struct client, flow)},
        {"host", offsetof(struct client, host)},
        {"path", offsetof(struct client, path)},
        {"serviceName", offsetof(struct client, service)},
        {"mode", offsetof(struct client, mode)},
        {"authority", offsetof(struct client, authority)},
        {"extra", offsetof(struct client, extra)},
        {"sni", offsetof(struct client, sni)},
        {"fp", offsetof(struct client, fp)},
        {"pbk", offsetof(struct client, pbk)},
        {"sid", offsetof(struct client, sid)},
        {"spx", offsetof(struct client, spx)},
        {"pqv", offsetof(struct client, pqv)},
        {"alpn", offsetof(struct client, alpn)},
        {"ech", offsetof(struct client, ech)},
        {"pcs", offsetof(struct client, pcs)},
        {"vcn", offsetof(struct client, vcn)},
    };
    const char *text;
    size_t i;

    if (is(name, "type"))
        return read_type(value, client);
    if (is(name, "security"))
        return read_security(value, client);
    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (!is(name, strings[i].name))
            continue;
        text = decode(value, pool);
        if (text == NULL)
            return -1;
        memcpy((char *)client + strings[i].offset, &text, sizeof(text));
        return 0;
    }
    return -1;
}

static int
read_parameters(struct rest *rest, struct client *client, struct pool *pool)
{
    struct rest name, value;
    char stop;

    do {
        if (!take_until(rest, "=", &name) || !take_until(rest, "&#", &value))
            return -1;
        stop = rest->at[-1];
        if (read_parameter(&name, &value, client, pool) != 0)
            return -1;
    } while (stop == '&');
    return rest->at == rest->end ? 0 : -1;
}

/* Order, repetitions, other spellings of a byte: whatever would not be written again like that. */
static bool
is_written_so(const char *middle, size_t len, const struct client *client)
{
    struct buf buf;
    bool is_same;

    buf_init(&buf, len + 1);
    link_put_middle(&buf, client);
    is_same = !buf.failed && buf.len == len && memcmp(buf.data, middle, len) == 0;
    buf_release(&buf);
    return is_same;
}

int
link_read_middle(const char *middle, size_t len, struct client *client, struct pool *pool,
                 struct error *error)
{
    struct rest rest = {middle, middle + len};

    *client = (struct client){.type = TRANSPORT_TCP};
    if (read_host(&rest, client, pool) != 0)
        return error_set(error, "the link has no host that can be used");
    if (read_port(&rest, client) != 0)
        return error_set(error, "the link has no port");
    if (read_parameters(&rest, client, pool) != 0 || client->encryption == NULL ||
        !is_written_so(middle, len, client))
        return error_set(error, "the link is not one that Signpost writes");
    return 0;
}
