/* show.h: pages as they are made of what is known, and the few that are kept. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "format.h"
#include "page.h"
#include "show.h"
#include "told.h"

#define ANDROID \
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
#define IPHONE "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"

static struct show show;
static struct buf body, fields, links;

static int
set_up(void **state)
{
    show_init(&show);
    buf_init(&body, 4 << 20);
    buf_init(&fields, 1 << 16);
    buf_init(&links, 1 << 20);
    return told_set_up(state);
}

static int
tear_down(void **state)
{
    (void)state;
    show_release(&show);
    buf_release(&body);
    buf_release(&fields);
    buf_release(&links);
    return 0;
}

/* The page as a string, which lasts until the next one. */
static const char *
page_for(const char *user_agent, const char *language)
{
    static char text[1 << 20];

    buf_clear(&fields);
    buf_clear(&links);
    format_links(&links, &told_subscription);
    show_page(&show, &told, user_agent, language, &links, &body, &fields);
    assert_false(body.failed);
    assert_true(body.len < sizeof(text));
    memcpy(text, body.data, body.len);
    text[body.len] = '\0';
    assert_int_equal(body.len, strlen(text));
    return text;
}

static const char *
page(void)
{
    return page_for(ANDROID, "en");
}

static bool
has(const char *html, const char *what)
{
    return strstr(html, what) != NULL;
}

/*
 * Whether a page is made anew. The title is not looked at when a kept page is looked for: in a
 * process, what the settings say stays the same. Here it does not, and tells the two apart.
 */
static bool
is_made_anew(const char *user_agent, const char *language)
{
    static int number;
    char title[32];
    bool is_new;

    snprintf(title, sizeof(title), "Title %d.", ++number);
    told_profile.title = title;
    is_new = has(page_for(user_agent, language), title);
    told_profile.title = "{device}";
    return is_new;
}

/* A button for an app that would get the 404 is none. */
static void
test_only_apps_that_get_a_server(void **state)
{
    static const char *items[] = {"https://a.example"};
    static const struct {
        uint32_t features;
        bool clash, sing_box;
    } cases[] = {
        {0, true, true},
        {FEATURE_BIT(FEATURE_XHTTP), true, false},
        {FEATURE_BIT(FEATURE_VCN), false, false},
    };
    const char *html;
    size_t i;

    (void)state;
    told_urls = (struct strings){items, 1};
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* What a page is made of differs in its links; here only this does. */
        show_release(&show);
        show_init(&show);
        told_subscription.set.entries[0].features = cases[i].features;
        html = page();
        assert_int_equal(cases[i].clash, has(html, "clashmeta://"));
        assert_int_equal(cases[i].sing_box, has(html, "sing-box://"));
        assert_true(has(html, "v2rayng://"));
    }
}

static void
test_hostile_names_stay_text(void **state)
{
    static const char name[] = "</title><script>alert(1)</script>\"'&\x01";
    static const char *items[] = {"https://a.example/\"><script>alert(2)</script>"};
    const char *html;

    (void)state;
    told_urls = (struct strings){items, 1};
    told_name(name, name);
    told_profile.title = "{device} {user}";
    told_profile.announce = "{user}, <b>read</b>";
    told_profile.support_url = "javascript:alert(3)";
    html = page();
    assert_false(has(html, "<script>alert"));
    assert_false(has(html, "<b>read"));
    assert_false(has(html, "href=\"javascript:"));
    assert_true(has(html, "&lt;b&gt;read"));
}

static void
test_a_name_is_not_taken_for_a_place(void **state)
{
    const char *html;

    (void)state;
    told_name("{user}{uuid}", "{device}");
    told_profile.title = "{device}, {user}";
    html = page();
    assert_true(has(html, "<title>{user}{uuid}, {device}</title>"));
}

static void
test_what_is_known_is_shown(void **state)
{
    static const char *items[] = {"https://a.example/api", "https://b.example/api"};
    const char *html;

    (void)state;
    told_urls = (struct strings){items, 2};
    told_name("phone", "Иван");
    told_profile.title = "{user}, {device}";
    told_profile.announce = "Hello {user}";
    told_profile.support_url = "https://a.example/help";
    told_subscription.device.expires = 1767225600;
    told.traffic = (struct traffic){true, 1 << 20, 2 << 20, 10 << 20};
    told_add("DE%20%F0%9F%87%A9%F0%9F%87%AA \x01");
    html = page();
    assert_true(has(html, "<title>Иван, phone</title>"));
    assert_true(has(html, "Hello Иван"));
    assert_true(has(html, "href=\"https://a.example/help\""));
    assert_true(has(html, "2026-01-01"));
    assert_true(has(html, "value=\"30\""));
    assert_true(has(html, "https://a.example/api/" TOLD_UUID));
    assert_true(has(html, "https://b.example/api/" TOLD_UUID));
    assert_true(has(html, "vless://" TOLD_UUID "@a.example:443?type=tcp#phone<"));
    /* Names are for people, links for machines. */
    assert_true(has(html, "<bdi>phone</bdi>"));
    assert_true(has(html, "<bdi>DE 🇩🇪 phone</bdi>"));
}

/* Links that were cut where there was no room: the page has those that are there. */
static void
test_fewer_links_than_endpoints(void **state)
{
    const char *html;

    (void)state;
    told_add("second");
    told_add("third");
    buf_release(&links);
    buf_init(&links, 150);
    html = page();
    assert_true(has(html, "<bdi>phone</bdi>"));
    assert_true(has(html, "<bdi>second</bdi>"));
    assert_false(has(html, "<bdi>third</bdi>"));
}

static void
test_the_same_question_gets_the_same_bytes(void **state)
{
    char *first;

    (void)state;
    first = strdup(page());
    assert_non_null(first);
    assert_string_equal(first, page());
    /* A page that is kept and one that is made are no different. */
    assert_false(is_made_anew(ANDROID, "en"));
    show_release(&show);
    show_init(&show);
    assert_string_equal(first, page());
    free(first);
}

static void
test_visitors_do_not_get_each_others_pages(void **state)
{
    static const char *const visitors[][2] = {
        {ANDROID, "en"}, {ANDROID, "ru"}, {ANDROID, "fa"}, {ANDROID, "zh"},
        {IPHONE, "en"},  {IPHONE, "ru"},  {NULL, NULL},    {"curl", "ru"},
    };
    static const char *items[] = {"https://a.example/api"};
    char *pages[8];
    size_t i, k;

    (void)state;
    told_urls = (struct strings){items, 1}; /* with an address there are buttons for apps */
    for (i = 0; i < 8; i++) {
        pages[i] = strdup(page_for(visitors[i][0], visitors[i][1]));
        assert_non_null(pages[i]);
    }
    /* All of them are kept, and each is its own. */
    for (i = 0; i < 8; i++) {
        assert_string_equal(pages[i], page_for(visitors[i][0], visitors[i][1]));
        assert_false(is_made_anew(visitors[i][0], visitors[i][1]));
        for (k = 0; k < i; k++)
            assert_string_not_equal(pages[k], pages[i]);
    }
    assert_true(has(pages[0], "<html lang=\"en\""));
    assert_true(has(pages[1], "<html lang=\"ru\""));
    assert_true(has(pages[2], "<html lang=\"fa\" dir=\"rtl\""));
    assert_true(has(pages[3], "<html lang=\"zh"));
    for (i = 0; i < 8; i++)
        free(pages[i]);
    /* Another browser of the same kind and language is no other visitor. */
    assert_false(is_made_anew("Firefox (Android 9; Mobile)", "en-GB,en;q=0.9,ru;q=0.1"));
}

/* Everything that another device, or the same one later, could differ in. */
static void
test_whatever_changes_makes_another_page(void **state)
{
    (void)state;
    assert_true(is_made_anew(ANDROID, "en"));
    told_name("tablet", "");
    assert_true(is_made_anew(ANDROID, "en"));
    told_name("phone", "Ivan");
    assert_true(is_made_anew(ANDROID, "en"));
    told_name("phon", "eIvan");
    assert_true(is_made_anew(ANDROID, "en"));
    told_name("phone", "");
    assert_false(is_made_anew(ANDROID, "en"));
    told_subscription.device.expires = 1767225600;
    assert_true(is_made_anew(ANDROID, "en"));
    told.traffic.total = 5;
    assert_true(is_made_anew(ANDROID, "en"));
    told.traffic.is_known = true;
    assert_true(is_made_anew(ANDROID, "en"));
    told.traffic.upload = 7;
    assert_true(is_made_anew(ANDROID, "en"));
    told.traffic = (struct traffic){true, 0, 7, 5};
    assert_true(is_made_anew(ANDROID, "en"));
    told_add("second");
    assert_true(is_made_anew(ANDROID, "en"));
    told_subscription.set.entries[0].middle = "@a.example:444?type=tcp#";
    assert_true(is_made_anew(ANDROID, "en"));
    told_subscription.uuid.bytes[15]++;
    assert_true(is_made_anew(ANDROID, "en"));
    assert_false(is_made_anew(ANDROID, "en"));
}

static void
test_the_oldest_page_goes_first(void **state)
{
    static const char *const names[] = {"d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8"};
    int i;

    (void)state;
    assert_int_equal(SHOW_KEPT + 1, sizeof(names) / sizeof(names[0]));
    for (i = 0; i < SHOW_KEPT; i++) {
        told_name(names[i], "");
        assert_true(is_made_anew(ANDROID, "en"));
    }
    for (i = 0; i < SHOW_KEPT; i++) {
        told_name(names[i], "");
        assert_false(is_made_anew(ANDROID, "en"));
    }
    /* One too many: the first one's place is taken, the others stay. */
    told_name(names[SHOW_KEPT], "");
    assert_true(is_made_anew(ANDROID, "en"));
    for (i = SHOW_KEPT; i > 0; i--) {
        told_name(names[i], "");
        assert_false(is_made_anew(ANDROID, "en"));
    }
    told_name(names[0], "");
    assert_true(is_made_anew(ANDROID, "en"));
    told_name(names[1], "");
    assert_true(is_made_anew(ANDROID, "en"));
}

/* A page of many links is made each time: it costs nobody a place, and no memory that stays. */
static void
test_a_large_page_is_not_kept(void **state)
{
    static const char *const names[] = {"d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"};
    int i;

    (void)state;
    assert_int_equal(SHOW_KEPT, sizeof(names) / sizeof(names[0]));
    for (i = 0; i < SHOW_KEPT; i++) {
        told_name(names[i], "");
        assert_true(is_made_anew(ANDROID, "en"));
    }
    for (i = 0; i < 300; i++)
        told_add("more%20and%20more");
    assert_true(is_made_anew(ANDROID, "en"));
    assert_true(body.len > SHOW_KEPT_MAX);
    assert_true(is_made_anew(ANDROID, "en"));
    told_subscription.count = told_subscription.set.count = 1;
    for (i = 0; i < SHOW_KEPT; i++) {
        told_name(names[i], "");
        assert_false(is_made_anew(ANDROID, "en"));
        assert_true(show.kept[i].body.size <= SHOW_KEPT_MAX);
    }
}

/* A page that has no room is an outage, now and not for all that come later. */
static void
test_a_page_without_room_fails_and_is_not_kept(void **state)
{
    struct buf small;

    (void)state;
    buf_init(&small, 1000);
    format_links(&links, &told_subscription);
    show_page(&show, &told, ANDROID, "en", &links, &small, &fields);
    assert_true(small.failed);
    buf_release(&small);
    assert_true(is_made_anew(ANDROID, "en"));
    /* Nor is a kept page half of one where it finds no room. */
    buf_init(&small, 1000);
    buf_clear(&links);
    format_links(&links, &told_subscription);
    show_page(&show, &told, ANDROID, "en", &links, &small, &fields);
    assert_true(small.failed);
    buf_release(&small);
}

static void
test_the_header_closes_the_page(void **state)
{
    (void)state;
    (void)page();
    buf_putc(&fields, '\0');
    assert_true(has(fields.data, "Content-Security-Policy: default-src 'none';"));
    assert_true(has(fields.data, page_csp));
    assert_true(has(fields.data, "\r\nReferrer-Policy: no-referrer\r\n"));
    assert_true(has(fields.data, "\r\nX-Robots-Tag: noindex, nofollow\r\n"));
    assert_true(has(fields.data, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_false(has(fields.data, "\r\n\r\n"));
    assert_string_equal("\r\n", fields.data + strlen(fields.data) - 2);
    /* What apps are told is no business of a browser's. */
    assert_false(has(fields.data, "subscription-userinfo"));
}

#define with_show(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_show(test_hostile_names_stay_text),
        with_show(test_only_apps_that_get_a_server),
        with_show(test_a_name_is_not_taken_for_a_place),
        with_show(test_what_is_known_is_shown),
        with_show(test_fewer_links_than_endpoints),
        with_show(test_the_same_question_gets_the_same_bytes),
        with_show(test_visitors_do_not_get_each_others_pages),
        with_show(test_whatever_changes_makes_another_page),
        with_show(test_the_oldest_page_goes_first),
        with_show(test_a_large_page_is_not_kept),
        with_show(test_a_page_without_room_fails_and_is_not_kept),
        with_show(test_the_header_closes_the_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
