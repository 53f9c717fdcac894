/* outbound_clash.c: an endpoint in mihomo's words, byte for byte. */
#include "unit.h"

#include "clients.h"

#define HEAD \
    ", \"server\": \"a.example\", \"port\": 443, \"udp\": true, \"packet-encoding\": \"xudp\""
#define TLS                                                                                \
    ", \"tls\": true, \"servername\": \"sni.example\", \"client-fingerprint\": \"chrome\"" \
    ", \"alpn\": [\"h2\"]"
#define REALITY                                                                            \
    ", \"tls\": true, \"servername\": \"sni.example\", \"client-fingerprint\": \"chrome\"" \
    ", \"reality-opts\": {\"public-key\": \"" CLIENT_PBK "\", \"short-id\": \"0123\"}"
#define TCP  ", \"network\": \"tcp\"}\n"
#define GRPC ", \"network\": \"grpc\", \"grpc-opts\": {\"grpc-service-name\": \"svc\"}}\n"

static void
check(const struct client *client, const char *expected)
{
    client_check_part(OUTBOUND_CLASH, client, expected);
}

/* Whatever stands in the record, the proxy stays one line of YAML that says the same. */
static void
test_hostile_words_stay_words(void **state)
{
    static const char word[] = "/a\"b\\c: {d}, [e] #f\t\x7f\xc2\x85\u2028\ufeff&*!|>%@`'🇩🇪";
    struct client client = client_of(TRANSPORT_WS, SECURITY_TLS);
    char *part;
    json_t *tree;

    (void)state;
    client.address = client.sni = client.fp = client.pcs = client.ech = client.host = word;
    client.path = client.encryption = client.flow = client.alpn = word;
    part = client_put(OUTBOUND_CLASH, &client);
    assert_ptr_equal(part + strlen(part) - 1, strchr(part, '\n'));
    free(part);
    tree = client_read_back(OUTBOUND_CLASH, &client);
    client_check_string(tree, "server", word);
    client_check_string(tree, "servername", word);
    client_check_string(tree, "client-fingerprint", word);
    client_check_string(tree, "fingerprint", word);
    client_check_string(tree, "flow", word);
    client_check_string(tree, "encryption", word);
    client_check_string(tree, "ech-opts.config", word);
    client_check_string(tree, "ws-opts.path", word);
    client_check_string(tree, "ws-opts.headers.Host", word);
    /* A comma list is a list of what stands between the commas. */
    client_check_string(tree, "alpn.0", "/a\"b\\c: {d}");
    assert_int_equal(2, json_array_size(client_at(tree, "alpn")));
    client_check_string(tree, "uuid", CLIENT_UUID);
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
        {TRANSPORT_TCP, SECURITY_NONE, HEAD TCP},
        {TRANSPORT_TCP, SECURITY_TLS, HEAD TLS TCP},
        {TRANSPORT_TCP, SECURITY_REALITY, HEAD REALITY TCP},
        {TRANSPORT_GRPC, SECURITY_NONE, HEAD GRPC},
        {TRANSPORT_GRPC, SECURITY_TLS, HEAD TLS GRPC},
        {TRANSPORT_GRPC, SECURITY_REALITY, HEAD REALITY GRPC},
        {TRANSPORT_WS, SECURITY_NONE,
         HEAD ", \"network\": \"ws\", \"ws-opts\": {\"path\": \"/p\"}}\n"},
        {TRANSPORT_WS, SECURITY_TLS,
         HEAD TLS ", \"network\": \"ws\", \"ws-opts\": {\"path\": \"/p\", "
                  "\"headers\": {\"Host\": \"sni.example\"}}}\n"},
        {TRANSPORT_HTTPUPGRADE, SECURITY_NONE,
         HEAD ", \"network\": \"ws\", \"ws-opts\": {\"path\": \"/p\", "
              "\"v2ray-http-upgrade\": true}}\n"},
        {TRANSPORT_HTTPUPGRADE, SECURITY_TLS,
         HEAD TLS ", \"network\": \"ws\", \"ws-opts\": {\"path\": \"/p\", "
                  "\"headers\": {\"Host\": \"sni.example\"}, \"v2ray-http-upgrade\": true}}\n"},
        {TRANSPORT_XHTTP, SECURITY_NONE,
         HEAD ", \"network\": \"xhttp\", \"xhttp-opts\": {\"path\": \"/p\"}}\n"},
        {TRANSPORT_XHTTP, SECURITY_TLS,
         HEAD TLS ", \"network\": \"xhttp\", \"xhttp-opts\": {\"path\": \"/p\", "
                  "\"host\": \"sni.example\"}}\n"},
        {TRANSPORT_XHTTP, SECURITY_REALITY,
         HEAD REALITY ", \"network\": \"xhttp\", \"xhttp-opts\": {\"path\": \"/p\", "
                      "\"host\": \"sni.example\"}}\n"},
    };
    struct client client;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client = client_of(cases[i].type, cases[i].security);
        check(&client, cases[i].expected);
    }
}

static void
test_what_more_a_server_may_ask(void **state)
{
    struct client client = client_of(TRANSPORT_TCP, SECURITY_TLS);

    (void)state;
    client.address = "2001:db8::10";
    client.port = 8443;
    client.flow = "xtls-rprx-vision";
    client.encryption = "mlkem768x25519plus.native.0rtt.abc";
    client.alpn = "h2,http/1.1";
    client.pcs = "4b2d";
    client.ech = "AEX+DQ==";
    check(&client, ", \"server\": \"2001:db8::10\", \"port\": 8443, \"udp\": true, "
                   "\"packet-encoding\": \"xudp\", \"flow\": \"xtls-rprx-vision\", "
                   "\"encryption\": \"mlkem768x25519plus.native.0rtt.abc\", \"tls\": true, "
                   "\"servername\": \"sni.example\", \"client-fingerprint\": \"chrome\", "
                   "\"alpn\": [\"h2\",\"http/1.1\"], \"fingerprint\": \"4b2d\", "
                   "\"ech-opts\": {\"enable\": true, \"config\": \"AEX+DQ==\"}" TCP);
    client = client_of(TRANSPORT_XHTTP, SECURITY_TLS);
    client.mode = "stream-one";
    client.host = "h.example";
    check(&client, HEAD TLS ", \"network\": \"xhttp\", \"xhttp-opts\": {\"path\": \"/p\", "
                            "\"host\": \"h.example\", \"mode\": \"stream-one\"}}\n");
    client = client_of(TRANSPORT_TCP, SECURITY_REALITY);
    client.sid = NULL;
    check(&client, HEAD ", \"tls\": true, \"servername\": \"sni.example\", "
                        "\"client-fingerprint\": \"chrome\", "
                        "\"reality-opts\": {\"public-key\": \"" CLIENT_PBK "\"}" TCP);
}

/* Words of Xray that mihomo has none for, and that are no loss. */
static void
test_what_is_left_out(void **state)
{
    struct client client = client_of(TRANSPORT_TCP, SECURITY_REALITY);

    (void)state;
    client.spx = "/spider";
    client.pqv = "verify";
    check(&client, HEAD REALITY TCP);
    client = client_of(TRANSPORT_GRPC, SECURITY_TLS);
    client.mode = "multi";
    client.authority = "cdn.example";
    check(&client, HEAD TLS GRPC);
}

static void
test_early_data_of_a_websocket(void **state)
{
    static const struct {
        const char *path, *opts;
    } cases[] = {
        {"/p?ed=2048", "\"path\": \"/p\", \"max-early-data\": 2048, "
                       "\"early-data-header-name\": \"Sec-WebSocket-Protocol\""},
        {"/?ed=65535", "\"path\": \"/\", \"max-early-data\": 65535, "
                       "\"early-data-header-name\": \"Sec-WebSocket-Protocol\""},
        {"/p?ed=0", "\"path\": \"/p\""},
        /* No number that anybody could mean: the path as it stands. */
        {"/p?ed=", "\"path\": \"/p?ed=\""},
        {"/p?ed=-1", "\"path\": \"/p?ed=-1\""},
        {"/p?ed=+1", "\"path\": \"/p?ed=+1\""},
        {"/p?ed= 1", "\"path\": \"/p?ed= 1\""},
        {"/p?ed=65536", "\"path\": \"/p?ed=65536\""},
        {"/p?ed=99999999999999999999", "\"path\": \"/p?ed=99999999999999999999\""},
        {"/p?ed=20x", "\"path\": \"/p?ed=20x\""},
        {"/p?eed=2048", "\"path\": \"/p?eed=2048\""},
    };
    struct client client = client_of(TRANSPORT_WS, SECURITY_NONE);
    char expected[512];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(expected, sizeof(expected), "%s, \"network\": \"ws\", \"ws-opts\": {%s}}\n", HEAD,
                 cases[i].opts);
        client.path = cases[i].path;
        check(&client, expected);
    }
    /* httpupgrade sends no early data here, and the server's path is without it. */
    client = client_of(TRANSPORT_HTTPUPGRADE, SECURITY_NONE);
    client.path = "/p?ed=2048";
    check(&client, HEAD ", \"network\": \"ws\", \"ws-opts\": {\"path\": \"/p\", "
                        "\"v2ray-http-upgrade\": true}}\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_words_stay_words),
        cmocka_unit_test(test_every_transport_with_every_security),
        cmocka_unit_test(test_what_more_a_server_may_ask),
        cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_early_data_of_a_websocket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
