/* link_read.h: links there and back, and what is no link of ours. */
#include "unit.h"

#include <stdio.h>

#include "clients.h"
#include "link.h"
#include "link_read.h"

static struct buf written, again;
static struct pool pool;

static int
setup(void **state)
{
    (void)state;
    buf_init(&written, 1 << 16);
    buf_init(&again, 1 << 16);
    pool_init(&pool);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    buf_release(&written);
    buf_release(&again);
    pool_release(&pool);
    return 0;
}

/* Reads from a block of exactly its size: a sanitizer sees every byte read past the end. */
static int
read_exactly(const char *middle, size_t len, struct client *client)
{
    char *block = malloc(len > 0 ? len : 1);
    struct error error = {.text = ""};
    int rc;

    assert_non_null(block);
    memcpy(block, middle, len);
    rc = link_read_middle(block, len, client, &pool, &error);
    free(block);
    if (rc != 0)
        assert_true(error.text[0] != '\0');
    return rc;
}

static void
assert_same(const char *one, const char *other)
{
    if (one == NULL || one[0] == '\0')
        assert_null(other);
    else
        assert_string_equal(one, other);
}

/* The link of a client, read: the same client, and the same link again. */
static void
there_and_back(const struct client *client)
{
    struct client got;

    buf_clear(&written);
    buf_clear(&again);
    link_put_middle(&written, client);
    if (read_exactly(written.data, written.len, &got) != 0)
        fail_msg("refused: %.*s", (int)written.len, written.data);
    link_put_middle(&again, &got);
    assert_int_equal(written.len, again.len);
    assert_memory_equal(written.data, again.data, written.len);
    assert_int_equal(client->type, got.type);
    assert_int_equal(client->security, got.security);
    assert_int_equal(client->port, got.port);
    assert_same(client->address, got.address);
    assert_same(client->service, got.service);
    assert_same(client->flow, got.flow);
    assert_same(client->sni, got.sni);
    assert_same(client->fp, got.fp);
    assert_same(client->alpn, got.alpn);
    assert_same(client->host, got.host);
    assert_same(client->path, got.path);
    assert_same(client->mode, got.mode);
    assert_same(client->authority, got.authority);
    assert_same(client->extra, got.extra);
    assert_same(client->encryption, got.encryption);
    assert_same(client->pbk, got.pbk);
    assert_same(client->sid, got.sid);
    assert_same(client->spx, got.spx);
    assert_same(client->pqv, got.pqv);
    assert_same(client->ech, got.ech);
    assert_same(client->pcs, got.pcs);
    assert_same(client->vcn, got.vcn);
}

static void
test_every_transport_with_every_security(void **state)
{
    int type, security;

    (void)state;
    for (type = 0; type < TRANSPORTS; type++)
        for (security = 0; security < SECURITIES; security++) {
            struct client client = client_of((enum transport)type, (enum security)security);

            there_and_back(&client);
        }
}

static void
test_every_field(void **state)
{
    struct client client = {
        .type = TRANSPORT_XHTTP,
        .security = SECURITY_REALITY,
        .port = 65535,
        .address = "2001:db8::10",
        .service = "a/b c|d",
        .flow = "xtls-rprx-vision",
        .sni = "sni.example",
        .fp = "chrome",
        .alpn = "h2,http/1.1",
        .host = "h+&=#?@:[]",
        .path = "/a?b=c&ed=2048#f+g;h!~*()|é%41",
        .mode = "stream-one",
        .authority = "cdn.example:443",
        .extra = "{\"a\":\"1 + 1\\n\\\"é\\\"\",\"outbounds\":[true,null,1]}",
        .encryption = "mlkem768x25519plus.native.1rtt.x",
        .pbk = CLIENT_PBK,
        .sid = "0123456789abcdef",
        .spx = "/servers/endpoints",
        .pqv = "-_",
        .ech = "AEX+/w==",
        .pcs = "00:ff,0f",
        .vcn = "a.example,b.example",
    };
    char large[8192];

    (void)state;
    there_and_back(&client);
    client.address = "203.0.113.10";
    client.port = 1;
    memset(large, 'o', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    client.path = large;
    there_and_back(&client);
    /* Words in which a letter is changed (escape.h). */
    client.address = "servers.my-outbounds.endpoints.example";
    there_and_back(&client);
    client.path = client.host = "";
    there_and_back(&client);
}

#define PLAIN "@a.example:443?type=tcp&encryption=none&security=none#"

static const char *const no_links[] = {
    "",
    "@",
    "#",
    "@#",
    "@a",
    "@[",
    "@[]",
    "@[]:",
    "@[::1]",
    "@[::1]x",
    "@[::1]:",
    "@[::1:443?type=tcp&encryption=none&security=none#",
    "@[1.2.3.4]:443?type=tcp&encryption=none&security=none#",
    "@[a.example]:443?type=tcp&encryption=none&security=none#",
    "@::1:443?type=tcp&encryption=none&security=none#",
    "@:443?type=tcp&encryption=none&security=none#",
    "a.example:443?type=tcp&encryption=none&security=none#",
    "uuid@a.example:443?type=tcp&encryption=none&security=none#",
    "@A.example:443?type=tcp&encryption=none&security=none#",
    "@Servers.Example:443?type=tcp&encryption=none&security=none#",
    "@servers.example:443?type=tcp&encryption=none&security=none#",
    "@a.example.:443?type=tcp&encryption=none&security=none#",
    "@a_b.example:443?type=tcp&encryption=none&security=none#",
    "@a example:443?type=tcp&encryption=none&security=none#",
    "@2001:0DB8::1:443?type=tcp&encryption=none&security=none#",
    "@a.example:?type=tcp&encryption=none&security=none#",
    "@a.example:0?type=tcp&encryption=none&security=none#",
    "@a.example:65536?type=tcp&encryption=none&security=none#",
    "@a.example:0443?type=tcp&encryption=none&security=none#",
    "@a.example:+443?type=tcp&encryption=none&security=none#",
    "@a.example:-1?type=tcp&encryption=none&security=none#",
    "@a.example:4294967739?type=tcp&encryption=none&security=none#",
    "@a.example:443",
    "@a.example:443?",
    "@a.example:443#",
    "@a.example:443?#",
    "@a.example:443?type",
    "@a.example:443?type#",
    "@a.example:443?type=",
    "@a.example:443?type=tcp",
    "@a.example:443?type=tcp#",
    "@a.example:443?type=tcp&#",
    "@a.example:443?type=raw&security=none#",
    "@a.example:443?type=tcpx&security=none#",
    "@a.example:443?type=tcp&security=xtls#",
    "@a.example:443?type=tcp&encryption=none&security=none",
    "@a.example:443?type=tcp&encryption=none&security=none#x",
    "@a.example:443?type=tcp&encryption=none&security=none#&sni=a",
    "@a.example:443?security=none&type=tcp#",
    "@a.example:443?type=tcp&type=tcp&security=none#",
    "@a.example:443?type=tcp&encryption=none&security=none&security=none#",
    "@a.example:443?type=tcp&encryption=&security=none#",
    "@a.example:443?type=tcp&encryption=none&security=none&other=1#",
    "@a.example:443?type=tcp&encryption=none&security=none&Sni=a#",
    "@a.example:443?&type=tcp&security=none#",
    "@a.example:443?type=tcp&&security=none#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=a=b#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=a b#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=a+b#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=%#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=%4#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=%4g#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=%2f#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=%41#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=a%00b#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=a%0D%0Ab#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=a%7Fb#",
    "@a.example:443?type=tcp&encryption=none&security=none&sni=servers#",
    "@a.example:443?type=tcp&encryption=none&path=/&security=none#",
    "@a.example:443?type=tcp&security=none#",
};

static void
test_what_is_no_link_of_ours(void **state)
{
    struct client client;
    char long_host[600];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(no_links) / sizeof(no_links[0]); i++)
        if (read_exactly(no_links[i], strlen(no_links[i]), &client) == 0)
            fail_msg("taken: %s", no_links[i]);
    snprintf(long_host, sizeof(long_host), "@%0500d:443?type=tcp&security=none#", 0);
    assert_int_equal(-1, read_exactly(long_host, strlen(long_host), &client));
}

/* Cut anywhere, and with any byte of it changed: refused, or what is read is written so again. */
static void
test_damage(void **state)
{
    char damaged[sizeof(PLAIN)];
    struct client client;
    size_t len = strlen(PLAIN), i;
    int byte;

    (void)state;
    assert_int_equal(0, read_exactly(PLAIN, len, &client));
    for (i = 0; i < len; i++)
        assert_int_equal(-1, read_exactly(PLAIN, i, &client));
    assert_int_equal(-1, read_exactly(PLAIN, sizeof(PLAIN), &client));
    for (i = 0; i < len; i++)
        for (byte = 0; byte < 256; byte++) {
            memcpy(damaged, PLAIN, sizeof(damaged));
            damaged[i] = (char)byte;
            if (read_exactly(damaged, len, &client) != 0)
                continue;
            buf_clear(&again);
            link_put_middle(&again, &client);
            assert_int_equal(len, again.len);
            assert_memory_equal(damaged, again.data, len);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_transport_with_every_security, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_field, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_link_of_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
