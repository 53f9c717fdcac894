/* page.h: the buttons that hand an address to an app. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "pages.h"

static void
test_buttons_of_the_platform_come_first(void **state)
{
    static const struct {
        enum page_platform platform;
        const char *here, *elsewhere;
    } cases[] = {
        {PAGE_ANDROID, "\"v2rayng:", "\"shadowrocket:"},
        {PAGE_IOS, "\"shadowrocket:", "\"v2rayng:"},
        {PAGE_WINDOWS, "\"hiddify:", "\"v2rayng:"},
        {PAGE_MACOS, "\"streisand:", "\"v2rayng:"},
        {PAGE_LINUX, "\"karing:", "\"streisand:"},
    };
    struct page page = sample();
    size_t i;
    char *html;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        page.platform = cases[i].platform;
        html = make(&page);
        check_order(html, cases[i].here, "<details>");
        check_order(html, "<details>", cases[i].elsewhere);
        assert_int_equal(2, count(html, "<details>"));
        free(html);
    }
    page.platform = PAGE_PLATFORMS;
    html = make(&page);
    assert_int_equal(1, count(html, "<details>"));
    check_order(html, "\"v2rayng:", "<details>");
    check_order(html, "\"foxray:", "<details>");
    check_has(html, "v2rayNG <small>Android</small>");
    free(html);
}

static void
test_links_of_apps(void **state)
{
    static const char *const links[] = {
        "v2rayng://install-sub?url=" /* enc */ "https%3A%2F%2Fexample.org%2Fapi%2F8f3c5d1e-6324-"
        "4d53-ad4f-8cda48b30811#I%20%26%20co",
        "hiddify://import/" ADDRESS "#I%20%26%20co",
        "happ://add/" ADDRESS,
        "streisand://import/" ADDRESS "#I%20%26%20co",
        "shadowrocket://add/sub://aHR0cHM6Ly9leGFtcGxlLm9yZy9hcGkvOGYzYzVkMWUtNjMyNC00ZDUzLWFkNGYt"
        "OGNkYTQ4YjMwODEx?remark=I%20%26%20co",
        "v2box://install-sub?url=https%3A%2F%2Fexample.org%2Fapi%2F8f3c5d1e-6324-4d53-ad4f-"
        "8cda48b30811&amp;name=I%20%26%20co",
        "clash-verge://install-config?name=I%20%26%20co&amp;url=https%3A%2F%2Fexample.org%2Fapi%2F"
        "8f3c5d1e-6324-4d53-ad4f-8cda48b30811",
        "sing-box://import-remote-profile?url=https%3A%2F%2Fexample.org%2Fapi%2F8f3c5d1e-6324-4d53-"
        "ad4f-8cda48b30811#I%20%26%20co",
    };
    struct page page = sample();
    char text[512], *html;
    size_t i;

    (void)state;
    page.title = "I & co";
    page.title_len = 6;
    page.formats = PAGE_CLASH | PAGE_SINGBOX;
    html = make(&page);
    for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        snprintf(text, sizeof(text), "<a href=\"%s\">", links[i]);
        check_has(html, text);
    }
    check_lacks(strstr(html, "<body>"), "{enc");
    check_lacks(strstr(html, "<body>"), "{name");
    free(html);
    /* An app that could not read what the address gives it has no button. */
    page.formats = PAGE_CLASH;
    html = make(&page);
    check_has(html, "clash-verge:");
    check_lacks(html, "sing-box:");
    free(html);
    page.formats = 0;
    html = make(&page);
    check_lacks(html, "clash");
    check_lacks(html, "stash:");
    free(html);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buttons_of_the_platform_come_first),
        cmocka_unit_test(test_links_of_apps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
