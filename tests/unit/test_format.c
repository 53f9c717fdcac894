/* format.h: links and profiles of what a device gets. */
#include "unit.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profiles.h"
#include "sample.h"

/* Short templates that show all there is. */
static const char *const clash[2] = {"d: \"{{device}}\"\np:\n{{proxies}}g: [{{names}}]\n", NULL};
static const char *const sing_box[2] = {
    "{\"d\":\"{{device}}\",\"p\":[{{proxies}}],\"g\":[{{names}}]}", NULL};
static const char *const xray[2] = {"{\"all\":\"{{device}}\",\"p\":[{{proxies}}]}",
                                    "{\"one\":\"{{name}}\",\"p\":[{{proxies}}]}"};
static const enum frame frames[3] = {FRAME_CLASH, FRAME_SING_BOX, FRAME_XRAY};
static const char *const *const templates[3] = {clash, sing_box, xray};

/* The profile, read back; the caller releases it. */
static json_t *
read_back(enum frame frame)
{
    enum document_syntax syntax = frame == FRAME_CLASH ? SYNTAX_YAML : SYNTAX_JSON;
    const char *const *texts = frame == FRAME_CLASH      ? clash
                               : frame == FRAME_SING_BOX ? sing_box
                                                         : xray;
    struct error error;
    struct buf out;
    json_t *tree;

    assert_int_equal(0, profile_fill(&out, PROFILE_ROOM, frame, texts, NULL));
    assert_false(out.failed);
    tree = document_parse(out.data, out.len, syntax, &error);
    if (tree == NULL)
        fail_msg("%s: %.*s", error.text, (int)out.len, out.data);
    buf_release(&out);
    return tree;
}

static void
check(enum frame frame, const char *const texts[2], const char *expected)
{
    struct buf out;

    assert_int_equal(0, profile_fill(&out, PROFILE_ROOM, frame, texts, NULL));
    buf_putc(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(expected, out.data);
    buf_release(&out);
}

/* A child that must come to its end within a second of processor time. */
static void
check_ends(void (*run)(void))
{
    struct rlimit limit = {1, 1};
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CPU, &limit);
        run();
        _exit(0);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    if (WIFSIGNALED(status))
        fail_msg("ended by signal %d", WTERMSIG(status));
    assert_int_equal(0, WEXITSTATUS(status));
}

static void
fill_none_into_a_small_buffer(void)
{
    struct buf out;

    profile_begin("phone");
    (void)profile_fill(&out, 4, FRAME_CLASH, clash, NULL);
    buf_release(&out);
}

/* A subscription has endpoints; without, the least that may happen is an end. */
static void
test_no_endpoints(void **state)
{
    (void)state;
    profile_begin("phone");
    check(FRAME_CLASH, clash, "d: \"phone\"\np:\ng: []\n");
    check(FRAME_SING_BOX, sing_box, "{\"d\":\"phone\",\"p\":[],\"g\":[]}");
    check(FRAME_XRAY, xray, "[]\n");
    check_ends(fill_none_into_a_small_buffer);
}

static void
test_hostile_names_stay_names(void **state)
{
    static const char *const names[] = {
        "a\", \"b",    "\\",         "\\\"",
        "x: y # z",    "{a}, [b]",   "- &a *b !c | > % @ `",
        "{{proxies}}", "a\nb\r\tc",  "\u2028\u2029\xc2\x85",
        "</script>",   "🇩🇪 Ünïcode", " a ",
    };
    struct client client = client_of(TRANSPORT_TCP, SECURITY_NONE);
    char both[128];
    json_t *tree;
    size_t i;
    int k;

    (void)state;
    for (k = 0; k < 3; k++) {
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            profile_begin(names[i]);
            profile_add("\x01", frame_outbound(frames[k]), &client);
            profile_add("at \x01 is \"it\"", frame_outbound(frames[k]), &client);
            snprintf(both, sizeof(both), "at %s is \"it\"", names[i]);
            tree = read_back(frames[k]);
            client_check_string(tree, k == 2 ? "0.all" : "d", names[i]);
            client_check_string(tree, k == 0 ? "p.0.name" : k == 1 ? "p.0.tag" : "1.one", names[i]);
            client_check_string(tree, k == 0 ? "p.1.name" : k == 1 ? "p.1.tag" : "2.one", both);
            if (k < 2)
                client_check_string(tree, "g.1", both);
            json_decref(tree);
        }
    }
}

static void
test_a_frame_that_is_not_well_formed_is_refused(void **state)
{
    static const uint8_t damaged[] = {9, 0, 0, 0, 0};
    const struct frame_bytes bad[2] = {{damaged, sizeof(damaged)}, {damaged, sizeof(damaged)}};
    struct buf out;
    int k;

    (void)state;
    for (k = 0; k < 3; k++) {
        profile_begin("phone");
        profile_add_plain("a", frame_outbound(frames[k]));
        profile_add_plain("b", frame_outbound(frames[k]));
        buf_init(&out, 1 << 16);
        assert_int_equal(
            -1, format_profile(&out, profile_format(frames[k]), bad, &profile_subscription));
        buf_release(&out);
    }
}

/* What stands in the profile as the first server's name when it is called so. */
static void
check_name(enum frame frame, const char *device, const char *remark, const char *expected)
{
    static const char *const paths[] = {"p.0.name", "p.0.tag", "0.one"};
    int k = frame == FRAME_CLASH ? 0 : frame == FRAME_SING_BOX ? 1 : 2;
    json_t *tree;

    profile_begin(device);
    profile_add_plain(remark, frame_outbound(frame));
    tree = read_back(frame);
    client_check_string(tree, paths[k], expected);
    if (k < 2)
        client_check_string(tree, "g.0", expected);
    json_decref(tree);
}

/* Groups of the frames, and what mihomo and sing-box have under these names themselves. */
static void
test_reserved_names_get_a_space_that_is_none(void **state)
{
    static const char *const reserved[] = {"Select", "Auto",   "Fallback",   "direct",
                                           "block",  "DIRECT", "REJECT",     "REJECT-DROP",
                                           "PASS",   "GLOBAL", "COMPATIBLE", "dns-out"};
    static const char *const free[] = {"select", "AUTO",         "Auto2",       "Aut",    " Auto",
                                       "Auto ",  "REJECT-DROPS", "Auto\u00a0x", "\u00a0", "PAS"};
    char expected[32];
    size_t i;
    int k;

    (void)state;
    for (k = 0; k < 3; k++) {
        for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
            snprintf(expected, sizeof(expected), "%s\u00a0", reserved[i]);
            check_name(frames[k], "phone", reserved[i], expected);
            check_name(frames[k], reserved[i], "\x01", expected);
        }
        for (i = 0; i < sizeof(free) / sizeof(free[0]); i++)
            check_name(frames[k], "phone", free[i], free[i]);
        /* What comes together from a template and the device's name. */
        check_name(frames[k], "to", "Au\x01", "Auto\u00a0");
        check_name(frames[k], "x", "Auto\x01", "Autox");
    }
}

#define NAMED(file, name)                                            \
    {                                                                \
        KIND_ENDPOINT, file,                                         \
            ACTIVE ", \"name\": \"" name "\", \"client\": "          \
                   "{\"address\": \"" file "\", \"type\": \"tcp\"}}" \
    }

/* The Clash profile of a device whose servers are called so in the registry. */
static json_t *
profile_of(const struct sample_file *endpoints)
{
    static const struct policy_options options = {.remark = "{name}"};
    struct uuid uuid = sample_uuid(DEVICE);
    struct snapshot snapshot;
    struct registry registry;
    json_t *tree;

    sample_registry(&registry, endpoints);
    sample_open(&registry, &options, &snapshot);
    assert_int_equal(
        0, subscription_find(&snapshot, &uuid, 0, FEATURES_ALL, NULL, &profile_subscription));
    assert_int_equal(REFUSAL_NONE, profile_subscription.refusal);
    assert_int_equal(0,
                     subscription_add_outbounds(&snapshot, OUTBOUND_CLASH, &profile_subscription));
    tree = read_back(FRAME_CLASH);
    snapshot_close(&snapshot);
    registry_release(&registry);
    return tree;
}

/* Two servers by one name, and the app refuses the whole profile: all the way from the registry. */
static void
test_no_two_servers_have_one_name(void **state)
{
    static const struct sample_file files[][5] = {
        {{KIND_ROUTE, ROUTE ".json", NULL}, NAMED("a.example", "a"), NAMED("b.example", "a")},
        {{KIND_ROUTE, ROUTE ".json", NULL}, NAMED("a.example", "Auto"), NAMED("b.example", "Auto")},
        {{KIND_ROUTE, ROUTE ".json", NULL},
         NAMED("a.example", "Auto"),
         NAMED("b.example", "Auto\u00a0")},
        {{KIND_ROUTE, ROUTE ".json", NULL},
         NAMED("a.example", "DIRECT\u00a0"),
         NAMED("b.example", "DIRECT")},
    };
    json_t *tree;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        tree = profile_of(files[i]);
        assert_int_equal(2, json_array_size(client_at(tree, "p")));
        if (json_equal(client_at(tree, "p.0.name"), client_at(tree, "p.1.name")))
            fail_msg("both are '%s'", json_string_value(client_at(tree, "p.0.name")));
        json_decref(tree);
    }
}

static void
test_each_core_byte_for_byte(void **state)
{
#define CLASH_END                                                                       \
    ", \"type\": \"vless\", \"uuid\": \"" CLIENT_UUID "\", \"server\": \"a.example\", " \
    "\"port\": 443, \"udp\": true, \"packet-encoding\": \"xudp\", "                     \
    "\"network\": \"tcp\"}\n"
#define SING_BOX_END "\",\"uuid\":\"" CLIENT_UUID "\",\"server\":\"a.example\",\"server_port\":443}"
#define XRAY_END                                                                                  \
    "\",\"protocol\":\"vless\",\"settings\":{\"vnext\":[{\"users\":[{\"id\":\"" CLIENT_UUID       \
    "\",\"encryption\":\"none\"}],\"address\":\"a.example\",\"port\":443}]},\"streamSettings\":{" \
    "\"network\":\"tcp\",\"security\":\"none\"}}"
    static const char *const expected[3] = {
        "d: \"phone\"\np:\n"
        "  - {\"name\": \"phone DE\"" CLASH_END "  - {\"name\": \"phone NL\"" CLASH_END
        "g: [\"phone DE\", \"phone NL\"]\n",
        "{\"d\":\"phone\",\"p\":[{\"type\":\"vless\",\"tag\":\"phone DE" SING_BOX_END
        ",\n{\"type\":\"vless\",\"tag\":\"phone NL" SING_BOX_END
        "],\"g\":[\"phone DE\", \"phone NL\"]}",
        "[{\"all\":\"phone\",\"p\":[{\"tag\":\"proxy-1" XRAY_END ",\n{\"tag\":\"proxy-2" XRAY_END
        "]},{\"one\":\"phone DE\",\"p\":[{\"tag\":\"proxy-1" XRAY_END
        "]},{\"one\":\"phone NL\",\"p\":[{\"tag\":\"proxy-1" XRAY_END "]}]\n",
    };
    int k;

    (void)state;
    for (k = 0; k < 3; k++) {
        profile_begin("phone");
        profile_add_plain("\x01 DE", frame_outbound(frames[k]));
        profile_add_plain("\x01 NL", frame_outbound(frames[k]));
        check(frames[k], templates[k], expected[k]);
    }
    /* Of one server, Xray's array needs nothing that chooses. */
    profile_begin("phone");
    profile_add_plain("\x01", OUTBOUND_XRAY);
    check(FRAME_XRAY, xray, "[{\"one\":\"phone\",\"p\":[{\"tag\":\"proxy-1" XRAY_END "]}]\n");
}

static void
test_follows_the_order_of_the_device(void **state)
{
    json_t *tree;

    (void)state;
    profile_begin("phone");
    profile_add_plain("a", OUTBOUND_SING_BOX);
    profile_add_plain("b", OUTBOUND_SING_BOX);
    profile_add_plain("c", OUTBOUND_SING_BOX);
    profile_subscription.order[0] = 2;
    profile_subscription.order[1] = 0;
    profile_subscription.count = 2;
    tree = read_back(FRAME_SING_BOX);
    client_check_string(tree, "p.0.tag", "c");
    client_check_string(tree, "p.1.tag", "a");
    client_check_string(tree, "g.0", "c");
    client_check_string(tree, "g.1", "a");
    assert_int_equal(2, json_array_size(client_at(tree, "p")));
    assert_int_equal(2, json_array_size(client_at(tree, "g")));
    json_decref(tree);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_profile(test_no_endpoints),
        with_profile(test_hostile_names_stay_names),
        with_profile(test_a_frame_that_is_not_well_formed_is_refused),
        with_profile(test_reserved_names_get_a_space_that_is_none),
        with_profile(test_no_two_servers_have_one_name),
        with_profile(test_each_core_byte_for_byte),
        with_profile(test_follows_the_order_of_the_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
