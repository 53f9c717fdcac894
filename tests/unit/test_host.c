#include "unit.h"

#include <stdio.h>

#include "host.h"

static void
test_names_and_addresses_get_one_spelling(void **state)
{
    static const struct {
        const char *text;
        enum host_kind kind;
        const char *normal;
    } good[] = {
        {"example.org", HOST_NAME, "example.org"},
        {"Shop.EXAMPLE.org", HOST_NAME, "shop.example.org"},
        {"example.org.", HOST_NAME, "example.org"},
        {"localhost", HOST_NAME, "localhost"},
        {"a", HOST_NAME, "a"},
        {"a-b.c--d.e1", HOST_NAME, "a-b.c--d.e1"},
        {"1.example", HOST_NAME, "1.example"},
        {"3com.example", HOST_NAME, "3com.example"},
        {"1.2.3.4.example", HOST_NAME, "1.2.3.4.example"},
        {"xn--80aswg.xn--p1ai", HOST_NAME, "xn--80aswg.xn--p1ai"},
        {"203.0.113.21", HOST_IPV4, "203.0.113.21"},
        {"0.0.0.0", HOST_IPV4, "0.0.0.0"},
        {"255.255.255.255", HOST_IPV4, "255.255.255.255"},
        {"2001:db8::10", HOST_IPV6, "2001:db8::10"},
        {"[2001:db8::10]", HOST_IPV6, "2001:db8::10"},
        {"2001:0DB8:0000:0000:0000:0000:0000:0010", HOST_IPV6, "2001:db8::10"},
        {"::", HOST_IPV6, "::"},
        {"[::1]", HOST_IPV6, "::1"},
        {"2001:db8:0:1:1:1:1:1", HOST_IPV6, "2001:db8:0:1:1:1:1:1"},
        {"2001:db8::1:1:1:1:1", HOST_IPV6, "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", HOST_IPV6, "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", HOST_IPV6, "2001:db8::1:0:0:1"},
        {"::ffff:192.0.2.1", HOST_IPV6, "::ffff:192.0.2.1"},
        {"::FFFF:C000:0201", HOST_IPV6, "::ffff:192.0.2.1"},
    };
    char out[HOST_MAX], again[HOST_MAX];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (host_parse(good[i].text, out) != good[i].kind)
            fail_msg("%s: not of kind %d", good[i].text, (int)good[i].kind);
        assert_string_equal(good[i].normal, out);
        assert_int_equal(good[i].kind, host_parse(out, again));
        assert_string_equal(out, again);
    }
}

static void
test_everything_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        ".",
        "..",
        ".example.org",
        "example..org",
        "example.org..",
        "-a.example",
        "a-.example",
        "example.org-",
        "-",
        "_dmarc.example.org",
        "a_b.example.org",
        "exa mple.org",
        " example.org",
        "example.org ",
        "example.org\n",
        "example.org:443",
        "https://example.org",
        "example.org/",
        "user@example.org",
        "пример.рф",
        "ex\xc3\xa4mple.org",
        "*.example.org",
        "1.2.3",
        "1.2.3.256",
        "1.2.3.4.5",
        "1.2.3.4.",
        "01.2.3.4",
        "1.2.3.4 ",
        "12345",
        "example.123",
        "[1.2.3.4]",
        "[example.org]",
        "[]",
        "[",
        "]",
        "[::1",
        "::1]",
        "[[::1]]",
        "2001:db8::1::2",
        "2001:db8:::1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "12345::",
        "fe80::1%eth0",
        "::1.2.3",
        "2001:db8::g",
    };
    char out[HOST_MAX], before[HOST_MAX];
    size_t i;

    (void)state;
    memset(before, 'x', sizeof(before));
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(out, before, sizeof(out));
        if (host_parse(bad[i], out) != HOST_BAD)
            fail_msg("'%s' was taken", bad[i]);
        assert_memory_equal(before, out, sizeof(out));
    }
}

/* A name of labels that are 63 long but for the last. */
static const char *
long_name(size_t len)
{
    static char name[1024];
    size_t i;

    for (i = 0; i < len; i++)
        name[i] = i % 64 == 63 ? '.' : 'a';
    name[len] = '\0';
    return name;
}

static void
test_lengths_have_limits(void **state)
{
    char out[HOST_MAX], text[1100];

    (void)state;
    assert_int_equal(HOST_NAME, host_parse(long_name(63), out));
    snprintf(text, sizeof(text), "%s.%s", long_name(63), "example");
    assert_int_equal(HOST_NAME, host_parse(text, out));
    snprintf(text, sizeof(text), "a%s.example", long_name(63));
    assert_int_equal(HOST_BAD, host_parse(text, out));
    assert_int_equal(HOST_NAME, host_parse(long_name(253), out));
    assert_string_equal(long_name(253), out);
    snprintf(text, sizeof(text), "%s.", long_name(253));
    assert_int_equal(HOST_NAME, host_parse(text, out));
    assert_string_equal(long_name(253), out);
    assert_int_equal(HOST_BAD, host_parse(long_name(254), out));
    assert_int_equal(HOST_BAD, host_parse(long_name(255), out));
    assert_int_equal(HOST_BAD, host_parse(long_name(1000), out));
    snprintf(text, sizeof(text), "[%s]", long_name(300));
    assert_int_equal(HOST_BAD, host_parse(text, out));
}

static void
test_private_ranges_end_where_they_end(void **state)
{
    static const char *const private[] = {
        "127.0.0.1",       "127.255.255.255", "10.0.0.0",        "10.255.255.255", "172.16.0.0",
        "172.31.255.1",    "192.168.0.1",     "192.168.255.255", "169.254.1.1",    "100.64.0.0",
        "100.127.0.1",     "192.0.2.10",      "198.51.100.10",   "203.0.113.21",   "::1",
        "fc00::1",         "fdff:ffff::1",    "fe80::1",         "febf::1",        "2001:db8::10",
        "2001:db8:ffff::",
    };
    static const char *const public[] = {
        "8.8.8.8",       "126.255.255.255", "128.0.0.1",     "9.255.255.255", "11.0.0.0",
        "172.15.0.1",    "172.32.0.0",      "192.167.0.1",   "192.169.0.0",   "169.253.0.1",
        "169.255.0.1",   "100.63.255.255",  "100.128.0.0",   "192.0.3.1",     "198.51.99.1",
        "198.51.101.1",  "203.0.112.1",     "203.0.114.1",   "2001:db7::1",   "2001:db9::",
        "2606:4700::11", "fe00::1",         "fec0::1",       "fbff::1",       "::2",
        "localhost",     "example.org",     "10.example.org"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(private) / sizeof(private[0]); i++)
        if (!host_is_private(private[i]))
            fail_msg("%s is not public", private[i]);
    for (i = 0; i < sizeof(public) / sizeof(public[0]); i++)
        if (host_is_private(public[i]))
            fail_msg("%s is not private", public[i]);
}

/* What connects to a private IPv4 address is private in IPv6 notation too (RFC 4291 2.5.5.2). */
static void
test_mapped_addresses_are_what_they_map_to(void **state)
{
    (void)state;
    assert_false(host_is_private("::ffff:8.8.8.8"));
    assert_true(host_is_private("::ffff:127.0.0.1"));
    assert_true(host_is_private("::ffff:192.168.1.1"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_addresses_get_one_spelling),
        cmocka_unit_test(test_everything_else_is_refused),
        cmocka_unit_test(test_lengths_have_limits),
        cmocka_unit_test(test_private_ranges_end_where_they_end),
        cmocka_unit_test(test_mapped_addresses_are_what_they_map_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
