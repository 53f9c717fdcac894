/* The frames that come with Signpost, filled in: whatever a profile refers to is there. */
#include "unit.h"

#include <stdio.h>

#include "format_check.h"
#include "profiles.h"

static const char *items[] = {"https://a.example/api", "https://192.0.2.1/api",
                              "https://[2001:db8::1]/api"};
static const struct strings urls = {items, 3};

/* A default as a string, which lasts until the next call with the same slot. */
static const char *
default_of(enum frame frame, int slot)
{
    static char texts[2][8192];
    size_t len;
    const char *text = frame_default(frame, &len);

    assert_true(len > 0 && len < sizeof(texts[0]));
    memcpy(texts[slot], text, len);
    texts[slot][len] = '\0';
    return texts[slot];
}

/* The default frame filled in for so many servers "s1", "s2", … of a device "Auto". */
static json_t *
fill(enum frame frame, int servers, const struct strings *public_urls)
{
    const char *texts[2] = {default_of(frame, 0),
                            frame == FRAME_XRAY ? default_of(FRAME_XRAY_ONE, 1) : NULL};
    enum document_syntax syntax = frame == FRAME_CLASH ? SYNTAX_YAML : SYNTAX_JSON;
    struct error error;
    struct buf out;
    char remark[16];
    json_t *tree;
    int i;

    profile_begin("Auto");
    for (i = 1; i <= servers; i++) {
        snprintf(remark, sizeof(remark), "s%d", i);
        profile_add_plain(remark, frame_outbound(frame));
    }
    assert_int_equal(0, profile_fill(&out, PROFILE_ROOM, frame, texts, public_urls));
    assert_false(out.failed);
    tree = document_parse(out.data, out.len, syntax, &error);
    if (tree == NULL)
        fail_msg("%s: %s", frame_name(frame), error.text);
    buf_release(&out);
    return tree;
}

/* Whether a list of mappings has one whose key has the value. */
static bool
has(const json_t *list, const char *key, const char *value)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (json_is_string(json_object_get(item, key)) &&
            strcmp(json_string_value(json_object_get(item, key)), value) == 0)
            return true;
    return false;
}

/* Each name of a list is that of a mapping in one of two lists. */
static void
check_names(const json_t *names, const char *key, const json_t *first, const json_t *second)
{
    const json_t *name;
    size_t i;

    assert_true(json_array_size(names) > 0);
    json_array_foreach (names, i, name)
        if (!has(first, key, json_string_value(name)) && !has(second, key, json_string_value(name)))
            fail_msg("there is no '%s'", json_string_value(name));
}

/* No two mappings of the lists have one name, or apps refuse the profile. */
static void
check_unique(const json_t *list, const char *key)
{
    const json_t *item, *other;
    size_t i, k;

    json_array_foreach (list, i, item) {
        json_array_foreach (list, k, other)
            assert_true(k == i ||
                        !json_equal(json_object_get(item, key), json_object_get(other, key)));
    }
}

static void
check_clash(const json_t *tree, int servers)
{
    const json_t *proxies = client_at(tree, "proxies"), *groups = client_at(tree, "proxy-groups");
    const json_t *item;
    char name[64];
    size_t i;

    assert_int_equal(servers, json_array_size(proxies));
    assert_int_equal(3, json_array_size(groups));
    check_unique(groups, "name");
    json_array_foreach (groups, i, item) {
        check_names(json_object_get(item, "proxies"), "name", proxies, groups);
        assert_false(has(proxies, "name", json_string_value(json_object_get(item, "name"))));
    }
    /* A rule's target is its last word, but for no-resolve. */
    json_array_foreach (client_at(tree, "rules"), i, item) {
        const char *rule = json_string_value(item), *end = strstr(rule, ",no-resolve"), *start;

        end = end != NULL ? end : rule + strlen(rule);
        for (start = end; start > rule && start[-1] != ','; start--)
            ;
        snprintf(name, sizeof(name), "%.*s", (int)(end - start), start);
        if (strcmp(name, "DIRECT") != 0 && !has(groups, "name", name))
            fail_msg("%s: there is no group '%s'", rule, name);
    }
    assert_true(i > 0);
}

static void
check_sing_box(const json_t *tree, int servers)
{
    const json_t *outbounds = client_at(tree, "outbounds"), *item;
    const json_t *dns = client_at(tree, "dns.servers");
    size_t i, vless = 0;

    check_unique(outbounds, "tag");
    json_array_foreach (outbounds, i, item) {
        const char *type = json_string_value(json_object_get(item, "type"));

        vless += strcmp(type, "vless") == 0;
        if (strcmp(type, "selector") == 0 || strcmp(type, "urltest") == 0)
            check_names(json_object_get(item, "outbounds"), "tag", outbounds, NULL);
    }
    assert_int_equal(servers, vless);
    assert_true(has(outbounds, "tag", json_string_value(client_at(tree, "route.final"))));
    assert_true(has(dns, "tag", json_string_value(client_at(tree, "dns.final"))));
    item = client_at(tree, "route.default_domain_resolver");
    assert_true(item == NULL || has(dns, "tag", json_string_value(item)));
    json_array_foreach (client_at(tree, "route.rules"), i, item)
        if (json_object_get(item, "outbound") != NULL &&
            !has(outbounds, "tag", json_string_value(json_object_get(item, "outbound"))))
            fail_msg("rule %zu: no such outbound", i);
    json_array_foreach (dns, i, item)
        if (json_object_get(item, "detour") != NULL &&
            !has(outbounds, "tag", json_string_value(json_object_get(item, "detour"))))
            fail_msg("DNS server %zu: no such outbound", i);
}

/* One configuration of Xray's array. */
static void
check_xray(const json_t *tree, int servers)
{
    const json_t *outbounds = client_at(tree, "outbounds"), *item;
    const json_t *balancers = client_at(tree, "routing.balancers");
    size_t i, vless = 0;

    check_unique(outbounds, "tag");
    json_array_foreach (outbounds, i, item)
        vless += strncmp(json_string_value(json_object_get(item, "tag")), "proxy-", 6) == 0;
    assert_int_equal(servers, vless);
    json_array_foreach (client_at(tree, "routing.rules"), i, item) {
        const json_t *tag = json_object_get(item, "outboundTag");
        const json_t *balancer = json_object_get(item, "balancerTag");

        assert_true((tag != NULL) != (balancer != NULL));
        if (tag != NULL)
            assert_true(has(outbounds, "tag", json_string_value(tag)));
        else
            assert_true(has(balancers, "tag", json_string_value(balancer)));
    }
    json_array_foreach (balancers, i, item)
        assert_true(has(outbounds, "tag", json_string_value(json_object_get(item, "fallbackTag"))));
}

static void
check_whole(enum frame frame, const json_t *tree, int servers)
{
    int i;

    switch (frame_outbound(frame)) {
    case OUTBOUND_CLASH:
        check_clash(tree, servers);
        break;
    case OUTBOUND_SING_BOX:
        check_sing_box(tree, servers);
        break;
    default:
        assert_int_equal(servers > 1 ? servers + 1 : 1, json_array_size(tree));
        for (i = 0; i < (int)json_array_size(tree); i++)
            check_xray(json_array_get(tree, (size_t)i), servers > 1 && i == 0 ? servers : 1);
        break;
    }
}

static void
test_what_a_profile_refers_to_is_there(void **state)
{
    static const int counts[] = {1, 2, 7};
    json_t *tree;
    int frame;
    size_t i;

    (void)state;
    for (frame = FRAME_CLASH; frame <= FRAME_XRAY; frame++) {
        for (i = 0; i < 2 * sizeof(counts) / sizeof(counts[0]); i++) {
            tree = fill((enum frame)frame, counts[i / 2], i % 2 == 0 ? NULL : &urls);
            check_whole((enum frame)frame, tree, counts[i / 2]);
            json_decref(tree);
        }
    }
}

/* A server may be called as anything in the frame is: it is still another's name. */
static void
check_not_taken(enum frame frame, const json_t *list, const char *key)
{
    const char *texts[2] = {default_of(frame, 0), NULL};
    const json_t *item;
    char pattern[80];
    struct buf out;
    size_t i;

    json_array_foreach (list, i, item) {
        const char *taken = json_string_value(json_object_get(item, key));

        if (strcmp(taken, "s1") == 0)
            continue;
        profile_begin("phone");
        profile_add_plain(taken, frame_outbound(frame));
        assert_int_equal(0, profile_fill(&out, PROFILE_ROOM, frame, texts, NULL));
        snprintf(pattern, sizeof(pattern), "\"%s\u00a0\"", taken);
        if (memmem(out.data, out.len, pattern, strlen(pattern)) == NULL)
            fail_msg("%s: a server may be called '%s'", frame_name(frame), taken);
        buf_release(&out);
    }
}

static void
test_every_name_in_a_frame_is_reserved(void **state)
{
    json_t *tree;
    int frame;

    (void)state;
    for (frame = FRAME_CLASH; frame <= FRAME_SING_BOX_1_9; frame++) {
        tree = fill((enum frame)frame, 1, NULL);
        if (frame == FRAME_CLASH)
            check_not_taken(FRAME_CLASH, client_at(tree, "proxy-groups"), "name");
        else
            check_not_taken((enum frame)frame, client_at(tree, "outbounds"), "tag");
        json_decref(tree);
    }
}

static void
test_the_defaults_pass_the_check_of_templates(void **state)
{
    static const struct strings none = {NULL, 0};
    struct error error;
    const char *text;
    size_t len;
    int frame, k;

    (void)state;
    for (frame = 0; frame < FRAMES; frame++) {
        text = frame_default((enum frame)frame, &len);
        if (format_check((enum frame)frame, text, len, &none, &error) != 0 ||
            format_check((enum frame)frame, text, len, &urls, &error) != 0)
            fail_msg("%s: line %u: %s", frame_name((enum frame)frame), error.line, error.text);
        for (k = 0; k < frame; k++)
            assert_string_not_equal(frame_name((enum frame)k), frame_name((enum frame)frame));
    }
}

/* What each version of sing-box refuses, or warns of, is not in its frame. */
static void
test_each_sing_box_gets_its_own_words(void **state)
{
    static const struct {
        enum frame frame;
        const char *has, *lacks[4];
    } cases[] = {
        /* Removed in 1.12 or 1.13: inet4_address, sniff of an inbound, the dns outbound, and the
         * old form of DNS servers. */
        {FRAME_SING_BOX,
         "\"default_domain_resolver\"",
         {"inet4_address", "\"sniff\":true", "\"type\":\"dns\"", "\"address\":\"https://"}},
        {FRAME_SING_BOX_1_11,
         "\"action\":\"hijack-dns\"",
         {"inet4_address", "\"sniff\":true", "\"type\":\"dns\"", "default_domain_resolver"}},
        {FRAME_SING_BOX_1_10,
         "\"type\":\"dns\"",
         {"inet4_address", "\"action\"", "default_domain_resolver", "hijack-dns"}},
        {FRAME_SING_BOX_1_9,
         "\"inet4_address\"",
         {"\"action\"", "default_domain_resolver", "hijack-dns", "\"address\":["}},
    };
    const char *text;
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = default_of(cases[i].frame, 0);
        assert_non_null(strstr(text, cases[i].has));
        for (k = 0; k < 4; k++)
            if (strstr(text, cases[i].lacks[k]) != NULL)
                fail_msg("%s: %s", frame_name(cases[i].frame), cases[i].lacks[k]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_profile(test_what_a_profile_refers_to_is_there),
        with_profile(test_every_name_in_a_frame_is_reserved),
        with_profile(test_the_defaults_pass_the_check_of_templates),
        with_profile(test_each_sing_box_gets_its_own_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
