/* feature.h: what an endpoint asks for, and which versions of which apps are left without it. */
#include "unit.h"

#include <stdio.h>

#include "feature.h"
#include "negotiate.h"

#define BIT(name) FEATURE_BIT(FEATURE_##name)
#define SUM       "4b2d31b4b7ff4b5b93ac1a7b3c3eb84d6b6ff1b5aa6b3f0c9d4d0f0e9f1a2b3c"

/* Clients that ask for one thing each, or for nothing. */
static const struct {
    const char *what;
    struct client client;
    uint32_t features;
} asked[] = {
    {"plain tcp", {.type = TRANSPORT_TCP, .security = SECURITY_NONE, .encryption = "none"}, 0},
    {"ws", {.type = TRANSPORT_WS, .security = SECURITY_TLS, .path = "/", .encryption = "none"}, 0},
    {"grpc", {.type = TRANSPORT_GRPC, .service = "a/b", .encryption = "none"}, 0},
    {"grpc by a path",
     {.type = TRANSPORT_GRPC, .service = "/a/b", .encryption = "none"},
     BIT(GRPC_PATH)},
    {"httpupgrade",
     {.type = TRANSPORT_HTTPUPGRADE, .path = "/", .encryption = "none"},
     BIT(HTTPUPGRADE)},
    {"xhttp", {.type = TRANSPORT_XHTTP, .path = "/", .encryption = "none"}, BIT(XHTTP)},
    {"xhttp with more",
     {.type = TRANSPORT_XHTTP, .path = "/", .extra = "{}", .encryption = "none"},
     BIT(XHTTP) | BIT(XHTTP_EXTRA)},
    {"reality",
     {.type = TRANSPORT_TCP, .security = SECURITY_REALITY, .encryption = "none"},
     BIT(REALITY)},
    {"vision",
     {.type = TRANSPORT_TCP,
      .security = SECURITY_TLS,
      .flow = "xtls-rprx-vision",
      .encryption = "none"},
     BIT(VISION)},
    {"encryption", {.type = TRANSPORT_TCP, .encryption = "mlkem768x25519plus.x"}, BIT(ENCRYPTION)},
    {"pqv",
     {.type = TRANSPORT_TCP, .security = SECURITY_REALITY, .pqv = "k", .encryption = "none"},
     BIT(REALITY) | BIT(PQV)},
    {"ech", {.security = SECURITY_TLS, .ech = "AEX+DQ==", .encryption = "none"}, BIT(ECH)},
    {"ech by DNS",
     {.security = SECURITY_TLS, .ech = "udp://192.0.2.1", .encryption = "none"},
     BIT(ECH_DNS)},
    {"ech by DNS of another name",
     {.security = SECURITY_TLS, .ech = "ech.example+https://192.0.2.1/q", .encryption = "none"},
     BIT(ECH_DNS)},
    {"pin", {.security = SECURITY_TLS, .pcs = SUM, .encryption = "none"}, BIT(PIN)},
    {"pins", {.security = SECURITY_TLS, .pcs = SUM "," SUM, .encryption = "none"}, BIT(PINS)},
    {"vcn", {.security = SECURITY_TLS, .vcn = "a.example", .encryption = "none"}, BIT(VCN)},
    {"fp", {.security = SECURITY_TLS, .fp = "unsafe", .encryption = "none"}, BIT(FP)},
    {"early data", {.type = TRANSPORT_WS, .path = "/a?ed=2048", .encryption = "none"}, 0},
    {"query", {.type = TRANSPORT_WS, .path = "/a?b=c&ed=1", .encryption = "none"}, BIT(QUERY)},
    {"no early data",
     {.type = TRANSPORT_WS, .path = "/a?ed=65536", .encryption = "none"},
     BIT(QUERY)},
    {"common fp", {.security = SECURITY_TLS, .fp = "360", .encryption = "none"}, 0},
};

enum { ASKED = sizeof(asked) / sizeof(asked[0]) };

static void
test_what_an_endpoint_asks_for(void **state)
{
    uint32_t seen = 0;
    size_t i;

    (void)state;
    for (i = 0; i < ASKED; i++) {
        if (features_of(&asked[i].client) != asked[i].features)
            fail_msg("%s: %x", asked[i].what, features_of(&asked[i].client));
        seen |= asked[i].features;
    }
    assert_int_equal(FEATURES_ALL, seen);
}

/* Fields that are no feature of their own: every app reads them or does well without them. */
static void
test_what_asks_for_nothing(void **state)
{
    struct client client = {.type = TRANSPORT_GRPC,
                            .security = SECURITY_TLS,
                            .port = 8443,
                            .address = "2001:db8::1",
                            .service = "svc",
                            .sni = "a.example",
                            .fp = "firefox",
                            .alpn = "h2,http/1.1",
                            .mode = "multi",
                            .authority = "a.example",
                            .encryption = "none"};

    (void)state;
    assert_int_equal(0, features_of(&client));
    client.type = TRANSPORT_WS;
    client.host = "h.example";
    client.path = "/p?ed=2048";
    assert_int_equal(0, features_of(&client));
}

static void
test_names_tell_features_apart(void **state)
{
    int i, k;

    (void)state;
    assert_int_equal(FEATURES_ALL + 1, UINT32_C(1) << FEATURES);
    for (i = 0; i < FEATURES; i++) {
        assert_true(strlen(feature_name((enum feature)i)) > 0);
        for (k = 0; k < i; k++)
            assert_string_not_equal(feature_name((enum feature)i), feature_name((enum feature)k));
    }
}

/*
 * Who gets an endpoint that asks for something: '+' gets it, '.' does not. One column for each of
 * the asked, in their order: plain, ws, grpc | path, up, xhttp, more | reality, vision, encryption,
 * pqv | ech, DNS, DNS | pin, pins, vcn | fp, early data,
 * two queries, a common fp.
 */
static const struct {
    const char *user_agent, *query, *gets;
} readers[] = {
    /* Xray reads all of it. */
    {"v2rayNG/2.3.5", NULL, "++++++++++++++++++++++"},
    {"Happ/3.20.4/Android/1", NULL, "++++++++++++++++++++++"},
    {"Streisand/1.6.57", "format=xray", "++++++++++++++++++++++"},
    {"curl/8.0", NULL, "++++++++++++++++++++++"},
    /* mihomo: VLESS encryption since 1.19.13, xhttp since 1.19.22. */
    {"clash.meta/1.18.0", NULL, "+++.+..++.++..+...++++"},
    {"clash.meta/v1.19.12", NULL, "+++.+..++.++..+...++++"},
    {"clash.meta/v1.19.13", NULL, "+++.+..+++++..+...++++"},
    {"mihomo/1.19.21", NULL, "+++.+..+++++..+...++++"},
    {"mihomo/1.19.22", NULL, "+++.++.+++++..+...++++"},
    {"mihomo/1.20.0", NULL, "+++.++.+++++..+...++++"},
    {"clash-verge/v2.5.0", NULL, "+++.+..++.++..+...++++"},
    /* The same cores read links worse: what would show the UUID or the server's name is gone. */
    {"clash.meta/v1.19.22", "format=links", "+++..+.++++...+...++++"},
    {"clash.meta/v1.19.22", "format=base64", "+++..+.++++...+...++++"},
    /* sing-box, all of its versions. */
    {"SFA/1.8.0 (1; sing-box 1.8.0)", NULL, "+++.+..++.++......+..+"},
    {"SFI (sing-box 1.10.0)", NULL, "+++.+..++.++......+..+"},
    {"SFM (sing-box 1.11.4)", NULL, "+++.+..++.++......+..+"},
    {"sing-box/1.12.3", NULL, "+++.+..++.++......+..+"},
    {"SFA/1.14.0 (9; sing-box 1.14.0)", NULL, "+++.+..++.++......+..+"},
    {"Karing/1.2.6", NULL, "+++.+..++.++......+..+"},
    /* Forks of it that know xhttp. */
    {"HiddifyNext/4.1.2 (android) like ClashMeta v2ray sing-box", NULL, "+++.+++++.++......+..+"},
    {"Throne/1.0.5", NULL, "+++.+++++.++......+..+"},
    {"NekoBox/Android/1.4.2", NULL, "+++.+..++.++......+..+"},
    /* The form that was asked for has no words for more, whoever asks. */
    {"v2rayNG/2.3.5", "format=sing-box", "+++.+..++.++......+..+"},
    {"v2rayNG/2.3.5", "format=clash", "+++.++.+++++..+...++++"},
    {"NekoBox/Android/1.4.2", "format=clash", "+++.+..++.++......+..+"},
    {"clash.meta/v1.19.12", "format=xray", "+++.+..++.++..+...++++"},
};

static void
test_who_is_left_without(void **state)
{
    struct hints hints = {0};
    struct choice choice;
    char gets[ASKED + 1] = "";
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        hints.user_agent = readers[i].user_agent;
        hints.query = readers[i].query;
        assert_int_equal(0, negotiate(&hints, NULL, &choice));
        for (k = 0; k < ASKED; k++)
            gets[k] = (features_of(&asked[k].client) & ~choice.known) == 0 ? '+' : '.';
        if (strcmp(gets, readers[i].gets) != 0)
            fail_msg("%s %s:\n%s, not\n%s", readers[i].user_agent,
                     readers[i].query != NULL ? readers[i].query : "", gets, readers[i].gets);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_an_endpoint_asks_for),
        cmocka_unit_test(test_what_asks_for_nothing),
        cmocka_unit_test(test_names_tell_features_apart),
        cmocka_unit_test(test_who_is_left_without),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
