/*
 * Complete clients, as client_check leaves them, for the tests of outbounds, and what is made of
 * them. What is asserted here is not the subject of any test.
 */
#ifndef SIGNPOST_UNIT_CLIENTS_H
#define SIGNPOST_UNIT_CLIENTS_H

#include <stdlib.h>

#include <jansson.h>

#include "document.h"
#include "outbound.h"

#define CLIENT_UUID "8f3c5d1e-6324-4d53-ad4f-8cda48b30811"
#define CLIENT_PBK  "E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM"

/* Each transport with each security that it can have. */
static inline struct client
client_of(enum transport type, enum security security)
{
    struct client client = {.type = type,
                            .security = security,
                            .port = 443,
                            .address = "a.example",
                            .encryption = "none"};

    if (type == TRANSPORT_GRPC)
        client.service = "svc";
    else if (type != TRANSPORT_TCP)
        client.path = "/p";
    if (security != SECURITY_NONE) {
        client.sni = "sni.example";
        client.fp = "chrome";
    }
    if (security == SECURITY_TLS)
        client.alpn = "h2";
    if (security == SECURITY_REALITY) {
        client.pbk = CLIENT_PBK;
        client.sid = "0123";
    }
    return client;
}

/* The client's part as a string, which the caller frees. */
static inline char *
client_put(enum outbound outbound, const struct client *client)
{
    struct buf buf;

    buf_init(&buf, 1 << 20);
    outbound_put(&buf, outbound, client);
    buf_putc(&buf, '\0');
    assert_false(buf.failed);
    assert_int_equal(buf.len - 1, strlen(buf.data));
    return buf.data;
}

static inline void
client_check_part(enum outbound outbound, const struct client *client, const char *expected)
{
    char *part = client_put(outbound, client);

    assert_string_equal(expected, part);
    free(part);
}

/* The outbound with what stands before the part, read back; the caller releases it. */
static inline json_t *
client_read_back(enum outbound outbound, const struct client *client)
{
    static const char *const starts[OUTBOUNDS] = {
        [OUTBOUND_CLASH] = "{\"name\": \"n\", \"type\": \"vless\", \"uuid\": \"" CLIENT_UUID "\"",
        [OUTBOUND_SING_BOX] = "{\"type\":\"vless\",\"tag\":\"n\",\"uuid\":\"" CLIENT_UUID "\"",
        [OUTBOUND_XRAY] = "{\"tag\":\"n\",\"protocol\":\"vless\",\"settings\":{\"vnext\":[{"
                          "\"users\":[{\"id\":\"" CLIENT_UUID "\""};
    enum document_syntax syntax = outbound == OUTBOUND_CLASH ? SYNTAX_YAML : SYNTAX_JSON;
    struct error error;
    struct buf buf;
    json_t *tree;

    buf_init(&buf, 1 << 20);
    buf_puts(&buf, starts[outbound]);
    outbound_put(&buf, outbound, client);
    assert_false(buf.failed);
    tree = document_parse(buf.data, buf.len, syntax, &error);
    if (tree == NULL)
        fail_msg("%s: %.*s", error.text, (int)buf.len, buf.data);
    buf_release(&buf);
    return tree;
}

/* The value at a path of keys and indexes ("settings.vnext.0.port"), or NULL. */
static inline const json_t *
client_at(const json_t *tree, const char *path)
{
    char key[64];
    size_t len;

    for (; tree != NULL && *path != '\0'; path += len + (path[len] == '.')) {
        len = strcspn(path, ".");
        assert_true(len < sizeof(key));
        memcpy(key, path, len);
        key[len] = '\0';
        tree = json_is_array(tree) ? json_array_get(tree, strtoul(key, NULL, 10))
                                   : json_object_get(tree, key);
    }
    return tree;
}

static inline void
client_check_string(const json_t *tree, const char *path, const char *expected)
{
    const char *text = json_string_value(client_at(tree, path));

    if (text == NULL || strcmp(text, expected) != 0)
        fail_msg("%s is '%s', not '%s'", path, text != NULL ? text : "(no string)", expected);
}

#endif
