#include "unit.h"

#include <stdio.h>

#include "format.h"
#include "link.h"
#include "policy.h"
#include "reading.h"
#include "remark.h"

#define UUID  "b831381d-6324-4d53-ad4f-8cda48b30811"
#define START "vless://" UUID
#define PBK   "E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM"
#define KEYS  "pbk: " PBK "\nsid: 0123456789abcdef\nspx: /\n"

static struct subscription subscription;
static struct buf encoded[SET_FORMS], links;

/* The links of a user of the core 198.51.100.10, as the responder makes them. */
static const char *
make_links(const struct policy_options *options, const char *device, const char *uuid)
{
    const char *cores[] = {"198.51.100.10"};
    const struct user user = {.cores = {cores, 1}};
    const struct endpoint *list[64];
    struct policy policy;
    struct error error;
    size_t count, in;
    int i;

    for (i = 0; i < SET_FORMS; i++)
        buf_init(&encoded[i], 1 << 20);
    buf_init(&links, 1 << 20);
    registry_sort(&registry, &findings.report);
    assert_int_equal(0, policy_init(&policy, &registry, options, &error));
    assert_true(policy.count <= 64);
    count = policy_select(&policy, &user, list);
    assert_int_equal(0, set_encode(encoded, list, count, options, false, &in, &error));
    assert_int_equal(count, in);
    policy_release(&policy);
    assert_int_equal(
        0, set_decode(encoded[SET_LINKS].data, encoded[SET_LINKS].len, &subscription.set));
    assert_int_equal(0, uuid_parse(uuid, UUID_TEXT, &subscription.uuid));
    subscription.device.name = device;
    subscription.device.name_len = strlen(device);
    subscription_order(&subscription, FEATURES_ALL, NULL, 0);
    format_links(&links, &subscription);
    buf_putc(&links, '\0');
    assert_false(links.failed);
    return links.data;
}

static void
drop_links(void)
{
    int i;

    for (i = 0; i < SET_FORMS; i++)
        buf_release(&encoded[i]);
    buf_release(&links);
}

static const struct {
    const char *record; /* the client fields */
    const char *remark;
    const char *link;
} golden[] = {
    {"address: 203.0.113.10\ntype: tcp\nflow: xtls-rprx-vision\nsecurity: reality\n"
     "sni: www.example.com\nfp: chrome\n" KEYS,
     "🇩🇪 DE-1 Vision",
     "vless://b831381d-6324-4d53-ad4f-8cda48b30811@203.0.113.10:443?type=tcp&encryption=none"
     "&flow=xtls-rprx-vision&security=reality&sni=www.example.com&fp=chrome"
     "&pbk=E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM&sid=0123456789abcdef&spx=%2F"
     "#%F0%9F%87%A9%F0%9F%87%AA%20DE-1%20Vision"},
    {"address: '2001:db8::10'\ntype: tcp\nflow: xtls-rprx-vision\nsecurity: reality\n"
     "sni: www.example.com\n" KEYS,
     "DE-1 IPv6",
     "vless://b831381d-6324-4d53-ad4f-8cda48b30811@[2001:db8::10]:443?type=tcp&encryption=none"
     "&flow=xtls-rprx-vision&security=reality&sni=www.example.com&fp=chrome"
     "&pbk=E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM&sid=0123456789abcdef&spx=%2F"
     "#DE-1%20IPv6"},
    {"address: cdn.example.com\ntype: grpc\nserviceName: my.grpc_svc\nmode: gun\n"
     "authority: cdn.example.com\n",
     "NL gRPC",
     "vless://b831381d-6324-4d53-ad4f-8cda48b30811@cdn.example.com:443?type=grpc&encryption=none"
     "&serviceName=my.grpc_svc&mode=gun&authority=cdn.example.com&security=tls"
     "&sni=cdn.example.com&fp=chrome&alpn=h2#NL%20gRPC"},
    {"address: 203.0.113.10\nport: 8443\ntype: grpc\nserviceName: mysvc\nmode: gun\n"
     "security: reality\nsni: www.example.com\n" KEYS,
     "DE gRPC R",
     "vless://b831381d-6324-4d53-ad4f-8cda48b30811@203.0.113.10:8443?type=grpc&encryption=none"
     "&serviceName=mysvc&mode=gun&security=reality&sni=www.example.com&fp=chrome"
     "&pbk=E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM&sid=0123456789abcdef&spx=%2F"
     "#DE%20gRPC%20R"},
    {"address: cdn.example.com\ntype: ws\nhost: cdn.example.com\npath: /ws?ed=2048\n"
     "alpn: http/1.1\n",
     "FI WS",
     "vless://b831381d-6324-4d53-ad4f-8cda48b30811@cdn.example.com:443?type=ws&encryption=none"
     "&host=cdn.example.com&path=%2Fws%3Fed%3D2048&security=tls&sni=cdn.example.com&fp=chrome"
     "&alpn=http%2F1.1#FI%20WS"},
    {"address: cdn.example.com\ntype: xhttp\nhost: cdn.example.com\npath: /xh\nmode: auto\n"
     "alpn: h2\nextra:\n  xPaddingBytes: 100-1000\n  noGRPCHeader: false\n"
     "  xmux: {maxConcurrency: 16-32}\n",
     "FI XHTTP",
     "vless://b831381d-6324-4d53-ad4f-8cda48b30811@cdn.example.com:443?type=xhttp&encryption=none"
     "&host=cdn.example.com&path=%2Fxh&mode=auto&extra=%7B%22xPaddingBytes%22%3A%22100-1000%22%2C"
     "%22noGRPCHeader%22%3Afalse%2C%22xmux%22%3A%7B%22maxConcurrency%22%3A%2216-32%22%7D%7D"
     "&security=tls&sni=cdn.example.com&fp=chrome&alpn=h2#FI%20XHTTP"},
    {"address: 203.0.113.10\ntype: xhttp\npath: /xh\nmode: auto\nsecurity: reality\n"
     "sni: www.example.com\n" KEYS,
     "DE XHTTP R",
     "vless://b831381d-6324-4d53-ad4f-8cda48b30811@203.0.113.10:443?type=xhttp&encryption=none"
     "&path=%2Fxh&mode=auto&security=reality&sni=www.example.com&fp=chrome"
     "&pbk=E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM&sid=0123456789abcdef&spx=%2F"
     "#DE%20XHTTP%20R"},
    {"address: cdn.example.com\ntype: httpupgrade\nhost: cdn.example.com\npath: /hu\n"
     "alpn: http/1.1\n",
     "FI HU",
     "vless://b831381d-6324-4d53-ad4f-8cda48b30811@cdn.example.com:443?type=httpupgrade"
     "&encryption=none&host=cdn.example.com&path=%2Fhu&security=tls&sni=cdn.example.com&fp=chrome"
     "&alpn=http%2F1.1#FI%20HU"},
    {"address: 127.0.0.1\nport: 10000\ntype: tcp\nsecurity: none\n", "local test",
     "vless://b831381d-6324-4d53-ad4f-8cda48b30811@127.0.0.1:10000?type=tcp&encryption=none"
     "&security=none#local%20test"},
};

enum { GOLDEN = sizeof(golden) / sizeof(golden[0]) };

static void
test_golden_links_by_the_name_of_the_device(void **state)
{
    const struct policy_options options = {.core = NULL};
    char text[700];
    size_t i;

    (void)state;
    for (i = 0; i < GOLDEN; i++) {
        snprintf(text, sizeof(text), "status: active\n%s", golden[i].record);
        read_one(KIND_ENDPOINT, "a.yaml", text);
        assert_nothing_found();
        assert_string_equal(golden[i].link, make_links(&options, golden[i].remark, UUID));
        drop_links();
    }
}

/* All of them to one device, in the order of their priorities, named by the operator. */
static void
test_golden_links_in_one_list(void **state)
{
    const struct policy_options options = {.remark = "{name}"};
    char name[16], text[800];
    const char *rest;
    size_t i;

    (void)state;
    for (i = 0; i < GOLDEN; i++) {
        snprintf(name, sizeof(name), "e%zu.yaml", GOLDEN - i);
        snprintf(text, sizeof(text), "status: active\npriority: %zu\nname: %s\n%s", 10 * i,
                 golden[i].remark, golden[i].record);
        add(KIND_ENDPOINT, name, text);
    }
    rest = make_links(&options, "phone", UUID);
    for (i = 0; i < GOLDEN; i++) {
        size_t len = strlen(golden[i].link);

        assert_true(strlen(rest) >= len);
        assert_memory_equal(golden[i].link, rest, len);
        assert_int_equal(i + 1 < GOLDEN ? '\n' : '\0', rest[len]);
        rest += len + 1;
    }
    links.len--;
    drop_links();
}

#define ROUTE "entry_203.0.113.21_core_198.51.100.10"

static void
add_today(const char *service)
{
    char text[300];

    add(KIND_DOMAIN, "shop.example.org.json",
        "{\"domain\": \"shop.example.org\", \"node_ip\": \"203.0.113.21\", \"status\": "
        "\"active\"}");
    snprintf(text, sizeof(text),
             "{\"entry_ip\": \"203.0.113.21\", \"core_ip\": \"198.51.100.10\", \"status\":\n"
             " \"active\", \"client_service_name\": \"%s\",\n"
             " \"core_service_name\": \"api.v2.rpc.fedcba9876543210\"}",
             service);
    add(KIND_ROUTE, ROUTE ".json", text);
}

/* The parameters that the users' links have now, with what the standard wants beside them. */
static void
test_todays_link(void **state)
{
    const struct policy_options options = {.core = NULL};

    (void)state;
    add_today("api.v2.rpc.0123456789abcdef");
    assert_string_equal("vless://8f3c5d1e-6324-4d53-ad4f-8cda48b30811@shop.example.org:443"
                        "?type=grpc&encryption=none&serviceName=api.v2.rpc.0123456789abcdef"
                        "&security=tls&sni=shop.example.org&fp=chrome&alpn=h2#mobile_006",
                        make_links(&options, "mobile_006", "8F3C5D1E-6324-4D53-AD4F-8CDA48B30811"));
    assert_nothing_found();
    drop_links();
}

static void
test_the_core_service_name_is_never_shown(void **state)
{
    const struct policy_options options = {.all_domains = true, .remark = "{device} {label}"};

    (void)state;
    add_today("api.v2.rpc.0123456789abcdef");
    assert_null(strstr(make_links(&options, "phone", UUID), "fedcba"));
    drop_links();
}

/* v2rayNG drops a link with a raw '=', '#', quote or brace in a value; v2rayN keeps a '+' as it is.
 */
static void
test_every_value_is_encoded(void **state)
{
    const struct policy_options options = {.core = NULL};

    (void)state;
    read_one(KIND_ENDPOINT, "a.yaml",
             "status: active\naddress: cdn.example.com\ntype: xhttp\nhost: 'h+&=#'\n"
             "path: '/a?b=c&d=e#f+g;h!~*()|é'\nmode: auto\nfp: chrome\nalpn: 'h2,http/1.1'\n"
             "extra: {a: \"1 + 1\\n\\\"é\\\"\", b: [true, ~, 1]}\nsni: cdn.example.com\n"
             "ech: 'AEX+/w=='\nvcn: 'a.example,b.example'\n");
    assert_nothing_found();
    assert_string_equal(
        START "@cdn.example.com:443?type=xhttp&encryption=none&host=h%2B%26%3D%23"
              "&path=%2Fa%3Fb%3Dc%26d%3De%23f%2Bg%3Bh%21~%2A%28%29%7C%C3%A9&mode=auto"
              "&extra=%7B%22a%22%3A%221%20%2B%201%5Cn%5C%22%C3%A9%5C%22%22%2C%22b%22%3A%5Btrue%2C"
              "null%2C1%5D%7D&security=tls&sni=cdn.example.com&fp=chrome&alpn=h2%2Chttp%2F1.1"
              "&ech=AEX%2B%2Fw%3D%3D&vcn=a.example%2Cb.example#%231%20%26%20%22a%2Bb%22%25",
        make_links(&options, "#1 & \"a+b\"%", UUID));
    drop_links();
}

/* The middle by itself: no empty parameter, and type, encryption, security always there. */
static void
test_middle(void **state)
{
    struct client client;
    struct buf buf;

    (void)state;
    client_defaults(&client, "");
    client.address = "2001:db8::1";
    client.port = 65535;
    client.type = TRANSPORT_TCP;
    client.security = SECURITY_NONE;
    client.flow = "";
    client.sni = "";
    buf_init(&buf, 4096);
    buf_puts(&buf, "x");
    link_put_middle(&buf, &client);
    buf_putc(&buf, '\0');
    assert_false(buf.failed);
    assert_string_equal("x@[2001:db8::1]:65535?type=tcp&encryption=none&security=none#", buf.data);
    buf_release(&buf);
}

/* What cannot work is in no list, whoever asks. */
static void
test_what_cannot_work_is_never_served(void **state)
{
    static const char *const wrong[] = {
        "address: a.example\ntype: ws\nsecurity: reality\nsni: b.example\n" KEYS,
        "address: a.example\nserviceName: a\nflow: xtls-rprx-vision\n",
        "address: a.example\ntype: tcp\nsecurity: reality\nsni: b.example\n",
        "address: a.example\ntype: grpc\n",
        "address: 8.8.8.8\ntype: tcp\nsecurity: none\n",
        "type: ws\n",
        "address: a.example\ntype: ws\nport: x\n",
    };
    const struct policy_options options = {.core = NULL};
    char text[400];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(text, sizeof(text), "status: active\n%s", wrong[i]);
        read_one(KIND_ENDPOINT, "a.yaml", text);
        assert_true(findings.report.counts[FINDING_ERROR] > 0);
        assert_string_equal("", make_links(&options, "phone", UUID));
        drop_links();
    }
}

static void
test_names_of_several_links(void **state)
{
    const struct policy_options options = {.by_name = true};
    const char *got;

    (void)state;
    add(KIND_NODE, "203.0.113.21.yaml", "status: active\nlocation: Москва\n");
    add_today("a");
    add(KIND_ENDPOINT, "b.yaml", "status: active\naddress: b.example\ntype: ws\nname: Front\n");
    add(KIND_ENDPOINT, "c.yaml", "status: active\naddress: c.example\ntype: ws\n");
    got = make_links(&options, "Мой телефон", UUID);
    assert_non_null(strstr(got, "@b.example:443?type=ws&encryption=none&path=%2F&security=tls"
                                "&sni=b.example&fp=chrome#%D0%9C%D0%BE%D0%B9%20%D1%82%D0%B5%D0%BB"
                                "%D0%B5%D1%84%D0%BE%D0%BD%20Front\n"));
    assert_non_null(strstr(got, "%20c.example\n"));
    assert_non_null(strstr(got, "%D0%BD%20%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0"));
    drop_links();
}

/* The same name twice in a list: apps show one server of two. */
static void
test_remarks_differ_whatever_the_device_is_called(void **state)
{
    const struct policy_options options = {.remark = "{name}"};
    const char *first, *second;
    size_t len;

    (void)state;
    add(KIND_ENDPOINT, "b.yaml", "status: active\naddress: b.example\ntype: ws\nname: Front\n");
    add(KIND_ENDPOINT, "c.yaml", "status: active\naddress: c.example\ntype: ws\n");
    first = strchr(make_links(&options, "Front", UUID), '#');
    assert_non_null(first);
    len = strcspn(first, "\n");
    second = strchr(first + len, '#');
    assert_non_null(second);
    assert_true(len > 1 && strlen(second) > 1);
    assert_false(strlen(second) == len && memcmp(first, second, len) == 0);
    drop_links();
}

/* remark_check takes it and there is memory: one silly setting must not stop every compile. */
static void
test_a_template_that_repeats_itself(void **state)
{
    static char template[256], name[256], text[400];
    const struct policy_options options = {.remark = template};
    struct error error;
    size_t i;

    (void)state;
    for (i = 0; i < 20; i++)
        memcpy(template + 6 * i, "{name}", 6);
    for (i = 0; i < 127; i++)
        memcpy(name + 2 * i, "ж", 2);
    assert_int_equal(0, remark_check(template, &error));
    snprintf(text, sizeof(text), "status: active\naddress: a.example\ntype: ws\nname: %s\n", name);
    add(KIND_ENDPOINT, "a.yaml", text);
    assert_non_null(strstr(make_links(&options, "phone", UUID), "#%D0%B6"));
    drop_links();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_empty(test_golden_links_by_the_name_of_the_device),
        on_empty(test_golden_links_in_one_list),
        on_empty(test_todays_link),
        on_empty(test_the_core_service_name_is_never_shown),
        on_empty(test_every_value_is_encoded),
        on_empty(test_middle),
        on_empty(test_what_cannot_work_is_never_served),
        on_empty(test_names_of_several_links),
        on_empty(test_remarks_differ_whatever_the_device_is_called),
        on_empty(test_a_template_that_repeats_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
