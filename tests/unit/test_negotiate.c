/* negotiate.h: the query -> a format. */
#include "unit.h"

#include "negotiate.h"

static void
test_finds_the_format(void **state)
{
    static const struct {
        const char *query;
        enum format format;
    } cases[] = {
        {NULL, FORMAT_BASE64},
        {"", FORMAT_BASE64},
        {"format=links", FORMAT_LINKS},
        {"format=base64", FORMAT_BASE64},
        {"a=b&format=links", FORMAT_LINKS},
        {"format=links&a=b", FORMAT_LINKS},
        {"&&format=links&&", FORMAT_LINKS},
        {"a&format=links", FORMAT_LINKS},
        {"format&format=links", FORMAT_LINKS},
        /* Other parameters whose names end or begin alike. */
        {"xformat=links", FORMAT_BASE64},
        {"formats=links", FORMAT_BASE64},
        {"a=format=links", FORMAT_BASE64},
        {"Format=links", FORMAT_BASE64},
        /* Unknown formats get the one that every app reads. */
        {"format=", FORMAT_BASE64},
        {"format", FORMAT_BASE64},
        {"format=&a=links", FORMAT_BASE64},
        {"format=link", FORMAT_BASE64},
        {"format=linksx", FORMAT_BASE64},
        {"format=links ", FORMAT_BASE64},
        {"format=LINKS", FORMAT_BASE64},
        {"format=clash", FORMAT_BASE64},
        {"format=links%00", FORMAT_BASE64},
        {"&", FORMAT_BASE64},
        {"=", FORMAT_BASE64},
        {"format=base64&format=links", FORMAT_BASE64},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (negotiate(cases[i].query) != cases[i].format)
            fail_msg("%s: %s", cases[i].query, format_name(negotiate(cases[i].query)));
}

static void
test_knows_every_format_by_its_name(void **state)
{
    char query[64] = "format=";
    int i;

    (void)state;
    for (i = 0; i < FORMATS; i++) {
        query[7] = '\0';
        strncat(query, format_name((enum format)i), 50);
        assert_int_equal(i, negotiate(query));
        assert_true(strncmp(format_content_type((enum format)i), "text/", 5) == 0 ||
                    strncmp(format_content_type((enum format)i), "application/", 12) == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_format),
        cmocka_unit_test(test_knows_every_format_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
