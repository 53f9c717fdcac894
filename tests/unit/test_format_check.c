/* format_check.h: templates of the operator's that make no profile are told before they are used.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "format_check.h"

static struct error error;
static const struct strings no_urls = {NULL, 0};

/* Checks a block of exactly this size, so that reading past it is noticed. */
static int
check_bytes(enum frame frame, const char *text, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, text, len);
    memset(&error, 'x', sizeof(error));
    rc = format_check(frame, copy, len, &no_urls, &error);
    free(copy);
    return rc;
}

struct mistake {
    enum frame frame;
    const char *text, *part;
    unsigned line; /* 0: whichever */
};

static void
check_mistakes(const struct mistake *cases, size_t count)
{
    size_t i;
    int wrong = 0;

    for (i = 0; i < count; i++) {
        if (check_bytes(cases[i].frame, cases[i].text, strlen(cases[i].text)) != -1) {
            print_error("accepted: %s: %s\n", frame_name(cases[i].frame), cases[i].text);
            wrong++;
        } else if (strstr(error.text, cases[i].part) == NULL ||
                   (cases[i].line != 0 && cases[i].line != error.line)) {
            print_error("%s: %s: not %u …%s…: %u %s\n", frame_name(cases[i].frame), cases[i].text,
                        cases[i].line, cases[i].part, error.line, error.text);
            wrong++;
        }
    }
    assert_int_equal(0, wrong);
}

static void
test_json_that_is_none(void **state)
{
    static const struct mistake cases[] = {
        {FRAME_SING_BOX, "{{proxies}}", "no JSON", 1},
        {FRAME_SING_BOX, "[{{proxies}},]", "no JSON", 1},
        {FRAME_SING_BOX, "{\n\"a\":1,\n\"b\":2,\n}\n[{{proxies}}]", "no JSON", 4},
        {FRAME_SING_BOX, "{\n\"a\":1\n\"b\":[{{proxies}}]}", "no JSON", 3},
        {FRAME_SING_BOX, "[{{proxies}}] // done", "no JSON", 0},
        {FRAME_SING_BOX, "{\"a\":1,\"a\":[{{proxies}}]}", "no JSON", 0},
        /* Places where they do not belong. */
        {FRAME_SING_BOX, "[\"{{proxies}}\"]", "no JSON", 0},
        {FRAME_SING_BOX, "{\"a\":[{{proxies}}],\"b\":\"{{names}}\"}", "no JSON", 0},
        {FRAME_SING_BOX, "{\"a\":[{{proxies}}],\"b\":{{name}}}", "no JSON", 0},
        {FRAME_SING_BOX, "{\"a\":[{{proxies}}],\"b\":{{device}}}", "no JSON", 0},
        {FRAME_SING_BOX, "{\"a\":[{{proxies}}],\"b\":{{names}}}", "no JSON", 0},
        {FRAME_SING_BOX, "{\"a\":\n{{names}}:[{{proxies}}]}", "for one server it is no JSON", 2},
        {FRAME_XRAY, "{\"outbounds\":[{{proxies}}]", "no JSON", 0},
        {FRAME_XRAY, "{\"outbounds\":[{{proxies}}]},", "no JSON", 0},
        {FRAME_XRAY_ONE, "{\"a\":[{{proxies}}],}", "no JSON", 0},
        {FRAME_XRAY_ONE, "a: [{{proxies}}]", "no JSON", 0},
    };

    (void)state;
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_yaml_that_is_none(void **state)
{
    static const struct mistake cases[] = {
        {FRAME_CLASH, "a: b: c\nproxies:\n{{proxies}}", "no YAML", 1},
        {FRAME_CLASH, "mode: rule\n\tipv6: true\nproxies:\n{{proxies}}", "no YAML", 2},
        {FRAME_CLASH, "proxies: [{{proxies}}]\n", "no YAML", 0},
        {FRAME_CLASH, "rules:\n{{public_rules}}\nproxies:\n{{proxies}}\na: [\n", "no YAML", 6},
        {FRAME_CLASH, "a: 1\nproxies:\n{{proxies}}\na: 2\n", "no YAML", 4},
        {FRAME_CLASH, "proxies: \"{{proxies}}\"\n", "no YAML", 0},
        {FRAME_CLASH, "proxies:\n{{proxies}}g: [{{names}}\n", "no YAML", 0},
        {FRAME_CLASH, "proxies:\n{{proxies}}g: \"{{names}}\"\n", "no YAML", 0},
        {FRAME_CLASH, "proxies:\n{{proxies}}g: \"{{device}}\n", "no YAML", 0},
        {FRAME_CLASH, "{{proxies}}proxies:\n", "no YAML", 0},
    };

    (void)state;
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
}

/*
 * A name that is not in quotes is fine for a device "phone" and breaks the profile of one that is
 * called "Ivan: work" or "\"the\" phone".
 */
static void
test_names_stand_in_quotes(void **state)
{
    static const struct mistake cases[] = {
        {FRAME_CLASH, "profile: {{device}}\nproxies:\n{{proxies}}", "YAML", 0},
        {FRAME_CLASH, "proxies:\n{{proxies}}g:\n  - {{name}}\n", "YAML", 0},
        {FRAME_CLASH, "proxies:\n{{proxies}}g: {name: {{device}}}\n", "YAML", 0},
        {FRAME_CLASH, "a: \"\\{{device}}\"\nproxies:\n{{proxies}}", "YAML", 0},
        {FRAME_CLASH, "a: \"\\u00e{{name}}\"\nproxies:\n{{proxies}}", "YAML", 0},
    };

    (void)state;
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_mistakes_of_the_frame_have_their_line(void **state)
{
    (void)state;
    assert_int_equal(-1, check_bytes(FRAME_CLASH, "a: b\n{{proxies}}\n{{what}}", 25));
    assert_int_equal(3, error.line);
    assert_non_null(strstr(error.text, "'{{what'"));
    assert_int_equal(-1, check_bytes(FRAME_XRAY, "{}", 2));
    assert_int_equal(0, error.line);
    assert_non_null(strstr(error.text, "{{proxies}}"));
    assert_int_equal(-1, check_bytes(FRAME_XRAY, "", 0));
    assert_non_null(strstr(error.text, "{{proxies}}"));
}

static void
test_what_an_app_would_read_is_fine(void **state)
{
    static const struct {
        enum frame frame;
        const char *text;
    } cases[] = {
        {FRAME_SING_BOX, "[{{proxies}}]"},
        {FRAME_SING_BOX_1_9,
         "{\"a\":[{{proxies}},{\"x\":[\"y\",{{names}}]}],\"b\":\"{{device}}\"}"},
        {FRAME_SING_BOX, "{\"{{name}}\":1,\"outbounds\":[{{proxies}}]}\r\n"},
        {FRAME_XRAY, "{\"remarks\":\"{{name}} {{device}}\",\"outbounds\":[{{proxies}}]}"},
        {FRAME_XRAY_ONE, "{\"outbounds\":[{{proxies}}],\"rules\":[{{public_rules}}{}]}"},
        {FRAME_CLASH, "proxies:\n{{proxies}}"},
        {FRAME_CLASH, "a: &a {b: c}\nd: {<<: *a}\nproxies:\n{{proxies}}"},
        {FRAME_CLASH, "{{proxies}}"},
        {FRAME_CLASH, "# {{device}}\nproxies:\n{{proxies}}g: [{{names}}, \"{{name}}\"]\n"},
        /* Anchors, aliases and merge keys are the app's to read. */
        {FRAME_CLASH, "a: &x {type: select, proxies: [{{names}}]}\nproxies:\n{{proxies}}\n"
                      "g:\n  - {name: G, <<: *x}\n"},
        {FRAME_CLASH, "\xef\xbb\xbfproxies:\n{{proxies}}"},
        {FRAME_SING_BOX, "\xef\xbb\xbf[{{proxies}}]"},
        {FRAME_CLASH, "proxies:\r\n{{proxies}}rules:\r\n{{public_rules}}\r\n  - 'MATCH,G'\r\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (check_bytes(cases[i].frame, cases[i].text, strlen(cases[i].text)) != 0)
            fail_msg("%s: %s: %s", frame_name(cases[i].frame), cases[i].text, error.text);
}

/* As large as a file may be; what is made of it is as large three times for Xray. */
static void
test_a_large_template_is_fine(void **state)
{
    enum { LARGE = 300 * 1024 };
    static const char start[] = "{\"outbounds\":[{{proxies}}],\"x\":\"", end[] = "\"}";
    char *text = malloc(LARGE);
    int frame;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', LARGE);
    memcpy(text, start, sizeof(start) - 1);
    memcpy(text + LARGE - 2, end, 2);
    for (frame = FRAME_SING_BOX; frame < FRAMES; frame++)
        if (check_bytes((enum frame)frame, text, LARGE) != 0)
            fail_msg("%s: %s", frame_name((enum frame)frame), error.text);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_that_is_none),
        cmocka_unit_test(test_yaml_that_is_none),
        cmocka_unit_test(test_names_stand_in_quotes),
        cmocka_unit_test(test_mistakes_of_the_frame_have_their_line),
        cmocka_unit_test(test_what_an_app_would_read_is_fine),
        cmocka_unit_test(test_a_large_template_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
