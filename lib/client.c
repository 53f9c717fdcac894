#include "client.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "host.h"

/* The tokens' limit too: one endpoint must not crowd others out of a set (set.h). */
enum { EXTRA_MAX = 4096 };

static const char *const transports[TRANSPORTS] = {"tcp", "ws", "grpc", "httpupgrade", "xhttp"};
static const char *const securities[SECURITIES] = {"none", "tls", "reality"};

const char *const client_keys[] = {
    "address", "port", "type", "security",  "flow",       "sni",         "fp",  "alpn",
    "host",    "path", "mode", "extra",     "encryption", "pbk",         "sid", "spx",
    "pqv",     "ech",  "pcs",  "authority", "vcn",        "serviceName", NULL};

const char *
transport_name(enum transport type)
{
    return transports[type];
}

const char *
security_name(enum security security)
{
    return securities[security];
}

void
client_defaults(struct client *client, const char *service)
{
    *client = (struct client){
        .type = TRANSPORT_GRPC,
        .security = SECURITY_TLS,
        .port = 443,
        .service = service,
        .encryption = "none",
    };
}

static void
read_word(struct fields *fields, const char *key, const char *const *words, int count, int *index)
{
    const char *text = fields_token(fields, key);
    char list[128] = "";
    int i;

    if (text == NULL)
        return;
    for (i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *index = i;
            return;
        }
        if (i > 0)
            strncat(list, ", ", sizeof(list) - strlen(list) - 1);
        strncat(list, words[i], sizeof(list) - strlen(list) - 1);
    }
    fields_fail(fields, key, "'%s' is not one of %s", text, list);
}

static void
read_address(struct fields *fields, struct client *client)
{
    const char *text = fields_token(fields, "address");
    char host[HOST_MAX];

    if (text == NULL)
        return;
    if (host_parse(text, host) == HOST_BAD) {
        fields_fail(fields, "address",
                    "'%s' is not an address or host name (write other scripts as xn--… punycode)",
                    text);
        return;
    }
    client->address = pool_copy(fields->pool, host, strlen(host));
    if (client->address == NULL)
        fields_fail(fields, NULL, "out of memory");
}

static void
read_extra(struct fields *fields, struct client *client)
{
    const json_t *extra = json_object_get(fields->object, "extra");
    struct error error = {.is_shortage = true};
    json_t *again;
    char *text;

    if (!fields_has(fields, "extra"))
        return;
    if (!json_is_object(extra)) {
        fields_fail(fields, "extra", "must be a mapping (xhttp settings)");
        return;
    }
    text = document_text(extra, JSON_COMPACT | JSON_REAL_PRECISION(15));
    again = text != NULL ? document_parse(text, strlen(text), SYNTAX_JSON, &error) : NULL;
    if (again == NULL && error.is_shortage)
        fields->pool->failed = true;
    else if (strlen(text) > EXTRA_MAX)
        fields_fail(fields, "extra", "longer than %d bytes", EXTRA_MAX);
    else if (again == NULL || strchr(text, 0x7f) != NULL)
        /* As a link's reader would find it: jansson leaves DEL as it is, and rounds numbers up. */
        fields_fail(fields, "extra", "holds U+007F, or a number that is too large");
    else
        client->extra = pool_copy(fields->pool, text, strlen(text));
    json_decref(again);
    free(text);
    if (fields->pool->failed)
        fields_fail(fields, NULL, "out of memory");
}

void
client_read(struct fields *fields, struct client *client)
{
    static const struct {
        const char *key;
        size_t offset;
    } tokens[] = {
        {"serviceName", offsetof(struct client, service)},
        {"flow", offsetof(struct client, flow)},
        {"sni", offsetof(struct client, sni)},
        {"fp", offsetof(struct client, fp)},
        {"alpn", offsetof(struct client, alpn)},
        {"host", offsetof(struct client, host)},
        {"path", offsetof(struct client, path)},
        {"mode", offsetof(struct client, mode)},
        {"authority", offsetof(struct client, authority)},
        {"encryption", offsetof(struct client, encryption)},
        {"pbk", offsetof(struct client, pbk)},
        {"sid", offsetof(struct client, sid)},
        {"spx", offsetof(struct client, spx)},
        {"pqv", offsetof(struct client, pqv)},
        {"ech", offsetof(struct client, ech)},
        {"pcs", offsetof(struct client, pcs)},
        {"vcn", offsetof(struct client, vcn)},
    };
    int type = (int)client->type, security = (int)client->security;
    const char *text;
    size_t i;

    read_word(fields, "type", transports, TRANSPORTS, &type);
    read_word(fields, "security", securities, SECURITIES, &security);
    client->type = (enum transport)type;
    client->security = (enum security)security;
    client->port = (unsigned)fields_integer(fields, "port", client->port, 1, 65535);
    read_address(fields, client);
    read_extra(fields, client);
    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        text = fields_token(fields, tokens[i].key);
        if (text != NULL)
            memcpy((char *)client + tokens[i].offset, &text, sizeof(text));
    }
}

/* One pass of client_check: what it looks at and whether it may be served. */
struct check {
    const struct fields *fields;
    struct client *client;
    bool good;
};

static void
wrong(struct check *check, const char *key, const char *what)
{
    fields_say(check->fields, FINDING_ERROR, key, "%s; not served", what);
    check->good = false;
}

static void
odd(const struct check *check, const char *key, const char *what)
{
    fields_say(check->fields, FINDING_WARNING, key, "%s", what);
}

/* Drops a field that the transport or security has no use for. */
static void
drop(const struct check *check, const char *key, const char **value, const char *has_no)
{
    if (*value == NULL)
        return;
    fields_say(check->fields, FINDING_WARNING, key, "%s has no %s; ignored", has_no, key);
    *value = NULL;
}

static bool
is_base64url(const char *text, size_t len)
{
    return strlen(text) == len &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

/* Base64 of RFC 4648 section 4, in whole groups of four. */
static bool
is_base64(const char *text)
{
    size_t len = strlen(text);
    size_t plain = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    size_t padding = strspn(text + plain, "=");

    return len > 0 && len % 4 == 0 && padding <= 2 && plain + padding == len;
}

static bool
is_hex(const char *text)
{
    for (; *text != '\0'; text++)
        if (!isxdigit((unsigned char)*text))
            return false;
    return true;
}

/* SHA-256 sums, 64 digits each, with colons between them or not; commas between sums. */
static bool
are_sums(const char *text)
{
    size_t digits = 0;

    for (; *text != '\0'; text++) {
        if (isxdigit((unsigned char)*text))
            digits++;
        else if (*text == ',' && digits == 64)
            digits = 0;
        else if (*text != ':')
            return false;
    }
    return digits == 64;
}

static bool
is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* The name may stand in the mapping, or beside it in the record under another key. */
static void
check_service(struct check *check)
{
    const char *service = check->client->service, *key = "serviceName";
    struct fields record = *check->fields;
    struct check named = {&record, check->client, true};

    if (!fields_has(check->fields, key)) {
        record.inside = NULL;
        key = "client_service_name";
    }
    if (service == NULL)
        wrong(&named, NULL, "grpc needs a serviceName (client_service_name)");
    else if (service[0] == '/' && strchr(service + 1, '/') == NULL)
        wrong(&named, key, "a custom gRPC path needs a second '/'");
    else if (service[0] == '/')
        odd(&named, key, "a custom gRPC path works in Xray only");
    else if (strchr(service, '%') != NULL)
        odd(&named, key, "v2rayN decodes a '%' twice");
    check->good &= named.good;
}

static void
check_grpc(struct check *check)
{
    static const char *const modes[] = {"gun", "multi", NULL};
    struct client *client = check->client;

    check_service(check);
    if (client->mode != NULL && !is_one_of(client->mode, modes))
        wrong(check, "mode", "must be gun or multi for grpc");
    if (client->alpn == NULL && client->security == SECURITY_TLS)
        client->alpn = "h2";
    drop(check, "host", &client->host, "grpc");
    drop(check, "path", &client->path, "grpc");
    drop(check, "extra", &client->extra, "grpc");
}

/* ws, httpupgrade and xhttp: an HTTP request with a path. */
static void
check_http(struct check *check)
{
    static const char *const modes[] = {"auto", "packet-up", "stream-up", "stream-one", NULL};
    struct client *client = check->client;
    const char *name = transport_name(client->type);

    if (client->path == NULL)
        client->path = "/";
    if (client->path[0] != '/')
        wrong(check, "path", "must start with '/'");
    else if (strchr(client->path, '%') != NULL)
        odd(check, "path", "v2rayN decodes a '%' twice");
    if (client->type == TRANSPORT_WS && client->alpn != NULL && client->security == SECURITY_TLS &&
        strstr(client->alpn, "h2") != NULL)
        odd(check, "alpn", "ws is HTTP/1.1: with h2 apps fail; leave it out");
    if (client->type == TRANSPORT_XHTTP) {
        if (client->mode != NULL && !is_one_of(client->mode, modes))
            wrong(check, "mode", "must be auto, packet-up, stream-up or stream-one for xhttp");
    } else {
        drop(check, "mode", &client->mode, name);
        drop(check, "extra", &client->extra, name);
    }
    drop(check, "authority", &client->authority, name);
}

static void
check_transport(struct check *check)
{
    struct client *client = check->client;

    switch (client->type) {
    case TRANSPORT_GRPC:
        check_grpc(check);
        return;
    case TRANSPORT_WS:
    case TRANSPORT_HTTPUPGRADE:
    case TRANSPORT_XHTTP:
        check_http(check);
        break;
    default:
        drop(check, "host", &client->host, "tcp");
        drop(check, "path", &client->path, "tcp");
        drop(check, "mode", &client->mode, "tcp");
        drop(check, "extra", &client->extra, "tcp");
        drop(check, "authority", &client->authority, "tcp");
        break;
    }
    /* A route has a serviceName whatever its transport: that is no mistake. */
    if (fields_has(check->fields, "serviceName"))
        drop(check, "serviceName", &client->service, transport_name(client->type));
    client->service = NULL;
}

static void
check_reality(struct check *check)
{
    struct client *client = check->client;

    if (client->type == TRANSPORT_WS || client->type == TRANSPORT_HTTPUPGRADE)
        wrong(check, "security", "reality works over tcp, grpc and xhttp only");
    if (client->pbk == NULL)
        wrong(check, NULL, "reality needs pbk, the server's public key");
    else if (!is_base64url(client->pbk, 43))
        wrong(check, "pbk", "must be 43 characters of base64url without padding");
    if (client->sni == NULL)
        wrong(check, NULL, "reality needs sni, one of the server's serverNames");
    if (client->sid != NULL &&
        (!is_hex(client->sid) || strlen(client->sid) % 2 != 0 || strlen(client->sid) > 16))
        wrong(check, "sid", "must be an even number of hexadecimal digits, 16 at most");
    if (client->spx != NULL && client->spx[0] != '/')
        wrong(check, "spx", "must start with '/'");
    if (client->pqv != NULL && !is_base64url(client->pqv, 2603))
        wrong(check, "pqv", "must be 2603 characters of base64url (1952 bytes)");
    drop(check, "alpn", &client->alpn, "reality");
    drop(check, "ech", &client->ech, "reality");
    drop(check, "pcs", &client->pcs, "reality");
    drop(check, "vcn", &client->vcn, "reality");
}

static void
check_plain(struct check *check)
{
    struct client *client = check->client;
    char host[HOST_MAX];
    bool is_encrypted = strcmp(client->encryption, "none") != 0;

    if (!is_encrypted && (client->address == NULL || !host_is_private(client->address))) {
        if (client->address == NULL || host_parse(client->address, host) == HOST_NAME)
            odd(check, "security", "none: anybody on the way can read it");
        else
            wrong(check, "security",
                  "none: Xray refuses VLESS without TLS or encryption to a public address");
    }
    drop(check, "sni", &client->sni, "security none");
    drop(check, "fp", &client->fp, "security none");
    drop(check, "alpn", &client->alpn, "security none");
    drop(check, "ech", &client->ech, "security none");
    drop(check, "pcs", &client->pcs, "security none");
    drop(check, "vcn", &client->vcn, "security none");
}

bool
client_fp_is_common(const char *fp)
{
    static const char *const fingerprints[] = {"chrome",  "firefox",    "safari", "ios",
                                               "android", "edge",       "360",    "qq",
                                               "random",  "randomized", NULL};

    return is_one_of(fp, fingerprints);
}

/* Found by trying all of them in Xray 26.7, mihomo 1.19.30 and sing-box 1.14. */
static void
check_fp(struct check *check)
{
    static const char *const old[] = {"android", "360", NULL};
    struct client *client = check->client;

    if (client->fp == NULL)
        client->fp = "chrome";
    if (!client_fp_is_common(client->fp)) {
        /* Xray has more, and refuses the whole configuration by any other. */
        if (strncmp(client->fp, "hello", 5) == 0 || strcmp(client->fp, "unsafe") == 0)
            odd(check, "fp", "known to Xray only");
        else
            wrong(check, "fp", "no app knows this fingerprint; most use chrome");
    }
    if (is_one_of(client->fp, old) &&
        (client->security == SECURITY_REALITY || client->type == TRANSPORT_GRPC ||
         client->type == TRANSPORT_XHTTP))
        odd(check, "fp", "greets by TLS 1.2, with which reality, grpc and xhttp fail; use chrome");
}

static void
check_security(struct check *check)
{
    struct client *client = check->client;

    if (client->security == SECURITY_REALITY) {
        check_reality(check);
    } else {
        drop(check, "pbk", &client->pbk, security_name(client->security));
        drop(check, "sid", &client->sid, security_name(client->security));
        drop(check, "spx", &client->spx, security_name(client->security));
        drop(check, "pqv", &client->pqv, security_name(client->security));
    }
    if (client->security == SECURITY_NONE) {
        check_plain(check);
        return;
    }
    check_fp(check);
    if (client->sni != NULL) {
        char host[HOST_MAX];

        if (host_parse(client->sni, host) != HOST_NAME)
            wrong(check, "sni", "must be a host name");
    }
    if (client->ech != NULL && strstr(client->ech, "://") == NULL && !is_base64(client->ech))
        wrong(check, "ech", "must be base64 with its padding, or the address of a name server");
    if (client->pcs != NULL && !are_sums(client->pcs))
        wrong(check, "pcs", "must be SHA-256 sums in hexadecimal, separated by commas");
}

/* mlkem768x25519plus, how it looks, how it resumes, and at least one key. */
static bool
is_encryption(const char *text)
{
    static const char *const words[] = {"mlkem768x25519plus.native.0rtt.",
                                        "mlkem768x25519plus.native.1rtt.",
                                        "mlkem768x25519plus.xorpub.0rtt.",
                                        "mlkem768x25519plus.xorpub.1rtt.",
                                        "mlkem768x25519plus.random.0rtt.",
                                        "mlkem768x25519plus.random.1rtt.",
                                        NULL};
    int i;

    for (i = 0; words[i] != NULL; i++)
        if (strncmp(text, words[i], strlen(words[i])) == 0)
            return text[strlen(words[i])] != '\0';
    return false;
}

static void
check_flow(struct check *check)
{
    struct client *client = check->client;
    bool is_encrypted = strcmp(client->encryption, "none") != 0;

    if (is_encrypted && !is_encryption(client->encryption))
        wrong(check, "encryption",
              "must be none or mlkem768x25519plus.<native|xorpub|random>.<0rtt|1rtt>.<key>");
    if (client->flow == NULL)
        return;
    if (strcmp(client->flow, "xtls-rprx-vision") != 0)
        wrong(check, "flow", "must be xtls-rprx-vision or absent");
    else if (client->type != TRANSPORT_TCP && !(client->type == TRANSPORT_XHTTP && is_encrypted))
        wrong(check, "flow", "vision works over tcp only (with encryption, over xhttp too)");
    else if (client->security == SECURITY_NONE && !is_encrypted)
        wrong(check, "flow", "vision needs tls, reality or encryption");
}

bool
client_check(const struct fields *fields, struct client *client)
{
    struct check check = {fields, client, true};

    check_transport(&check);
    check_security(&check);
    check_flow(&check);
    return check.good;
}
