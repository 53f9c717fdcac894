/* format.h: what happens when there are many endpoints, or little room. */
#include "unit.h"

#include <stdio.h>

#include "profiles.h"

static const char *const clash[2] = {"p:\n{{proxies}}g: [{{names}}]\nend: true\n", NULL};
static const char *const sing_box[2] = {"{\"p\":[{{proxies}}],\"g\":[{{names}}],\"end\":true}",
                                        NULL};
static const char *const xray[2] = {"{\"p\":[{{proxies}}]}", "{\"p\":[{{proxies}}],\"end\":true}"};
static const enum frame frames[3] = {FRAME_CLASH, FRAME_SING_BOX, FRAME_XRAY};
static const char *const *const templates[3] = {clash, sing_box, xray};

static void
add_many(int k, unsigned count)
{
    char remark[16];
    unsigned i;

    profile_begin("phone");
    for (i = 0; i < count; i++) {
        snprintf(remark, sizeof(remark), "s%04u", i);
        profile_add_plain(remark, frame_outbound(frames[k]));
    }
}

/* How many servers a profile has; it must be whole. */
static size_t
count_servers(int k, const struct buf *out)
{
    enum document_syntax syntax = k == 0 ? SYNTAX_YAML : SYNTAX_JSON;
    struct error error;
    json_t *tree = document_parse(out->data, out->len, syntax, &error);
    const json_t *last;
    size_t count;

    if (tree == NULL)
        fail_msg("%s: %.*s", error.text, (int)out->len, out->data);
    count = json_array_size(k == 2 ? tree : client_at(tree, "p"));
    if (k == 2) { /* all of them together, where there are several, and each by itself */
        last = json_array_get(tree, count - 1);
        count -= count > 1;
        if (count > 1)
            assert_int_equal(count, json_array_size(client_at(tree, "0.p")));
        assert_int_equal(1, json_array_size(client_at(last, "p")));
        assert_true(json_is_true(client_at(last, "end")));
    } else {
        assert_true(json_is_true(client_at(tree, "end")));
        assert_int_equal(count, json_array_size(client_at(tree, "g")));
    }
    json_decref(tree);
    return count;
}

static void
test_a_profile_holds_so_many_endpoints_and_no_more(void **state)
{
    static const unsigned counts[] = {1, 2, PROFILE_MAX - 1, PROFILE_MAX, PROFILE_MAX + 1, SET_MAX};
    struct buf out;
    size_t i;
    int k;

    (void)state;
    for (k = 0; k < 3; k++) {
        for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            add_many(k, counts[i]);
            assert_int_equal(0, profile_fill(&out, PROFILE_ROOM, frames[k], templates[k], NULL));
            assert_false(out.failed);
            assert_int_equal(counts[i] < PROFILE_MAX ? counts[i] : PROFILE_MAX,
                             count_servers(k, &out));
            /* They are the first ones. */
            if (k < 2)
                assert_non_null(memmem(out.data, out.len, "\"s0000\"", 7));
            buf_release(&out);
        }
    }
}

/* Whatever the room: a whole profile of some endpoints, or a failure when one is too many. */
static void
test_little_room_means_fewer_endpoints(void **state)
{
    enum { COUNT = 5 };
    size_t cap, whole, servers, most;
    struct buf out;
    int k;

    (void)state;
    for (k = 0; k < 3; k++) {
        add_many(k, COUNT);
        assert_int_equal(0, profile_fill(&out, PROFILE_ROOM, frames[k], templates[k], NULL));
        whole = out.len;
        buf_release(&out);
        for (cap = 0, most = 0; cap <= whole; cap++) {
            assert_int_equal(0, profile_fill(&out, cap, frames[k], templates[k], NULL));
            assert_true(out.len <= cap);
            if (!out.failed) {
                servers = count_servers(k, &out);
                assert_true(servers >= most && servers > 0);
                /* Where one is too many, not nearly all go. */
                assert_true(cap < whole - 1 || servers >= COUNT / 2);
                most = servers;
            } else {
                assert_int_equal(0, most);
            }
            buf_release(&out);
        }
        assert_int_equal(COUNT, most);
    }
}

/* What stood in the buffer before stays there, also when a profile is made a second time. */
static void
test_a_profile_is_appended(void **state)
{
    static const struct strings none = {NULL, 0};
    struct frame_bytes frame;
    struct buf compiled, out;
    struct error error;

    (void)state;
    add_many(1, 4);
    buf_init(&compiled, 1 << 16);
    assert_int_equal(0,
                     frame_compile(FRAME_SING_BOX, "[{{proxies}}]", 13, &none, &compiled, &error));
    frame = (struct frame_bytes){(const uint8_t *)compiled.data, compiled.len};
    buf_init(&out, 4 + 300);
    buf_puts(&out, "head");
    assert_int_equal(0, format_profile(&out, FORMAT_SING_BOX, &frame, &profile_subscription));
    assert_false(out.failed);
    assert_memory_equal("head[{", out.data, 6);
    assert_int_equal(']', out.data[out.len - 1]);
    buf_release(&out);
    buf_release(&compiled);
}

#define START "vless://" CLIENT_UUID "@a.example:443?type=tcp#"

static void
test_links_end_where_there_is_no_room(void **state)
{
    static const char whole[] = START "s0000\n" START "s0001\n" START "s0002";
    const size_t one = strlen(START "s0000");
    struct buf out;
    size_t cap, fit;

    (void)state;
    add_many(2, 3);
    for (cap = 0; cap <= strlen(whole); cap++) {
        buf_init(&out, cap);
        format_links(&out, &profile_subscription);
        assert_false(out.failed);
        fit = cap < one ? 0 : (cap + 1) / (one + 1);
        assert_int_equal(fit > 0 ? fit * (one + 1) - 1 : 0, out.len);
        assert_memory_equal(whole, out.data != NULL ? out.data : "", out.len);
        buf_release(&out);
    }
}

/* Six bytes for each of as many as a snapshot can hold. */
static void
test_the_longest_name_that_is_escaped(void **state)
{
    static const char *const texts[2] = {"{\"p\":[{{proxies}}],\"d\":\"{{device}}\"}", NULL};
    char device[256];
    struct buf out;

    (void)state;
    memset(device, 1, 255);
    device[255] = '\0';
    profile_begin(device);
    profile_add_plain("a", OUTBOUND_SING_BOX);
    assert_int_equal(0, profile_fill(&out, PROFILE_ROOM, FRAME_SING_BOX, texts, NULL));
    assert_true(out.len > 6 * 255);
    assert_memory_equal("\\u0001\"}", out.data + out.len - 8, 8);
    buf_release(&out);
}

/* A name as people read it, of what stands in a link. */
static void
test_names_are_what_was_given(void **state)
{
    static const char *const remarks[][2] = {
        {"a", "a"},
        {"100% & \"b\" c", "100% & \"b\" c"},
        {"\x01", "ph%20ö"},
        {"%41", "%41"},
        {"🇩🇪 \x01/\x01", "🇩🇪 ph%20ö/ph%20ö"},
        {"%", "%"},
        {"ends in %", "ends in %"},
    };
    struct buf out;
    size_t i;

    (void)state;
    buf_init(&out, 256);
    for (i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
        profile_begin("ph%20ö");
        profile_add_plain(remarks[i][0], OUTBOUND_XRAY);
        buf_clear(&out);
        format_name_of(&out, &profile_subscription, &profile_subscription.set.entries[0]);
        buf_putc(&out, '\0');
        assert_string_equal(remarks[i][1], out.data);
    }
    buf_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_profile(test_a_profile_holds_so_many_endpoints_and_no_more),
        with_profile(test_little_room_means_fewer_endpoints),
        with_profile(test_a_profile_is_appended),
        with_profile(test_links_end_where_there_is_no_room),
        with_profile(test_the_longest_name_that_is_escaped),
        with_profile(test_names_are_what_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
