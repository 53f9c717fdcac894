/* frame.h: templates into compiled form and back, hostile ones first. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "bytes.h"
#include "frame.h"

static struct buf compiled;
static struct error error;
static const struct strings no_urls = {NULL, 0};

static int
set_up(void **state)
{
    (void)state;
    buf_init(&compiled, 1 << 20);
    memset(&error, 0, sizeof(error));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    buf_release(&compiled);
    return 0;
}

/* Compiles a block of exactly this size, so that reading past it is noticed. */
static int
compile_bytes(enum frame frame, const char *text, size_t len, const struct strings *urls)
{
    char *copy = malloc(len > 0 ? len : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, text, len);
    buf_clear(&compiled);
    rc = frame_compile(frame, copy, len, urls, &compiled, &error);
    free(copy);
    return rc;
}

static int
compile(const char *text)
{
    return compile_bytes(FRAME_CLASH, text, strlen(text), &no_urls);
}

/* The compiled frame as text, its places as <names>; in one string until the next call. */
static const char *
walk(const struct buf *buf)
{
    static const char *const places[] = {"<end>", "<proxies>", "<names>", "<name>", "<device>"};
    static char out[4096];
    const uint8_t *p = (const uint8_t *)buf->data;
    size_t left = buf->len, text_len, len = 0;
    enum frame_place place = PLACE_PROXIES;
    const char *text;
    int rc;

    while ((rc = frame_next(&p, &left, &text, &text_len, &place)) == 1) {
        assert_true(len + text_len + 20 < sizeof(out));
        memcpy(out + len, text, text_len);
        len += text_len;
        len += (size_t)snprintf(out + len, 20, "%s", places[place]);
    }
    assert_int_equal(0, rc);
    assert_int_equal(PLACE_END, place);
    out[len] = '\0';
    return out;
}

static void
check(const char *text, const char *expected)
{
    if (compile(text) != 0)
        fail_msg("%s: %s", text, error.text);
    assert_string_equal(expected, walk(&compiled));
}

/* Whether a message can be shown: in UTF-8, and cut between characters. */
static void
check_message(const char *part)
{
    json_t *string = json_string(error.text);

    if (string == NULL)
        fail_msg("no UTF-8: %s", error.text);
    json_decref(string);
    if (strstr(error.text, part) == NULL)
        fail_msg("not …%s…: %s", part, error.text);
}

static void
test_unknown_places_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *part;
    } cases[] = {
        {"{{proxy}}", 1, "'{{proxy'"},
        {"{{}}", 1, "'{{'"},
        {"{{PROXIES}}", 1, "'{{PROXIES'"},
        {"{{ proxies }}", 1, "'{{ proxies '"},
        {"{{proxies }}", 1, "'{{proxies '"},
        {"{{proxies\n}}", 1, "'{{proxies'"},
        {"{{{proxies}}}", 1, "'{{{proxies'"},
        {"{{prox{{proxies}}", 1, "'{{prox{{proxies'"},
        {"{{uuid}}", 1, "'{{uuid'"},
        {"{{proxies", 1, "'{{proxies'"},
        {"{{proxies}", 1, "'{{proxies}'"},
        {"{{", 1, "'{{'"},
        {"{{proxies}}{{", 1, "'{{'"},
        {"{{proxies}}\n\n{{names}} {{groups}}\n", 3, "'{{groups'"},
        {"{{proxies}}\r\n{{x}}\r\n", 2, "'{{x'"},
        {"\n\n\n\n{{public_rule}}", 5, "'{{public_rule'"},
        /* The line is the one in which the place starts. */
        {"{{proxies}}\n{{a\nb\nc}}", 2, "'{{a'"},
        {"{{0123456789abcdefghijklmnopqrstuvwxyz}}", 1, "'{{0123456789abcdefghij'"},
        {"{{0123456789abcdefghijklmnopqrstuvwxyz", 1, "'{{0123456789abcdefghij'"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (compile(cases[i].text) != -1)
            fail_msg("accepted: %s", cases[i].text);
        if (error.line != cases[i].line)
            fail_msg("%s: line %u", cases[i].text, error.line);
        check_message(cases[i].part);
        check_message("{{proxies}}, {{names}}, {{name}}, {{device}}, {{public_rules}}");
    }
}

/* A place in another script: what is quoted of it is cut between characters. */
static void
test_what_is_quoted_is_whole_characters(void **state)
{
    (void)state;
    assert_int_equal(-1, compile("{{proxies}} {{aсерверывсевместе}}"));
    check_message("'{{aсервер");
    assert_int_equal(-1, compile("{{proxies}} {{aсерверывсевместе"));
    check_message("'{{aсервер");
}

static void
test_a_frame_without_proxies_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "proxies:\n",
        "{{names}}{{name}}{{device}}{{public_rules}}",
        "{ {proxies} }",
        "{proxies}",
        "}}{",
        "{",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (compile(texts[i]) != -1)
            fail_msg("accepted: %s", texts[i]);
        check_message("{{proxies}}");
        assert_int_equal(0, error.line);
    }
}

static void
test_a_full_buffer_is_told(void **state)
{
    static const char text[] = "some text {{proxies}} and more";
    size_t cap, need;

    (void)state;
    assert_int_equal(0, compile(text));
    need = compiled.len;
    for (cap = 0; cap <= need; cap++) {
        buf_release(&compiled);
        buf_init(&compiled, cap);
        assert_int_equal(cap < need ? -1 : 0, frame_compile(FRAME_CLASH, text, sizeof(text) - 1,
                                                            &no_urls, &compiled, &error));
    }
}

/* From a block of exactly its size, cut anywhere: never read past, never taken for whole. */
static void
test_a_cut_frame_is_not_well_formed(void **state)
{
    size_t len, left, text_len;
    enum frame_place place;
    const uint8_t *p;
    const char *text;
    uint8_t *copy;
    int rc;

    (void)state;
    assert_int_equal(0, compile("one {{proxies}} two {{names}}{{device}} three"));
    for (len = 1; len < compiled.len; len++) {
        copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, compiled.data, len);
        p = copy;
        left = len;
        while ((rc = frame_next(&p, &left, &text, &text_len, &place)) == 1)
            assert_true((const uint8_t *)text + text_len <= copy + len);
        if (rc != -1)
            fail_msg("cut after %zu of %zu bytes it passes for whole", len, compiled.len);
        free(copy);
    }
}

static void
test_damaged_frames_are_not_well_formed(void **state)
{
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } cases[] = {
        {{0xff, 0xff, 0xff, 0xff, PLACE_END}, 5}, /* longer than what is there */
        {{1, 0, 0, 0, PLACE_END}, 5},
        {{1, 0, 0, 0, PLACE_PROXIES}, 5},
        {{0xfb, 0xff, 0xff, 0xff, PLACE_PROXIES}, 12}, /* with the head it would wrap */
        {{0, 0, 0, 0, PLACE_DEVICE + 1}, 5},           /* no such place */
        {{0, 0, 0, 0, 0xff}, 5},
        {{0, 0, 0, 0, PLACE_END, 0, 0, 0, 0, PLACE_END}, 10}, /* the end in the middle */
        {{0, 0, 0, 0, PLACE_END, 'x'}, 6},
    };
    size_t i, left, text_len;
    enum frame_place place;
    const uint8_t *p;
    const char *text;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p = cases[i].bytes;
        left = cases[i].len;
        if (frame_next(&p, &left, &text, &text_len, &place) != -1)
            fail_msg("case %zu", i);
    }
}

static void
test_places_are_where_they_stood(void **state)
{
    (void)state;
    check("{{proxies}}", "<proxies><end>");
    check("a{{proxies}}b", "a<proxies>b<end>");
    check("{{names}}{{proxies}}{{name}}{{device}}", "<names><proxies><name><device><end>");
    check("{{proxies}}{{proxies}}", "<proxies><proxies><end>");
    check("\"{{device}} {{proxies}}\"", "\"<device> <proxies>\"<end>");
    /* Braces that open no place. */
    check("{ { }} } {{proxies}} }}", "{ { }} } <proxies> }}<end>");
    check("{a: {b: {}}}\n{{proxies}}\r\n", "{a: {b: {}}}\n<proxies>\r\n<end>");
    check("{{proxies}}}", "<proxies>}<end>");
    /* A byte order mark is no part of the text; only the first one is a mark. */
    check("\ufeffa{{proxies}}", "a<proxies><end>");
    check("\ufeff\ufeff{{proxies}}\ufeff", "\ufeff<proxies>\ufeff<end>");
    check("{{public_rules}}{{proxies}}", "<proxies><end>");
    /* It is bytes that are copied, whatever they are. */
    assert_int_equal(0, compile_bytes(FRAME_XRAY, "\0\xff{{proxies}}\0", 14, &no_urls));
    assert_int_equal(5 + 2 + 5 + 1, compiled.len);
    assert_memory_equal("\0\xff", compiled.data + 5, 2);
}

static void
test_frames_are_appended(void **state)
{
    struct buf second;
    size_t start;

    (void)state;
    assert_int_equal(0, compile("one {{proxies}}"));
    start = compiled.len;
    assert_int_equal(
        0, frame_compile(FRAME_CLASH, "two {{proxies}}", 15, &no_urls, &compiled, &error));
    second = (struct buf){.data = compiled.data + start, .len = compiled.len - start};
    assert_string_equal("two <proxies><end>", walk(&second));
    compiled.len = start;
    assert_string_equal("one <proxies><end>", walk(&compiled));
}

#define CLASH_RULES                                  \
    "  - \"DOMAIN,a.example,Auto\"\n"                \
    "  - \"IP-CIDR,192.0.2.1/32,Auto,no-resolve\"\n" \
    "  - \"IP-CIDR6,2001:db8::1/128,Auto,no-resolve\"\n"
#define SING_BOX_RULES                                        \
    "{\"domain\":[\"a.example\"],\"outbound\":\"Auto\"},"     \
    "{\"ip_cidr\":[\"192.0.2.1/32\"],\"outbound\":\"Auto\"}," \
    "{\"ip_cidr\":[\"2001:db8::1/128\"],\"outbound\":\"Auto\"},"
#define XRAY_RULES(to)                                             \
    "{\"type\":\"field\",\"domain\":[\"full:a.example\"]," to "}," \
    "{\"type\":\"field\",\"ip\":[\"192.0.2.1\"]," to "},"          \
    "{\"type\":\"field\",\"ip\":[\"2001:db8::1\"]," to "},"

/* Each host once, in the order of the addresses; what has no host that can be told is passed over.
 */
static void
test_public_rules(void **state)
{
    static const char *items[] = {
        "https://A.example/api",
        "http://192.0.2.1:8080/api",
        "https://a.example:8443/other",
        "https://[2001:DB8::1]/api",
        "https://u:p@a.example/",
        "https://[2001:db8:0::1]:8443",
        "https://пример.example/api",
        "https://[2001:db8::1",
        "https://a.example?x=1",
        "https://a.example#f",
        "https://:443/",
        "no address",
    };
    static const struct strings urls = {items, sizeof(items) / sizeof(items[0])};
    static const struct {
        enum frame frame;
        const char *rules;
    } cases[] = {
        {FRAME_CLASH, CLASH_RULES},
        {FRAME_SING_BOX, SING_BOX_RULES},
        {FRAME_SING_BOX_1_11, SING_BOX_RULES},
        {FRAME_SING_BOX_1_10, SING_BOX_RULES},
        {FRAME_SING_BOX_1_9, SING_BOX_RULES},
        {FRAME_XRAY, XRAY_RULES("\"balancerTag\":\"Auto\"")},
        {FRAME_XRAY_ONE, XRAY_RULES("\"outboundTag\":\"proxy-1\"")},
    };
    char expected[1024];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(expected, sizeof(expected), "(%s)<proxies><end>", cases[i].rules);
        assert_int_equal(0,
                         compile_bytes(cases[i].frame, "({{public_rules}}){{proxies}}", 29, &urls));
        assert_string_equal(expected, walk(&compiled));
    }
}

#define with_room(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_room(test_unknown_places_are_refused_with_their_line),
        with_room(test_what_is_quoted_is_whole_characters),
        with_room(test_a_frame_without_proxies_is_refused),
        with_room(test_a_full_buffer_is_told),
        with_room(test_a_cut_frame_is_not_well_formed),
        with_room(test_damaged_frames_are_not_well_formed),
        with_room(test_places_are_where_they_stood),
        with_room(test_frames_are_appended),
        with_room(test_public_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
