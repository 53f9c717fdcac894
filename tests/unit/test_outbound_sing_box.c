/* outbound_sing_box.c: an endpoint in sing-box's words, byte for byte. */
#include "unit.h"

#include "clients.h"

#define HEAD ",\"server\":\"a.example\",\"server_port\":443"
#define TLS                                                                         \
    ",\"tls\":{\"enabled\":true,\"server_name\":\"sni.example\",\"alpn\":[\"h2\"]," \
    "\"utls\":{\"enabled\":true,\"fingerprint\":\"chrome\"}}"
#define REALITY                                                        \
    ",\"tls\":{\"enabled\":true,\"server_name\":\"sni.example\","      \
    "\"utls\":{\"enabled\":true,\"fingerprint\":\"chrome\"},"          \
    "\"reality\":{\"enabled\":true,\"public_key\":\"" CLIENT_PBK "\"," \
    "\"short_id\":\"0123\"}}"
#define GRPC  ",\"transport\":{\"type\":\"grpc\",\"service_name\":\"svc\"}}"
#define EARLY ",\"early_data_header_name\":\"Sec-WebSocket-Protocol\""

static void
check(const struct client *client, const char *expected)
{
    client_check_part(OUTBOUND_SING_BOX, client, expected);
}

static void
test_hostile_words_stay_words(void **state)
{
    static const char word[] = "/a\"b\\c\",\"d\":{}]}\x01\t\x7f\xc2\x85\u2028\ufeff'🇩🇪";
    struct client client = client_of(TRANSPORT_WS, SECURITY_TLS);
    json_t *tree;

    (void)state;
    client.address = client.sni = client.fp = client.ech = client.host = client.path = word;
    client.flow = client.alpn = word;
    tree = client_read_back(OUTBOUND_SING_BOX, &client);
    client_check_string(tree, "server", word);
    client_check_string(tree, "flow", word);
    client_check_string(tree, "tls.server_name", word);
    client_check_string(tree, "tls.utls.fingerprint", word);
    client_check_string(tree, "tls.ech.config.1", word);
    client_check_string(tree, "tls.alpn.0", "/a\"b\\c\"");
    client_check_string(tree, "transport.path", word);
    client_check_string(tree, "transport.headers.Host", word);
    client_check_string(tree, "uuid", CLIENT_UUID);
    assert_int_equal(8, json_object_size(tree));
    json_decref(tree);
}

static void
test_every_transport_with_every_security(void **state)
{
    static const struct {
        enum transport type;
        enum security security;
        const char *expected;
    } cases[] = {
        {TRANSPORT_TCP, SECURITY_NONE, HEAD "}"},
        {TRANSPORT_TCP, SECURITY_TLS, HEAD TLS "}"},
        {TRANSPORT_TCP, SECURITY_REALITY, HEAD REALITY "}"},
        {TRANSPORT_GRPC, SECURITY_NONE, HEAD GRPC},
        {TRANSPORT_GRPC, SECURITY_TLS, HEAD TLS GRPC},
        {TRANSPORT_GRPC, SECURITY_REALITY, HEAD REALITY GRPC},
        {TRANSPORT_WS, SECURITY_NONE, HEAD ",\"transport\":{\"type\":\"ws\",\"path\":\"/p\"}}"},
        {TRANSPORT_WS, SECURITY_TLS,
         HEAD TLS ",\"transport\":{\"type\":\"ws\",\"path\":\"/p\","
                  "\"headers\":{\"Host\":\"sni.example\"}}}"},
        {TRANSPORT_HTTPUPGRADE, SECURITY_NONE,
         HEAD ",\"transport\":{\"type\":\"httpupgrade\",\"path\":\"/p\"}}"},
        {TRANSPORT_HTTPUPGRADE, SECURITY_TLS,
         HEAD TLS ",\"transport\":{\"type\":\"httpupgrade\",\"path\":\"/p\","
                  "\"host\":\"sni.example\"}}"},
    };
    struct client client;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client = client_of(cases[i].type, cases[i].security);
        check(&client, cases[i].expected);
    }
}

/* There is no word for xhttp: such an endpoint is never put where it would count (feature.h). */
static void
test_xhttp_is_for_nobody(void **state)
{
    struct client client = client_of(TRANSPORT_XHTTP, SECURITY_TLS);

    (void)state;
    assert_true((features_of(&client) & ~outbound_features(OUTBOUND_SING_BOX)) != 0);
    client = client_of(TRANSPORT_XHTTP, SECURITY_NONE);
    assert_true((features_of(&client) & ~outbound_features(OUTBOUND_SING_BOX)) != 0);
}

static void
test_what_more_a_server_may_ask(void **state)
{
    struct client client = client_of(TRANSPORT_TCP, SECURITY_TLS);

    (void)state;
    client.address = "2001:db8::10";
    client.port = 65535;
    client.flow = "xtls-rprx-vision";
    client.alpn = "h2,http/1.1";
    client.ech = "AEX+DQ==";
    check(&client,
          ",\"server\":\"2001:db8::10\",\"server_port\":65535,\"flow\":\"xtls-rprx-vision\","
          "\"tls\":{\"enabled\":true,\"server_name\":\"sni.example\",\"alpn\":[\"h2\","
          "\"http/1.1\"],\"utls\":{\"enabled\":true,\"fingerprint\":\"chrome\"},"
          "\"ech\":{\"enabled\":true,\"config\":[\"-----BEGIN ECH CONFIGS-----\",\"AEX+DQ==\","
          "\"-----END ECH CONFIGS-----\"]}}}");
    client = client_of(TRANSPORT_HTTPUPGRADE, SECURITY_TLS);
    client.host = "h.example";
    check(&client, HEAD TLS ",\"transport\":{\"type\":\"httpupgrade\",\"path\":\"/p\","
                            "\"host\":\"h.example\"}}");
    client = client_of(TRANSPORT_TCP, SECURITY_REALITY);
    client.sid = NULL;
    check(&client, HEAD ",\"tls\":{\"enabled\":true,\"server_name\":\"sni.example\","
                        "\"utls\":{\"enabled\":true,\"fingerprint\":\"chrome\"},"
                        "\"reality\":{\"enabled\":true,\"public_key\":\"" CLIENT_PBK "\"}}}");
}

/* Words of Xray that sing-box has none for, and that are no loss. */
static void
test_what_is_left_out(void **state)
{
    struct client client = client_of(TRANSPORT_TCP, SECURITY_REALITY);

    (void)state;
    client.spx = "/spider";
    client.pqv = "verify";
    check(&client, HEAD REALITY "}");
    client = client_of(TRANSPORT_GRPC, SECURITY_TLS);
    client.mode = "multi";
    client.authority = "cdn.example";
    check(&client, HEAD TLS GRPC);
}

static void
test_early_data_of_a_websocket(void **state)
{
    static const struct {
        const char *path, *rest;
    } cases[] = {
        {"/p?ed=2048", "\"/p\",\"max_early_data\":2048" EARLY},
        {"/?ed=1", "\"/\",\"max_early_data\":1" EARLY},
        {"/p?ed=0", "\"/p\""},
        {"/p?ed=", "\"/p?ed=\""},
        {"/p?ed=65536", "\"/p?ed=65536\""},
        {"/p?ed=2048&x=1", "\"/p?ed=2048&x=1\""},
    };
    struct client client = client_of(TRANSPORT_WS, SECURITY_NONE);
    char expected[512];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(expected, sizeof(expected), "%s,\"transport\":{\"type\":\"ws\",\"path\":%s}}",
                 HEAD, cases[i].rest);
        client.path = cases[i].path;
        check(&client, expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_words_stay_words),
        cmocka_unit_test(test_every_transport_with_every_security),
        cmocka_unit_test(test_xhttp_is_for_nobody),
        cmocka_unit_test(test_what_more_a_server_may_ask),
        cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_early_data_of_a_websocket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
