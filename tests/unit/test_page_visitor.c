/* page.h: what is read from a browser's headers. */
#include "unit.h"

#include "page.h"

static void
test_language_of_the_visitor(void **state)
{
    static const struct {
        const char *header;
        enum page_language language;
    } cases[] = {
        {NULL, PAGE_EN},
        {"", PAGE_EN},
        {"*", PAGE_EN},
        {"de-DE,de;q=0.9", PAGE_EN},
        {"ru", PAGE_RU},
        {"RU-ru", PAGE_RU},
        {"fa-IR", PAGE_FA},
        {"zh-CN,zh;q=0.9,en;q=0.8", PAGE_ZH},
        {"zh-Hant-TW", PAGE_ZH},
        {"zh-Hans", PAGE_ZH},
        {"de, ru;q=0.5", PAGE_RU},
        {"en-US,en;q=0.9,ru;q=0.8", PAGE_EN},
        {"en;q=0.8,ru;q=0.9", PAGE_RU},
        {"en;q=0.8,ru;q=0.80", PAGE_EN},
        {"ru;q=0.801,en;q=0.8", PAGE_RU},
        {"en;q=0.8,ru;q=1.000", PAGE_RU},
        {"ru;q=0,fa;q=0.001", PAGE_FA},
        {"ru;q=0", PAGE_EN},
        {"ru;q=0.000", PAGE_EN},
        {" \tru ; q=0.5 , fa ; Q=0.7 ,", PAGE_FA},
        {",,,ru,,", PAGE_RU},
        /* What is not well-formed does not count. */
        {"ru;q=2", PAGE_EN},
        {"ru;q=1.001", PAGE_EN},
        {"ru;q=0.1234,fa;q=0.1", PAGE_FA},
        {"ru;q=,fa;q=0.1", PAGE_FA},
        {"ru;q=0.x,fa;q=0.1", PAGE_FA},
        {"ru;q=0,5", PAGE_EN},
        {"ru;", PAGE_EN},
        {"ru;x=1", PAGE_EN},
        {"ru fa", PAGE_EN},
        {"rus", PAGE_EN},
        {"r", PAGE_EN},
        {"r,u", PAGE_EN},
        {"z-h", PAGE_EN},
        {"\xff\xfe;q=1,ru", PAGE_RU},
        {";;;,;q=1,q=1;;,ru", PAGE_RU},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (page_language(cases[i].header) != cases[i].language)
            fail_msg("%s: %d", cases[i].header, page_language(cases[i].header));
}

static void
test_platform_of_the_visitor(void **state)
{
    static const struct {
        const char *header;
        enum page_platform platform;
    } cases[] = {
        {NULL, PAGE_PLATFORMS},
        {"", PAGE_PLATFORMS},
        {"curl/8.0", PAGE_PLATFORMS},
        {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile "
         "Safari/537.36",
         PAGE_ANDROID},
        {"Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", PAGE_ANDROID},
        {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36", PAGE_ANDROID},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15", PAGE_IOS},
        {"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15", PAGE_IOS},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
         PAGE_WINDOWS},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", PAGE_MACOS},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", PAGE_LINUX},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (page_platform(cases[i].header) != cases[i].platform)
            fail_msg("%s: %d", cases[i].header, page_platform(cases[i].header));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language_of_the_visitor),
        cmocka_unit_test(test_platform_of_the_visitor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
