#include "unit.h"

#include <stdbool.h>

#include "client.h"
#include "document.h"
#include "findings.h"

#define PBK     "E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM"
#define REALITY "security: reality\nsni: www.example.com\npbk: " PBK "\n"

static struct pool pool;
static struct findings findings;
static struct client client;

static int
set_up(void **state)
{
    (void)state;
    pool_init(&pool);
    findings_init(&findings);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pool_release(&pool);
    return 0;
}

enum outcome { SERVED, REFUSED, UNREADABLE };

/* What becomes of client fields; the client is filled. */
static enum outcome
check(const char *yaml)
{
    struct source source = {"test.yaml", yaml, strlen(yaml), &findings.report};
    struct fields fields = {.source = &source, .pool = &pool};
    struct error error;
    json_t *tree = document_parse(yaml, strlen(yaml), SYNTAX_YAML, &error);
    enum outcome outcome;

    if (tree == NULL)
        fail_msg("%s: %s", yaml, error.text);
    findings_init(&findings);
    fields.object = tree;
    client_defaults(&client, "api.v2.rpc.0123456789abcdef");
    client_read(&fields, &client);
    outcome = fields.failed ? UNREADABLE : client_check(&fields, &client) ? SERVED : REFUSED;
    json_decref(tree);
    return outcome;
}

static void
assert_good(const char *yaml)
{
    enum outcome outcome = check(yaml);

    if (outcome != SERVED || findings.count > 0) {
        print_error("%s", yaml);
        findings_print(&findings);
        fail();
    }
}

struct mistake {
    const char *yaml;
    unsigned line; /* of the finding; 0: none */
    const char *part;
};

static void
check_all(const struct mistake *cases, size_t count, enum outcome outcome)
{
    enum finding_level level = outcome == SERVED ? FINDING_WARNING : FINDING_ERROR;
    const struct found *found;
    enum outcome got;
    size_t i;
    int wrong = 0;

    for (i = 0; i < count; i++) {
        got = check(cases[i].yaml);
        found = findings_look(&findings, level, cases[i].part);
        if (got == outcome && found != NULL && found->line == cases[i].line)
            continue;
        print_error("%soutcome %d; wanted %d and :%u: …%s…\n", cases[i].yaml, (int)got,
                    (int)outcome, cases[i].line, cases[i].part);
        findings_print(&findings);
        wrong++;
    }
    assert_int_equal(0, wrong);
}

static void
test_without_fields_it_is_todays_system(void **state)
{
    (void)state;
    assert_good("{}\n");
    assert_int_equal(TRANSPORT_GRPC, client.type);
    assert_int_equal(SECURITY_TLS, client.security);
    assert_int_equal(443, client.port);
    assert_string_equal("api.v2.rpc.0123456789abcdef", client.service);
    assert_string_equal("chrome", client.fp);
    assert_string_equal("h2", client.alpn);
    assert_string_equal("none", client.encryption);
    assert_null(client.address);
    assert_null(client.sni);
    assert_null(client.flow);
    assert_null(client.host);
    assert_null(client.path);
    assert_null(client.mode);
    assert_null(client.authority);
    assert_null(client.extra);
    assert_null(client.pbk);
    assert_null(client.sid);
    assert_null(client.spx);
    assert_null(client.pqv);
    assert_null(client.ech);
    assert_null(client.pcs);
    assert_null(client.vcn);
}

static void
test_every_field_arrives(void **state)
{
    (void)state;
    assert_good("address: '[2001:DB8::10]'\nport: 8443\ntype: xhttp\nsecurity: tls\n"
                "sni: cdn.example.com\nfp: firefox\nalpn: h2\nhost: h.example.com\npath: /xh\n"
                "mode: stream-up\nextra: {xmux: {maxConcurrency: 16-32}, noGRPCHeader: false}\n"
                "encryption: mlkem768x25519plus.native.0rtt.abc\nech: AEX+DQ==\n"
                "pcs: 4b2d31b4b7ff4b5b93ac1a7b3c3eb84d6b6ff1b5aa6b3f0c9d4d0f0e9f1a2b3c\n"
                "vcn: a.example,b.example\n");
    assert_string_equal("2001:db8::10", client.address);
    assert_int_equal(8443, client.port);
    assert_int_equal(TRANSPORT_XHTTP, client.type);
    assert_string_equal("cdn.example.com", client.sni);
    assert_string_equal("firefox", client.fp);
    assert_string_equal("h2", client.alpn);
    assert_string_equal("h.example.com", client.host);
    assert_string_equal("/xh", client.path);
    assert_string_equal("stream-up", client.mode);
    assert_string_equal("{\"xmux\":{\"maxConcurrency\":\"16-32\"},\"noGRPCHeader\":false}",
                        client.extra);
    assert_string_equal("mlkem768x25519plus.native.0rtt.abc", client.encryption);
    assert_string_equal("AEX+DQ==", client.ech);
    assert_string_equal("a.example,b.example", client.vcn);
    assert_null(client.service);

    assert_good("type: grpc\n" REALITY "serviceName: other\nmode: multi\nauthority: a.example\n"
                "sid: 01234567\nspx: /x\n");
    assert_string_equal("other", client.service);
    assert_string_equal("multi", client.mode);
    assert_string_equal("a.example", client.authority);
    assert_string_equal(PBK, client.pbk);
    assert_string_equal("01234567", client.sid);
    assert_string_equal("/x", client.spx);
    assert_null(client.alpn);
    assert_string_equal("chrome", client.fp);
}

static void
test_combinations_that_work(void **state)
{
    static const char *const cases[] = {
        "type: tcp\nflow: xtls-rprx-vision\n" REALITY,
        "type: tcp\nflow: xtls-rprx-vision\n",
        "type: tcp\n",
        "type: tcp\n" REALITY "sid: ''\n",
        "type: tcp\n" REALITY "sid: 0123456789abcdef\n",
        "type: tcp\n" REALITY "sid: ABCD\n",
        "type: tcp\n" REALITY "sid: 12\n",
        "type: grpc\n" REALITY,
        "type: xhttp\npath: /x\n" REALITY,
        "type: ws\n",
        "type: ws\npath: /ws?ed=2048\nhost: cdn.example.com\nalpn: http/1.1\n",
        "type: httpupgrade\npath: /hu\n",
        "type: xhttp\nmode: packet-up\n",
        "type: tcp\nsecurity: none\naddress: 127.0.0.1\n",
        "type: tcp\nsecurity: none\naddress: 10.1.2.3\n",
        "type: tcp\nsecurity: none\naddress: fd00::1\n",
        "security: none\naddress: 192.168.0.1\n",
        "type: tcp\nsecurity: none\naddress: 8.8.8.8\nencryption: "
        "mlkem768x25519plus.native.1rtt.a\n",
        "type: tcp\nsecurity: none\naddress: 8.8.8.8\nencryption: "
        "mlkem768x25519plus.native.1rtt.a\n"
        "flow: xtls-rprx-vision\n",
        "encryption: none\n",
        "port: 65535\n",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_good(cases[i]);
}

static void
test_what_follows_is_filled_in(void **state)
{
    (void)state;
    assert_good("type: ws\n");
    assert_string_equal("/", client.path);
    assert_null(client.alpn);
    assert_null(client.service);
    assert_string_equal("chrome", client.fp);
    assert_good("type: tcp\nfp: android\n");
    assert_good("alpn: h2,http/1.1\n");
    assert_string_equal("h2,http/1.1", client.alpn);
    assert_good("security: none\naddress: 127.0.0.1\n");
    assert_null(client.alpn);
    assert_null(client.fp);
    assert_null(client.sni);
}

static void
test_combinations_that_cannot_work(void **state)
{
    static const struct mistake cases[] = {
        {"type: ws\n" REALITY, 2, "reality works over"},
        {"type: httpupgrade\n" REALITY, 2, "reality works over"},
        {"security: reality\nsni: a.example\n", 0, "pbk"},
        {"security: reality\npbk: " PBK "\n", 0, "sni"},
        {"flow: xtls-rprx-vision\n", 1, "vision works over tcp"},
        {"type: grpc\nflow: xtls-rprx-vision\n" REALITY, 2, "vision works over tcp"},
        {"type: ws\nflow: xtls-rprx-vision\n", 2, "vision works over tcp"},
        {"type: xhttp\nflow: xtls-rprx-vision\n", 2, "vision works over tcp"},
        {"type: tcp\nsecurity: none\naddress: 127.0.0.1\nflow: xtls-rprx-vision\n", 4,
         "vision needs"},
        {"type: tcp\nflow: xtls-rprx-vision-udp443\n", 2, "flow: must be"},
        {"type: tcp\nflow: xtls-rprx-direct\n", 2, "flow: must be"},
        {"type: tcp\nsecurity: none\naddress: 8.8.8.8\n", 2, "public address"},
        {"type: ws\nsecurity: none\naddress: 2606:4700::11\n", 2, "public address"},
        {"security: none\naddress: 172.32.0.1\n", 1, "public address"},
        {"encryption: mlkem768x25519plus.plain.0rtt.a\n", 1, "encryption: must be"},
        {"encryption: mlkem768x25519plus.native.600s.a\n", 1, "encryption: must be"},
        {"encryption: mlkem768x25519plus.native.0rtt.\n", 1, "encryption: must be"},
        {"fp: crome\n", 1, "fp: "},
        {"ech: AEX+DQ\n", 1, "ech: must be"},
        {REALITY "sid: 123\n", 4, "sid: "},
        {REALITY "sid: 0\n", 4, "sid: "},
        {REALITY "sid: 0123456789abcdef00\n", 4, "sid: "},
        {REALITY "sid: 0x12\n", 4, "sid: "},
        {REALITY "sid: '12,34'\n", 4, "sid: "},
        {"security: reality\nsni: a.example\npbk: abc\n", 3, "pbk: must be 43"},
        {"security: reality\nsni: a.example\npbk: " PBK "=\n", 3, "pbk: must be 43"},
        {"security: reality\nsni: a.example\npbk: E59WjnvZcQMu7tR7/BgyhycuEdBS+CtKxfImRCdAvFM\n", 3,
         "pbk: must be 43"},
        {REALITY "spx: x\n", 4, "spx: must start"},
        {REALITY "pqv: abc\n", 4, "pqv: must be"},
        {"security: reality\nsni: 203.0.113.10\npbk: " PBK "\n", 2, "sni: must be a host name"},
        {"sni: a_b.example\n", 1, "sni: must be a host name"},
        {"type: ws\npath: ws\n", 2, "path: must start"},
        {"type: xhttp\npath: '?x'\n", 2, "path: must start"},
        {"mode: auto\n", 1, "mode: must be gun or multi"},
        {"type: xhttp\nmode: gun\n", 2, "mode: must be auto"},
        {"serviceName: /a\n", 1, "serviceName: a custom gRPC path"},
        {"serviceName: /\n", 1, "serviceName: a custom gRPC path"},
        {"encryption: aes-128-gcm\n", 1, "encryption: must be"},
        {"encryption: None\n", 1, "encryption: must be"},
        {"pcs: sha256\n", 1, "pcs: must be SHA-256"},
    };

    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]), REFUSED);
}

static void
test_pins_are_whole_sums(void **state)
{
    static const struct mistake cases[] = {
        {"pcs: abcd\n", 1, "pcs: must be SHA-256"},
        {"pcs: ','\n", 1, "pcs: must be SHA-256"},
        {"pcs: 4b2d31b4b7ff4b5b93ac1a7b3c3eb84d6b6ff1b5aa6b3f0c9d4d0f0e9f1a2b3\n", 1,
         "pcs: must be"},
        {"pcs: "
         "'4b2d31b4b7ff4b5b93ac1a7b3c3eb84d6b6ff1b5aa6b3f0c9d4d0f0e9f1a2b3c,'\n",
         1, "pcs: must be"},
    };

    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]), REFUSED);
}

static void
test_wrong_types_and_words(void **state)
{
    static const struct mistake cases[] = {
        {"type: kcp\n", 1, "type: 'kcp' is not one of tcp, ws, grpc, httpupgrade, xhttp"},
        {"type: raw\n", 1, "type: 'raw'"},
        {"type: [tcp]\n", 1, "type: must be a string"},
        {"security: xtls\n", 1, "security: 'xtls' is not one of none, tls, reality"},
        {"security: false\n", 1, "security: must be a string"},
        {"port: 0\n", 1, "port: 0 is out of range"},
        {"port: 65536\n", 1, "port: 65536 is out of range"},
        {"port: -1\n", 1, "port: "},
        {"port: '443'\n", 1, "port: must be a whole number"},
        {"port: 443-444\n", 1, "port: must be a whole number"},
        {"port: 4294967739\n", 1, "port: "},
        {"address: a b\n", 1, "address: "},
        {"address: https://a.example\n", 1, "address: 'https://a.example'"},
        {"address: a.example:443\n", 1, "address: "},
        {"address: пример.рф\n", 1, "punycode"},
        {"address: 8.8.8\n", 1, "address: "},
        {"extra: '{}'\n", 1, "extra: must be a mapping"},
        {"extra: [a]\n", 1, "extra: must be a mapping"},
        {"extra: {a: \"\\x7f\"}\n", 1, "extra: holds U+007F"},
        {"extra: {\"a\\x7f\": b}\n", 1, "extra: holds U+007F"},
        {"alpn: [h2, http/1.1]\n", 1, "alpn: must be a string"},
        {"path: /a b\n", 1, "path: white space"},
        {"path: \"/a\\tb\"\n", 1, "path: white space"},
        {"pbk: true\n", 1, "pbk: must be a string"},
        {"sid: {a: b}\n", 1, "sid: must be a string"},
    };

    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]), UNREADABLE);
}

static void
test_odd_but_served(void **state)
{
    static const struct mistake cases[] = {
        {"type: tcp\nsecurity: none\naddress: a.example\n", 2, "security: none"},
        {"serviceName: /a/b/Stream\n", 1, "Xray only"},
        {"serviceName: a%2Fb\n", 1, "'%'"},
        {"type: ws\npath: /a%20b\n", 2, "'%'"},
        {"type: ws\nalpn: h2,http/1.1\n", 2, "HTTP/1.1"},
        {"fp: hellochrome_120\n", 1, "Xray only"},
        {"fp: android\n", 1, "use chrome"},
        {"type: tcp\nfp: '360'\n" REALITY, 2, "use chrome"},
    };

    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]), SERVED);
}

/* It goes over the public internet by the entry's domain, as by an address that is a name. */
static void
test_plain_by_the_domain_is_odd_too(void **state)
{
    static const struct mistake cases[] = {{"type: tcp\nsecurity: none\n", 2, "security: none"}};

    (void)state;
    check_all(cases, 1, SERVED);
}

/* A field that has no use: dropped, with a warning at its line. */
static void
test_what_does_not_belong_is_dropped(void **state)
{
    static const struct {
        const char *before, *key, *value;
    } cases[] = {
        {"type: tcp\n", "host", "a.example"},
        {"type: tcp\n", "path", "/x"},
        {"type: tcp\n", "mode", "auto"},
        {"type: tcp\n", "authority", "a.example"},
        {"type: tcp\n", "extra", "{a: 1}"},
        {"type: grpc\n", "host", "a.example"},
        {"type: grpc\n", "path", "/x"},
        {"type: grpc\n", "extra", "{a: 1}"},
        {"type: ws\n", "mode", "auto"},
        {"type: ws\n", "extra", "{a: 1}"},
        {"type: ws\n", "authority", "a.example"},
        {"type: httpupgrade\n", "mode", "gun"},
        {"type: xhttp\n", "authority", "a.example"},
        {"security: tls\n", "pbk", PBK},
        {"security: tls\n", "sid", "12"},
        {"security: tls\n", "spx", "/"},
        {"security: tls\n", "pqv", "abc"},
        {REALITY, "alpn", "h2"},
        {REALITY, "ech", "abc"},
        {REALITY, "pcs", "abc"},
        {REALITY, "vcn", "a.example"},
        {"security: none\naddress: 127.0.0.1\n", "sni", "a.example"},
        {"security: none\naddress: 127.0.0.1\n", "fp", "chrome"},
        {"security: none\naddress: 127.0.0.1\n", "alpn", "h2"},
        {"security: none\naddress: 127.0.0.1\n", "pbk", PBK},
        {"security: none\naddress: 127.0.0.1\n", "ech", "abc"},
    };
    struct client plain;
    char text[300], part[100];
    const char *p;
    struct mistake mistake;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_good(cases[i].before);
        plain = client;
        snprintf(text, sizeof(text), "%s%s: %s\n", cases[i].before, cases[i].key, cases[i].value);
        snprintf(part, sizeof(part), "%s: ", cases[i].key);
        mistake = (struct mistake){text, 1, part};
        for (p = cases[i].before; (p = strchr(p, '\n')) != NULL; p++)
            mistake.line++;
        check_all(&mistake, 1, SERVED);
        assert_int_equal(1, findings.count);
        assert_ptr_equal(plain.host, client.host);
        assert_ptr_equal(plain.mode, client.mode);
        assert_ptr_equal(plain.authority, client.authority);
        assert_ptr_equal(plain.extra, client.extra);
        assert_ptr_equal(plain.alpn, client.alpn);
        assert_ptr_equal(plain.spx, client.spx);
        assert_ptr_equal(plain.sid, client.sid);
        assert_ptr_equal(plain.pqv, client.pqv);
        assert_ptr_equal(plain.ech, client.ech);
        assert_ptr_equal(plain.pcs, client.pcs);
        assert_ptr_equal(plain.vcn, client.vcn);
    }
}

/* A route's own service name is no mistake under ws; one that stands among the client fields is. */
static void
test_a_service_name_of_its_own_is_dropped_with_a_warning(void **state)
{
    static const struct mistake cases[] = {{"type: ws\nserviceName: a\n", 2, "serviceName: "}};

    (void)state;
    check_all(cases, 1, SERVED);
    assert_null(client.service);
}

static void
test_grpc_needs_a_service_name(void **state)
{
    struct source source = {"test.yaml", NULL, 0, &findings.report};
    struct fields fields = {.source = &source, .pool = &pool};

    (void)state;
    client_defaults(&client, NULL);
    assert_false(client_check(&fields, &client));
    assert_non_null(findings_look(&findings, FINDING_ERROR, "serviceName"));
    client_defaults(&client, NULL);
    client.type = TRANSPORT_WS;
    assert_true(client_check(&fields, &client));
}

#define with_pool(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_pool(test_without_fields_it_is_todays_system),
        with_pool(test_every_field_arrives),
        with_pool(test_combinations_that_work),
        with_pool(test_what_follows_is_filled_in),
        with_pool(test_combinations_that_cannot_work),
        with_pool(test_pins_are_whole_sums),
        with_pool(test_wrong_types_and_words),
        with_pool(test_odd_but_served),
        with_pool(test_plain_by_the_domain_is_odd_too),
        with_pool(test_what_does_not_belong_is_dropped),
        with_pool(test_a_service_name_of_its_own_is_dropped_with_a_warning),
        with_pool(test_grpc_needs_a_service_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
