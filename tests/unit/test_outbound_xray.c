/* outbound_xray.c: an endpoint in Xray's words, byte for byte. */
#include "unit.h"

#include "clients.h"

/* What stands before the transport's own settings, by the names of transport and security. */
#define HEAD(network, security)                                             \
    ",\"encryption\":\"none\"}],\"address\":\"a.example\",\"port\":443}]}," \
    "\"streamSettings\":{\"network\":\"" network "\",\"security\":\"" security "\""
#define TLS                                                                                  \
    ",\"tlsSettings\":{\"fingerprint\":\"chrome\",\"serverName\":\"sni.example\",\"alpn\":[" \
    "\"h2\"]}"
#define REALITY                                                                        \
    ",\"realitySettings\":{\"fingerprint\":\"chrome\",\"serverName\":\"sni.example\"," \
    "\"publicKey\":\"" CLIENT_PBK "\",\"shortId\":\"0123\"}"
#define GRPC  ",\"grpcSettings\":{\"serviceName\":\"svc\"}}}"
#define WS    ",\"wsSettings\":{\"path\":\"/p\"}}}"
#define UP    ",\"httpupgradeSettings\":{\"path\":\"/p\"}}}"
#define XHTTP ",\"xhttpSettings\":{\"path\":\"/p\"}}}"

static void
check(const struct client *client, const char *expected)
{
    client_check_part(OUTBOUND_XRAY, client, expected);
}

static void
test_hostile_words_stay_words(void **state)
{
    static const char word[] = "/a\"b\\c\",\"d\":{}]}\x01\t\x7f\xc2\x85\u2028\ufeff'🇩🇪";
    struct client client = client_of(TRANSPORT_WS, SECURITY_TLS);
    json_t *tree;

    (void)state;
    client.address = client.sni = client.fp = client.ech = client.pcs = client.vcn = word;
    client.path = client.host = client.flow = client.encryption = client.alpn = word;
    tree = client_read_back(OUTBOUND_XRAY, &client);
    client_check_string(tree, "settings.vnext.0.address", word);
    client_check_string(tree, "settings.vnext.0.users.0.id", CLIENT_UUID);
    client_check_string(tree, "settings.vnext.0.users.0.flow", word);
    client_check_string(tree, "settings.vnext.0.users.0.encryption", word);
    client_check_string(tree, "streamSettings.tlsSettings.serverName", word);
    client_check_string(tree, "streamSettings.tlsSettings.fingerprint", word);
    client_check_string(tree, "streamSettings.tlsSettings.echConfigList", word);
    client_check_string(tree, "streamSettings.tlsSettings.pinnedPeerCertSha256", word);
    client_check_string(tree, "streamSettings.tlsSettings.verifyPeerCertByName", word);
    client_check_string(tree, "streamSettings.wsSettings.path", word);
    client_check_string(tree, "streamSettings.wsSettings.host", word);
    assert_int_equal(4, json_object_size(tree));
    json_decref(tree);
}

static void
test_hostile_keys_stay_words(void **state)
{
    static const char word[] = "/a\"b\\c\",\"d\":{}]}";
    struct client client = client_of(TRANSPORT_GRPC, SECURITY_REALITY);
    json_t *tree;

    (void)state;
    client.pbk = client.sid = client.spx = client.pqv = client.service = client.authority = word;
    tree = client_read_back(OUTBOUND_XRAY, &client);
    client_check_string(tree, "streamSettings.realitySettings.publicKey", word);
    client_check_string(tree, "streamSettings.realitySettings.shortId", word);
    client_check_string(tree, "streamSettings.realitySettings.spiderX", word);
    client_check_string(tree, "streamSettings.realitySettings.mldsa65Verify", word);
    client_check_string(tree, "streamSettings.grpcSettings.serviceName", word);
    client_check_string(tree, "streamSettings.grpcSettings.authority", word);
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
        {TRANSPORT_TCP, SECURITY_NONE, HEAD("tcp", "none") "}}"},
        {TRANSPORT_TCP, SECURITY_TLS, HEAD("tcp", "tls") TLS "}}"},
        {TRANSPORT_TCP, SECURITY_REALITY, HEAD("tcp", "reality") REALITY "}}"},
        {TRANSPORT_GRPC, SECURITY_NONE, HEAD("grpc", "none") GRPC},
        {TRANSPORT_GRPC, SECURITY_TLS, HEAD("grpc", "tls") TLS GRPC},
        {TRANSPORT_GRPC, SECURITY_REALITY, HEAD("grpc", "reality") REALITY GRPC},
        {TRANSPORT_WS, SECURITY_NONE, HEAD("ws", "none") WS},
        {TRANSPORT_WS, SECURITY_TLS, HEAD("ws", "tls") TLS WS},
        {TRANSPORT_HTTPUPGRADE, SECURITY_NONE, HEAD("httpupgrade", "none") UP},
        {TRANSPORT_HTTPUPGRADE, SECURITY_TLS, HEAD("httpupgrade", "tls") TLS UP},
        {TRANSPORT_XHTTP, SECURITY_NONE, HEAD("xhttp", "none") XHTTP},
        {TRANSPORT_XHTTP, SECURITY_TLS, HEAD("xhttp", "tls") TLS XHTTP},
        {TRANSPORT_XHTTP, SECURITY_REALITY, HEAD("xhttp", "reality") REALITY XHTTP},
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
test_what_more_tls_may_ask(void **state)
{
    struct client client = client_of(TRANSPORT_TCP, SECURITY_TLS);

    (void)state;
    client.address = "2001:db8::10";
    client.port = 1;
    client.flow = "xtls-rprx-vision";
    client.encryption = "mlkem768x25519plus.native.0rtt.abc";
    client.alpn = "h2,http/1.1";
    client.ech = "AEX+DQ==";
    client.pcs = "4b2d,4b2e";
    client.vcn = "a.example,b.example";
    check(&client,
          ",\"encryption\":\"mlkem768x25519plus.native.0rtt.abc\",\"flow\":\"xtls-rprx-vision\"}],"
          "\"address\":\"2001:db8::10\",\"port\":1}]},"
          "\"streamSettings\":{\"network\":\"tcp\",\"security\":\"tls\","
          "\"tlsSettings\":{\"fingerprint\":\"chrome\",\"serverName\":\"sni.example\","
          "\"alpn\":[\"h2\",\"http/1.1\"],\"echConfigList\":\"AEX+DQ==\","
          "\"pinnedPeerCertSha256\":\"4b2d,4b2e\","
          "\"verifyPeerCertByName\":\"a.example,b.example\"}}}");
}

static void
test_what_more_reality_may_ask(void **state)
{
    struct client client = client_of(TRANSPORT_TCP, SECURITY_REALITY);

    (void)state;
    client.sid = NULL;
    client.spx = "/spider";
    client.pqv = "verify";
    check(&client,
          HEAD("tcp", "reality") ",\"realitySettings\":{\"fingerprint\":\"chrome\","
                                 "\"serverName\":\"sni.example\","
                                 "\"publicKey\":\"" CLIENT_PBK "\","
                                 "\"spiderX\":\"/spider\",\"mldsa65Verify\":\"verify\"}}}");
}

static void
test_what_more_a_transport_may_ask(void **state)
{
    struct client client = client_of(TRANSPORT_GRPC, SECURITY_NONE);

    (void)state;
    client.authority = "cdn.example";
    client.mode = "multi";
    check(&client, HEAD("grpc", "none") ",\"grpcSettings\":{\"serviceName\":\"svc\","
                                        "\"authority\":\"cdn.example\",\"multiMode\":true}}}");
    client.mode = "gun";
    check(&client, HEAD("grpc", "none") ",\"grpcSettings\":{\"serviceName\":\"svc\","
                                        "\"authority\":\"cdn.example\"}}}");
    client = client_of(TRANSPORT_XHTTP, SECURITY_NONE);
    client.host = "h.example";
    client.mode = "packet-up";
    client.extra = "{\"xmux\":{\"maxConcurrency\":\"16-32\"}}";
    check(&client, HEAD("xhttp", "none") ",\"xhttpSettings\":{\"path\":\"/p\","
                                         "\"mode\":\"packet-up\","
                                         "\"extra\":{\"xmux\":{\"maxConcurrency\":\"16-32\"}},"
                                         "\"host\":\"h.example\"}}}");
    /* Early data is Xray's own notation: it stays in the path. */
    client = client_of(TRANSPORT_WS, SECURITY_NONE);
    client.path = "/p?ed=2048";
    client.host = "h.example";
    check(&client, HEAD("ws", "none") ",\"wsSettings\":{\"path\":\"/p?ed=2048\","
                                      "\"host\":\"h.example\"}}}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_words_stay_words),
        cmocka_unit_test(test_hostile_keys_stay_words),
        cmocka_unit_test(test_every_transport_with_every_security),
        cmocka_unit_test(test_what_more_tls_may_ask),
        cmocka_unit_test(test_what_more_reality_may_ask),
        cmocka_unit_test(test_what_more_a_transport_may_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
