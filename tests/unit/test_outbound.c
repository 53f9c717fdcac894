/* outbound.h: what holds for every core's words. What each core says is tested by itself. */
#include "unit.h"

#include "clients.h"
#include "findings.h"
#include "format.h"

#define REALITY "security: reality\nsni: www.example.com\npbk: " CLIENT_PBK "\n"

static struct pool pool;

static int
set_up(void **state)
{
    (void)state;
    pool_init(&pool);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pool_release(&pool);
    return 0;
}

/* Reads client fields as a registry does. Returns false when such an endpoint is not served. */
static bool
read_client(const char *yaml, struct client *client)
{
    struct findings findings;
    struct source source = {"test.yaml", yaml, strlen(yaml), &findings.report};
    struct fields fields = {.source = &source, .pool = &pool};
    struct error error;
    json_t *tree = document_parse(yaml, strlen(yaml), SYNTAX_YAML, &error);
    bool is_served;

    if (tree == NULL)
        fail_msg("%s: %s", yaml, error.text);
    findings_init(&findings);
    fields.object = tree;
    client_defaults(client, "svc");
    client_read(&fields, client);
    is_served = !fields.failed && client_check(&fields, client);
    if (client->address == NULL)
        client->address = "a.example";
    json_decref(tree);
    return is_served;
}

static bool
is_known(enum outbound outbound, const struct client *client)
{
    return (features_of(client) & ~outbound_features(outbound)) == 0;
}

/*
 * A word that a core does not know costs the device its whole profile. sing-box ends with "unknown
 * uTLS fingerprint", Xray with "unknown \"fingerprint\"" (mihomo passes over it), and mihomo and
 * sing-box with a complaint about base64 or PEM in ech.
 */
static void
test_no_record_spoils_a_profile(void **state)
{
    enum { CLASH = 1 << OUTBOUND_CLASH, SING_BOX = 1 << OUTBOUND_SING_BOX };
    enum { XRAY = 1 << OUTBOUND_XRAY };
    static const struct {
        const char *yaml, *word;
        int cores; /* that do not know the word */
    } cases[] = {
        {"fp: nonsense\n", "nonsense", SING_BOX | XRAY},
        {"fp: unsafe\n", "unsafe", SING_BOX},
        {"fp: hellochrome_120\n", "hellochrome_120", SING_BOX},
        {REALITY "fp: nonsense\n", "nonsense", SING_BOX | XRAY},
        {"ech: not-base64\n", "not-base64", CLASH | SING_BOX},
        {"ech: AEX+DQ\n", "AEX+DQ\"", CLASH | SING_BOX},
    };
    struct client client;
    char *part;
    size_t i;
    int core, wrong = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!read_client(cases[i].yaml, &client))
            continue;
        for (core = 0; core < OUTBOUNDS; core++) {
            if ((cases[i].cores & 1 << core) == 0 || !is_known((enum outbound)core, &client))
                continue;
            part = client_put((enum outbound)core, &client);
            if (strstr(part, cases[i].word) != NULL) {
                print_error("%score %d: %s\n", cases[i].yaml, core, part);
                wrong++;
            }
            free(part);
        }
    }
    assert_int_equal(0, wrong);
}

/* One client for each feature, and a word that must stand where the feature is known. */
static const struct {
    enum feature feature;
    const char *yaml, *word;
} asked[] = {
    {FEATURE_XHTTP, "type: xhttp\nmode: stream-up\n", "stream-up"},
    {FEATURE_XHTTP_EXTRA, "type: xhttp\nextra: {k: v}\n", "{\"k\":\"v\"}"},
    {FEATURE_HTTPUPGRADE, "type: httpupgrade\npath: /up\n", "upgrade"},
    {FEATURE_GRPC_PATH, "serviceName: /a/b\n", "\"/a/b\""},
    {FEATURE_REALITY, "type: tcp\nsid: 0abc\n" REALITY, "0abc"},
    {FEATURE_VISION, "type: tcp\nflow: xtls-rprx-vision\n", "xtls-rprx-vision"},
    {FEATURE_ENCRYPTION, "encryption: mlkem768x25519plus.native.0rtt.abc\n", "mlkem768x25519plus"},
    {FEATURE_ECH, "ech: AEX+DQ==\n", "AEX+DQ=="},
    {FEATURE_ECH_DNS, "ech: 'https://192.0.2.1/dns-query'\n", "192.0.2.1"},
    {FEATURE_PIN,
     "pcs: "
     "4b2d31b4b7ff4b5b93ac1a7b3c3eb84d6b6ff1b5aa6b3f0c9d4d0f0e9f1a2b3c\n",
     "4b2d31b4"},
    {FEATURE_PINS,
     "pcs: '4b2d31b4b7ff4b5b93ac1a7b3c3eb84d6b6ff1b5aa6b3f0c9d4d0f0e9f1a2b3c,"
     "5b2d31b4b7ff4b5b93ac1a7b3c3eb84d6b6ff1b5aa6b3f0c9d4d0f0e9f1a2b3c'\n",
     "5b2d31b4"},
    {FEATURE_VCN, "vcn: other.example\n", "other.example"},
    {FEATURE_QUERY, "type: ws\npath: /a?b=c\n", "/a?b=c"},
    {FEATURE_FP, "fp: hellochrome_120\n", "hellochrome_120"},
};

/* What a core is said to know, its words say; nothing that matters is passed over in silence. */
static void
test_what_is_known_is_said(void **state)
{
    struct client client;
    char *part;
    size_t i;
    int core;

    (void)state;
    for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        if (!read_client(asked[i].yaml, &client))
            fail_msg("%sis not served", asked[i].yaml);
        assert_true(features_of(&client) & FEATURE_BIT(asked[i].feature));
        for (core = 0; core < OUTBOUNDS; core++) {
            if (!is_known((enum outbound)core, &client))
                continue;
            part = client_put((enum outbound)core, &client);
            if (strstr(part, asked[i].word) == NULL)
                fail_msg("%score %d: %s", asked[i].yaml, core, part);
            free(part);
        }
    }
}

/* Which core knows what, by the manuals of their newest versions. */
static void
test_what_each_core_knows(void **state)
{
    static const struct {
        enum feature feature;
        bool clash, sing_box;
    } cases[FEATURES] = {
        {FEATURE_XHTTP, true, false},      {FEATURE_XHTTP_EXTRA, false, false},
        {FEATURE_HTTPUPGRADE, true, true}, {FEATURE_GRPC_PATH, false, false},
        {FEATURE_REALITY, true, true},     {FEATURE_VISION, true, true},
        {FEATURE_ENCRYPTION, true, false}, {FEATURE_PQV, true, true},
        {FEATURE_ECH, true, true},         {FEATURE_ECH_DNS, false, false},
        {FEATURE_PIN, true, false},        {FEATURE_PINS, false, false},
        {FEATURE_VCN, false, false},       {FEATURE_QUERY, true, false},
        {FEATURE_FP, false, false},
    };
    uint32_t bit;
    size_t i;

    (void)state;
    for (i = 0; i < FEATURES; i++) {
        bit = FEATURE_BIT(cases[i].feature);
        if (((outbound_features(OUTBOUND_CLASH) & bit) != 0) != cases[i].clash ||
            ((outbound_features(OUTBOUND_SING_BOX) & bit) != 0) != cases[i].sing_box ||
            (outbound_features(OUTBOUND_XRAY) & bit) == 0)
            fail_msg("%s", feature_name(cases[i].feature));
    }
    /* The formats go by them; links have words for everything. */
    assert_int_equal(outbound_features(OUTBOUND_CLASH), format_features(FORMAT_CLASH));
    assert_int_equal(outbound_features(OUTBOUND_SING_BOX), format_features(FORMAT_SING_BOX));
    assert_int_equal(outbound_features(OUTBOUND_XRAY), format_features(FORMAT_XRAY));
    assert_int_equal(FEATURES_ALL, format_features(FORMAT_LINKS));
    assert_int_equal(FEATURES_ALL, format_features(FORMAT_BASE64));
    assert_int_equal(FEATURES_ALL, format_features(FORMAT_PAGE));
}

/* A buffer that is too small says so, wherever it ends. */
static void
test_a_full_buffer_fails(void **state)
{
    struct client client = client_of(TRANSPORT_WS, SECURITY_TLS);
    struct buf buf;
    size_t cap, len;
    char *part;
    int core;

    (void)state;
    for (core = 0; core < OUTBOUNDS; core++) {
        part = client_put((enum outbound)core, &client);
        len = strlen(part);
        for (cap = 0; cap <= len; cap++) {
            buf_init(&buf, cap);
            outbound_put(&buf, (enum outbound)core, &client);
            assert_int_equal(cap < len, buf.failed);
            assert_true(buf.len <= cap);
            assert_memory_equal(part, buf.data != NULL ? buf.data : "", buf.failed ? 0 : len);
            buf_release(&buf);
        }
        free(part);
    }
}

#define with_pool(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_pool(test_no_record_spoils_a_profile),
        with_pool(test_what_is_known_is_said),
        with_pool(test_what_each_core_knows),
        with_pool(test_a_full_buffer_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
