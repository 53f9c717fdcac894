/* page.h: the document. */
#include "unit.h"

#include <stdlib.h>

#include "pages.h"
#include "qr.h"

static void
test_the_same_page_gives_the_same_bytes(void **state)
{
    struct page page = sample();
    char *first = make(&page), *second = make(&page);

    (void)state;
    assert_string_equal(first, second);
    assert_memory_equal("<!doctype html>", first, 15);
    assert_string_equal("</html>\n", first + strlen(first) - 8);
    free(first);
    free(second);
}

static void
test_hostile_words_stay_words(void **state)
{
    static const char name[] =
        "</title><script>alert(1)</script>\"' onload=x &amp; \u202eevil\u200f";
    static const char safe[] = "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39; "
                               "onload=x &amp;amp; \u202eevil\u200f";
    struct page_link link = {LINK, sizeof(LINK) - 1, name, sizeof(name) - 1};
    struct page page = sample();
    char *html;

    (void)state;
    page.title = name;
    page.title_len = sizeof(name) - 1;
    page.links = &link;
    page.announce = name;
    page.support_url = name;
    html = make(&page);
    check_lacks(html, "<script>alert");
    check_lacks(html, "\"' onload");
    assert_int_equal(1, count(html, "<script>"));
    assert_int_equal(1, count(html, "</title>"));
    /* Title, heading, announcement, link, its button, support. */
    assert_int_equal(6, count(html, safe));
    /* Where a name stands among other words, its direction is its own. */
    assert_int_equal(3, count(html, "<bdi>&lt;/title&gt;"));
    check_has(html, "dir=\"auto\">&lt;/title&gt;");
    /* In a link of an app it is percent-encoded. */
    check_has(html, "#%3C%2Ftitle%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E%22%27%20onload");
    free(html);
}

static void
test_a_hostile_address_stays_in_its_attribute(void **state)
{
    static const char *const bad[] = {"https://example.org/\"><script>'&x=1"};
    struct page page = sample();
    char *html;

    (void)state;
    page.addresses = bad;
    html = make(&page);
    check_lacks(html, "\"><script>'");
    check_has(html, "<code dir=\"ltr\" tabindex=\"0\">"
                    "https://example.org/&#34;&gt;&lt;script&gt;&#39;&amp;x=1</code>");
    check_has(html, "href=\"happ://add/https://example.org/&#34;&gt;&lt;script&gt;&#39;&amp;x=1\"");
    check_has(html, "url=https%3A%2F%2Fexample.org%2F%22%3E%3Cscript%3E%27%26x%3D1");
    free(html);
}

static void
test_bytes_of_a_name_are_not_cut(void **state)
{
    struct page_link link = {LINK, sizeof(LINK) - 1, "a\0b", 3};
    struct page page = sample();
    char *html;

    (void)state;
    page.title = "Ivan and more";
    page.links = &link;
    html = make(&page);
    check_has(html, "<title>Ivan</title>");
    check_has(html, "<bdi>a\ufffdb</bdi>");
    free(html);
}

static void
test_every_language(void **state)
{
    static const char *const heads[PAGE_LANGUAGES] = {
        [PAGE_EN] = "<html lang=\"en\" dir=\"ltr\">",
        [PAGE_RU] = "<html lang=\"ru\" dir=\"ltr\">",
        [PAGE_FA] = "<html lang=\"fa\" dir=\"rtl\">",
        [PAGE_ZH] = "<html lang=\"zh-Hans\" dir=\"ltr\">",
    };
    struct page page = sample();
    char *html;
    int i;

    (void)state;
    page.address_count = 2;
    page.support_url = "https://example.org/help";
    page.expires = 1798761599;
    page.has_usage = true;
    for (i = 0; i < PAGE_LANGUAGES; i++) {
        page.language = (enum page_language)i;
        html = make(&page);
        check_has(html, heads[i]);
        check_lacks(html, "(null)");
        assert_int_equal(6, count(html, "<h1>") + count(html, "<h2>"));
        assert_int_equal(6, count(html, "<li>") - count(html, "<li><a"));
        /* Addresses and links run from left to right everywhere. */
        assert_int_equal(3, count(html, "<code dir=\"ltr\""));
        assert_int_equal(3, count(html, "<code"));
        free(html);
    }
}

static void
test_nothing_is_loaded(void **state)
{
    struct page page = sample();
    char *html = make(&page);

    (void)state;
    check_lacks(html, "src=");
    check_lacks(html, "<link");
    check_lacks(html, "<img");
    check_lacks(html, "url(");
    check_lacks(html, "@import");
    check_lacks(html, "style=");
    check_has(html, "<meta name=\"robots\" content=\"noindex\">");
    check_has(html, "<meta name=\"referrer\" content=\"no-referrer\">");
    assert_int_equal(0, strncmp(page_csp, "default-src 'none'; ", 20));
    check_lacks(page_csp, "unsafe");
    free(html);
}

static void
test_without_an_address_there_are_only_links(void **state)
{
    struct page page = sample();
    char *html;

    (void)state;
    page.address_count = 0;
    page.addresses = NULL;
    html = make(&page);
    check_lacks(html, "<a ");
    check_lacks(html, "https://");
    assert_int_equal(1, count(html, "<svg"));
    assert_int_equal(1, count(html, "<code"));
    check_has(html, "type=grpc&amp;fp=chrome#phone</code>");
    free(html);
}

static void
test_mirrors(void **state)
{
    struct page page = sample();
    char *html = make(&page);

    (void)state;
    check_lacks(html, "mirror");
    free(html);
    page.address_count = 2;
    html = make(&page);
    check_order(html, ">" ADDRESS "</code>", ">" MIRROR "</code>");
    assert_int_equal(1,
                     count(html, "mirror.example.net/api/8f3c5d1e-6324-4d53-ad4f-8cda48b30811<"));
    /* Apps get the main address. */
    check_lacks(html, "import/https://mirror");
    free(html);
}

static void
test_links_too_long_for_a_code(void **state)
{
    static const struct {
        size_t len, codes;
        const char *says;
    } cases[] = {
        {QR_MAX, 1, NULL},
        {QR_MAX + 1, 0, "too long for a QR code"},
        {20000, 0, "too long for a QR code"},
    };
    char *uri = malloc(20000), *html;
    struct page_link link = {.uri = uri, .name = "phone", .name_len = 5};
    struct page page = sample();
    size_t i;

    (void)state;
    assert_non_null(uri);
    memset(uri, 'a', 20000);
    memcpy(uri, "vless://", 8);
    page.links = &link;
    page.address_count = 0;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        link.uri_len = cases[i].len;
        html = make(&page);
        assert_int_equal(cases[i].codes, count(html, "<svg"));
        if (cases[i].says != NULL)
            check_has(html, cases[i].says);
        assert_int_equal(cases[i].len, strspn(strstr(html, ">vless:") + 1, "vles:/a"));
        free(html);
    }
    free(uri);
}

/* A device with hundreds of links gets all of them, and codes for the first. */
static void
test_many_links(void **state)
{
    struct page_link links[300];
    struct page page = sample();
    size_t i, codes;
    char *html;

    (void)state;
    for (i = 0; i < 300; i++)
        links[i] = one_link[0];
    page.links = links;
    page.link_count = 300;
    page.address_count = 0;
    html = make(&page);
    codes = count(html, "<svg");
    assert_true(codes > 16 && codes < 150);
    assert_int_equal(300, count(html, "</code>"));
    assert_int_equal(300 - codes, count(html, "There is no QR code"));
    free(html);
}

static void
test_expiry(void **state)
{
    struct page page = sample();
    char *html = make(&page);

    (void)state;
    check_lacks(html, "<time");
    check_lacks(html, "<dl");
    free(html);
    page.expires = 1798761599;
    html = make(&page);
    check_has(html, "<time datetime=\"2026-12-31T23:59:59Z\" dir=\"ltr\">2026-12-31, 23:59 UTC<");
    free(html);
}

static void
test_usage(void **state)
{
    static const struct {
        uint64_t upload, download, total;
        enum page_language language;
        const char *says;
    } cases[] = {
        {0, 0, 0, PAGE_EN, "<dd>0\u00a0B · no limit</dd>"},
        {1000, 23, 0, PAGE_EN, "<dd>1023\u00a0B · no limit</dd>"},
        {1024, 0, 2048, PAGE_EN, "<dd>1\u00a0KB of 2\u00a0KB<progress max=\"100\" value=\"50\""},
        {0, 1610612736, 107374182400, PAGE_EN,
         "<dd>1.5\u00a0GB of 100\u00a0GB<progress max=\"100\" "
         "value=\"1\" aria-label=\"Data used\"></progress></dd>"},
        {0, 1610612736, 107374182400, PAGE_RU, "<dd>1,5\u00a0ГБ из\u00a0100\u00a0ГБ<progress"},
        {0, 1610612736, 107374182400, PAGE_FA,
         "<dd>۱٫۵\u00a0گیگابایت از ۱۰۰\u00a0گیگابایت<progress"},
        {0, 1610612736, 107374182400, PAGE_ZH, "<dd>1.5\u00a0GB / 100\u00a0GB<progress"},
        /* Never more than it is. */
        {0, 1099511627775, 0, PAGE_EN, "<dd>1023\u00a0GB ·"},
        {0, 106837311488, 0, PAGE_EN, "<dd>99.5\u00a0GB ·"},
        /* More than the limit, and numbers at their ends. */
        {500, 500, 10, PAGE_EN, "<dd>1000\u00a0B of 10\u00a0B<progress max=\"100\" value=\"100\""},
        {UINT64_MAX, 1, UINT64_MAX, PAGE_EN,
         "<dd>15.9\u00a0EB of 15.9\u00a0EB<progress max=\"100\" "
         "value=\"100\""},
        {1, 0, UINT64_MAX, PAGE_EN, "value=\"0\""},
        {0, UINT64_MAX / 2, UINT64_MAX, PAGE_EN, "value=\"50\""},
    };
    struct page page = sample();
    size_t i;
    char *html;

    (void)state;
    page.has_usage = true;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        page.upload = cases[i].upload;
        page.download = cases[i].download;
        page.total = cases[i].total;
        page.language = cases[i].language;
        html = make(&page);
        check_has(html, cases[i].says);
        free(html);
    }
    page.has_usage = false;
    html = make(&page);
    check_lacks(html, "<progress");
    free(html);
}

static void
test_support(void **state)
{
    static const struct {
        const char *url;
        bool is_link;
    } cases[] = {
        {"https://example.org/help?a=b", true},
        {"HTTPS://example.org/", true},
        {"http://example.org/", true},
        {"tg://resolve?domain=help", true},
        {"mailto:help@example.org", true},
        {"javascript:alert(1)", false},
        {"data:text/html,x", false},
        {"@help on Telegram", false},
        {" https://example.org/", false},
        {"https:", false},
        {"", false},
    };
    struct page page = sample();
    size_t i;
    char *html;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        page.support_url = cases[i].url;
        html = make(&page);
        if (count(html, "<a rel=\"noreferrer\" href=\"") != cases[i].is_link)
            fail_msg("'%s' is %sa link", cases[i].url, cases[i].is_link ? "not " : "");
        check_has(html, "Still stuck? Ask here: <bdi>");
        free(html);
    }
    page.support_url = NULL;
    html = make(&page);
    check_lacks(html, "Still stuck?");
    free(html);
}

static void
test_a_full_buffer_fails(void **state)
{
    struct page page = sample();
    char *html = make(&page);
    size_t len = strlen(html), cap;
    struct buf buf;

    (void)state;
    for (cap = 0; cap < len; cap += 97) {
        buf_init(&buf, cap);
        page_put(&buf, &page);
        assert_true(buf.failed);
        buf_release(&buf);
    }
    buf_init(&buf, len);
    page_put(&buf, &page);
    assert_false(buf.failed);
    assert_memory_equal(html, buf.data, len);
    buf_release(&buf);
    free(html);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_page_gives_the_same_bytes),
        cmocka_unit_test(test_hostile_words_stay_words),
        cmocka_unit_test(test_a_hostile_address_stays_in_its_attribute),
        cmocka_unit_test(test_bytes_of_a_name_are_not_cut),
        cmocka_unit_test(test_every_language),
        cmocka_unit_test(test_nothing_is_loaded),
        cmocka_unit_test(test_without_an_address_there_are_only_links),
        cmocka_unit_test(test_mirrors),
        cmocka_unit_test(test_links_too_long_for_a_code),
        cmocka_unit_test(test_many_links),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_support),
        cmocka_unit_test(test_a_full_buffer_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
