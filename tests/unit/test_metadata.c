/* metadata.h: header fields for apps. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "told.h"

static char text[32 * 1024];

/*
 * The header fields, terminated. Whatever the names are: lines that end in CR LF, each a name of
 * lower-case letters and hyphens, a colon, a space and printable ASCII.
 */
static const char *
fields(void)
{
    struct buf buf;
    const char *p, *end;

    buf_init(&buf, sizeof(text) - 1);
    metadata_put(&buf, &told);
    assert_false(buf.failed);
    if (buf.len > 0)
        memcpy(text, buf.data, buf.len);
    text[buf.len] = '\0';
    assert_int_equal(buf.len, strlen(text));
    buf_release(&buf);
    for (p = text; *p != '\0'; p = end + 2) {
        end = strstr(p, "\r\n");
        assert_non_null(end);
        p += strspn(p, "abcdefghijklmnopqrstuvwxyz-");
        assert_memory_equal(": ", p, 2);
        for (p += 2; p < end; p++)
            if (*p < ' ' || *p > '~')
                fail_msg("a byte %02x stands in the header: %s", (unsigned char)*p, text);
    }
    return text;
}

/* The value of a field; NULL when it is not there. It must not be there twice. */
static const char *
field(const char *name)
{
    static char value[16 * 1024];
    const char *p = fields(), *end, *found = NULL;

    for (; *p != '\0'; p = end + 2) {
        end = strstr(p, "\r\n");
        if (strncmp(p, name, strlen(name)) == 0 && p[strlen(name)] == ':') {
            assert_null(found);
            p += strlen(name) + 2;
            snprintf(value, sizeof(value), "%.*s", (int)(end - p), p);
            found = value;
        }
    }
    return found;
}

static void
check(const char *name, const char *expected)
{
    const char *value = field(name);

    if (expected == NULL ? value != NULL : value == NULL || strcmp(value, expected) != 0)
        fail_msg("%s is '%s', not '%s'", name, value != NULL ? value : "(absent)",
                 expected != NULL ? expected : "(absent)");
}

static void
test_no_name_breaks_out_of_its_field(void **state)
{
    static const char *const names[] = {
        "a\r\nset-cookie: x=1",
        "a\nb",
        "a\r",
        "\r\n\r\n<html>",
        "a\"; filename=\"b.exe",
        "\\",
        "../../etc/passwd",
        "100%41",
        "a;b,c=d",
        "a\x7f\x01\x1b[31m",
        "a\xc2\x85\u2028",
        "\xff\xfe\xc3", /* no UTF-8 at all */
        "🇩🇪 Ünïcode 中",
        "",
        " ",
        "{user}{device}{uuid}",
    };
    static const char *const settings[] = {"{device}", "{user}", "x{device}{user}{device}y"};
    static const char *const links[] = {"https://a.example/{device}/{user}?u={uuid}",
                                        "https://a.example/{device}{user}", "mailto:{user}"};
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (k = 0; k < 3; k++) {
            told_name(names[i], names[i]);
            told_profile.title = told_profile.filename = told_profile.announce = settings[k];
            told_profile.web_page_url = links[k];
            (void)fields();
            /* Of backslash, slash and percent sign, the quoted name has none. */
            if (field("content-disposition") != NULL) {
                const char *quoted = strstr(field("content-disposition"), "filename=\"") + 10;

                quoted += strcspn(quoted, "\"\\/%");
                assert_memory_equal("\"; filename*=UTF-8''", quoted, 20);
            }
        }
    }
}

static void
test_addresses_are_ascii_whatever_the_settings(void **state)
{
    static const char *items[] = {"https://пример.example/путь"};

    (void)state;
    told_profile.support_url = "https://пример.example/помощь?a=ü";
    told_profile.routing = "happ://routing/onadd/ё";
    told_profile.web_page_url = "https://пример.example/{device}";
    check("support-url", "https://%D0%BF%D1%80%D0%B8%D0%BC%D0%B5%D1%80.example/"
                         "%D0%BF%D0%BE%D0%BC%D0%BE%D1%89%D1%8C?a=%C3%BC");
    check("routing", "happ://routing/onadd/%D1%91");
    check("profile-web-page-url", "https://%D0%BF%D1%80%D0%B8%D0%BC%D0%B5%D1%80.example/phone");
    /* The same where the page's address comes of public_urls. */
    told_profile.web_page_url = NULL;
    told_urls = (struct strings){items, 1};
    check("profile-web-page-url", "https://%D0%BF%D1%80%D0%B8%D0%BC%D0%B5%D1%80.example/"
                                  "%D0%BF%D1%83%D1%82%D1%8C/" TOLD_UUID);
}

/* Of the settings, signpost.conf(5) names title, filename, announce and web_page_url as templates.
 */
static void
test_what_is_no_template_is_told_as_it_stands(void **state)
{
    (void)state;
    told_profile.support_url = "https://a.example/?u={uuid}&d={device}";
    told_profile.routing = "happ://routing/{uuid}";
    check("support-url", "https://a.example/?u={uuid}&d={device}");
    check("routing", "happ://routing/{uuid}");
}

/* Names that make the text too long cost the field, not the header. */
static void
test_a_text_that_is_too_long_is_not_cut(void **state)
{
    static char name[256], template[20 * 8 + 1];
    int i;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    for (i = 0; i < 20; i++)
        memcpy(template + 8 * i, "{device}", 8);
    told_name(name, "");
    told_profile.title = template;
    check("profile-title", NULL);
    check("profile-update-interval", "12");
    assert_non_null(field("subscription-userinfo"));
    assert_non_null(field("content-disposition"));
}

static void
test_titles_are_base64_of_utf8(void **state)
{
    (void)state;
    check("profile-title", "base64:cGhvbmU=");
    told_name("телефон", "Иван");
    told_profile.title = "{user}, {device}";
    check("profile-title", "base64:0JjQstCw0L0sINGC0LXQu9C10YTQvtC9");
    told_name("🇩🇪", "");
    told_profile.title = "{device}";
    told_profile.announce = "Привет";
    check("profile-title", "base64:8J+HqfCfh6o=");
    check("announce", "base64:0J/RgNC40LLQtdGC");
    /* Nothing to say is not said. */
    told_profile.title = "{user}";
    check("profile-title", NULL);
    told_profile.announce = NULL;
    check("announce", NULL);
}

static void
test_userinfo_has_all_four_keys(void **state)
{
    static const struct {
        struct traffic traffic;
        int64_t expires;
        const char *expected;
    } cases[] = {
        {{false, 0, 0, 0}, INT64_MAX, "upload=0; download=0; total=0; expire=0"},
        {{true, 1, 2, 3}, 1767225600, "upload=1; download=2; total=3; expire=1767225600"},
        {{false, 0, 0, 107374182400}, 1, "upload=0; download=0; total=107374182400; expire=1"},
        {{true, UINT64_MAX, UINT64_MAX, UINT64_MAX},
         INT64_MAX - 1,
         "upload=9223372036854775807; download=9223372036854775807; "
         "total=9223372036854775807; expire=9223372036854775806"},
        {{true, 5, 0, 0}, 0, "upload=5; download=0; total=0; expire=0"},
        /* Before 1970: no app reads a sign. */
        {{false, 0, 0, 0}, -1, "upload=0; download=0; total=0; expire=0"},
        {{false, 0, 0, 0}, INT64_MIN, "upload=0; download=0; total=0; expire=0"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        told.traffic = cases[i].traffic;
        told_subscription.device.expires = cases[i].expires;
        check("subscription-userinfo", cases[i].expected);
    }
}

static void
test_both_forms_of_the_filename(void **state)
{
    static const struct {
        const char *name, *expected;
    } cases[] = {
        {"phone", "attachment; filename=\"phone\"; filename*=UTF-8''phone"},
        {"my phone.txt", "attachment; filename=\"my phone.txt\"; filename*=UTF-8''my%20phone.txt"},
        {"a\"b\\c/d%e", "attachment; filename=\"a_b_c_d_e\"; filename*=UTF-8''a%22b%5Cc%2Fd%25e"},
        /* One stand-in for each character. */
        {"ёж", "attachment; filename=\"__\"; filename*=UTF-8''%D1%91%D0%B6"},
        {"🇩🇪 1", "attachment; filename=\"__ 1\"; filename*=UTF-8''%F0%9F%87%A9%F0%9F%87%AA%201"},
        {"a;b='c'", "attachment; filename=\"a;b='c'\"; filename*=UTF-8''a%3Bb%3D%27c%27"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        told_name(cases[i].name, "");
        check("content-disposition", cases[i].expected);
    }
    told_name("", "");
    check("content-disposition", NULL);
    /* As config_default_profile leaves it where no settings file is. */
    told_profile.filename = NULL;
    check("content-disposition", NULL);
}

static void
test_the_interval_is_whole_hours(void **state)
{
    (void)state;
    check("profile-update-interval", "12");
    told_profile.update_interval = 1;
    check("profile-update-interval", "1");
    told_profile.update_interval = 8760;
    check("profile-update-interval", "8760");
    told_profile.update_interval = 0;
    check("profile-update-interval", NULL);
}

static void
test_the_address_of_the_page(void **state)
{
    static const char *items[] = {"https://a.example/api", "https://b.example/api"};

    (void)state;
    check("profile-web-page-url", NULL);
    told_urls = (struct strings){items, 2};
    check("profile-web-page-url", "https://a.example/api/" TOLD_UUID);
    told_name("my phone", "Иван/&?#");
    told_profile.web_page_url = "https://c.example/{uuid}/{device}?u={user}#x";
    check("profile-web-page-url",
          "https://c.example/" TOLD_UUID "/my%20phone?u=%D0%98%D0%B2%D0%B0%D0%BD%2F%26%3F%23#x");
}

static void
test_nothing_is_told_but_what_is_set(void **state)
{
    (void)state;
    assert_string_equal("profile-title: base64:cGhvbmU=\r\n"
                        "profile-update-interval: 12\r\n"
                        "subscription-userinfo: upload=0; download=0; total=0; expire=0\r\n"
                        "content-disposition: attachment; filename=\"phone\"; "
                        "filename*=UTF-8''phone\r\n",
                        fields());
}

static void
test_templates_as_plain_text(void **state)
{
    static const struct {
        const char *template, *expected;
    } cases[] = {
        {"", ""},
        {"{device}", "a\"<{user}"},
        {"{user}/{device}/{user}", "Иван/a\"<{user}/Иван"},
        {"{uuid}", TOLD_UUID},
        {"{{device}}", "{a\"<{user}}"},
        {"{devic} {Device} {", "{devic} {Device} {"},
        {"{user", "{user"},
    };
    struct buf buf;
    size_t i;

    (void)state;
    told_name("a\"<{user}", "Иван");
    buf_init(&buf, 256);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&buf);
        metadata_expand(&buf, cases[i].template, &told_subscription);
        buf_putc(&buf, '\0');
        assert_string_equal(cases[i].expected, buf.data);
    }
    buf_release(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_told(test_no_name_breaks_out_of_its_field),
        with_told(test_addresses_are_ascii_whatever_the_settings),
        with_told(test_what_is_no_template_is_told_as_it_stands),
        with_told(test_a_text_that_is_too_long_is_not_cut),
        with_told(test_titles_are_base64_of_utf8),
        with_told(test_userinfo_has_all_four_keys),
        with_told(test_both_forms_of_the_filename),
        with_told(test_the_interval_is_whole_hours),
        with_told(test_the_address_of_the_page),
        with_told(test_nothing_is_told_but_what_is_set),
        with_told(test_templates_as_plain_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
