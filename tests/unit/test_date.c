#include "unit.h"

#include <inttypes.h>
#include <stdio.h>

#include "date.h"

struct sample {
    const char *text;
    int64_t seconds;
};

/* The seconds are those of date -u -d '…' +%s. */
static void
check_all(const struct sample *samples, size_t count)
{
    int64_t seconds;
    size_t i;

    for (i = 0; i < count; i++) {
        seconds = INT64_MIN;
        if (date_parse(samples[i].text, &seconds) != 0)
            fail_msg("'%s' was refused", samples[i].text);
        if (seconds != samples[i].seconds)
            fail_msg("'%s' is %" PRId64 ", not %" PRId64, samples[i].text, samples[i].seconds,
                     seconds);
    }
}

static void
test_a_date_is_the_end_of_its_day(void **state)
{
    static const struct sample samples[] = {
        {"1970-01-01", 86399},        {"2026-01-31", 1769903999}, {"2026-12-31", 1798761599},
        {"2024-02-28", 1709164799},   {"2024-02-29", 1709251199}, {"2024-03-01", 1709337599},
        {"2000-02-29", 951868799},    {"2000-12-31", 978307199},  {"2100-02-28", 4107542399},
        {"2100-03-01", 4107628799},   {"2038-01-19", 2147558399}, {"2400-02-29", 13574649599},
        {"9999-12-31", 253402300799},
    };

    (void)state;
    check_all(samples, sizeof(samples) / sizeof(samples[0]));
}

static void
test_rfc_3339_times(void **state)
{
    static const struct sample samples[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-12-31T18:00:00Z", 1798740000},
        {"2026-12-31t18:00:00z", 1798740000},
        {"2026-12-31 18:00:00Z", 1798740000},
        {"2026-12-31T18:00:00.999Z", 1798740000},
        {"2026-12-31T18:00:00.123456789123456789Z", 1798740000},
        {"2026-12-31T21:00:00+03:00", 1798740000},
        {"2026-12-31 21:00:00.5+03:00", 1798740000},
        {"2026-12-31T08:30:00-09:30", 1798740000},
        {"2027-01-01T00:00:00+06:00", 1798740000},
        {"2026-12-31T18:00:00+00:00", 1798740000},
        {"2026-12-31T18:00:00-00:00", 1798740000},
        {"2027-01-01T17:59:00+23:59", 1798740000},
        {"1970-01-01T00:00:00+05:00", -18000},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"1985-04-12T23:20:50.52Z", 482196050},
        {"1996-12-19T16:39:57-08:00", 851042397},
    };

    (void)state;
    check_all(samples, sizeof(samples) / sizeof(samples[0]));
}

/* They are real days, and a user who expired then has expired. */
static void
test_days_before_the_epoch(void **state)
{
    static const struct sample samples[] = {
        {"1969-12-31", -1},
        {"1900-01-01T00:00:00Z", -2208988800},
        {"0001-01-01T00:00:00Z", -62135596800},
    };
    char text[DATE_TEXT];

    (void)state;
    date_format(-1, text);
    assert_string_equal("1969-12-31T23:59:59Z", text);
    check_all(samples, sizeof(samples) / sizeof(samples[0]));
    date_format(-62135596800, text);
    assert_string_equal("0001-01-01T00:00:00Z", text);
}

static void
test_what_is_no_date_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "never",
        "2026",
        "2026-12",
        "2026-1-31",
        "26-12-31",
        "20261231",
        "2026/12/31",
        "31.12.2026",
        "2026-12-31 ",
        " 2026-12-31",
        "2026-12-31x",
        "+2026-12-31",
        "-2026-12-31",
        "12026-12-31",
        "1798740000",
        "2026-00-10",
        "2026-13-10",
        "2026-01-00",
        "2026-01-32",
        "2026-02-29",
        "2026-02-30",
        "2024-02-30",
        "2100-02-29",
        "2026-04-31",
        "2026-06-31",
        "2026-09-31",
        "2026-11-31",
        "0000-00-00",
        "2026-12-31T",
        "2026-12-31T18",
        "2026-12-31T18:00",
        "2026-12-31T18:00Z",
        "2026-12-31T18:00:00",
        "2026-12-31T18:00:00 Z",
        "2026-12-31T18:00:00ZZ",
        "2026-12-31T18:00:00Z ",
        "2026-12-31_18:00:00Z",
        "2026-12-31T24:00:00Z",
        "2026-12-31T18:60:00Z",
        "2026-12-31T18:00:61Z",
        "2026-12-31T1:00:00Z",
        "2026-12-31T18:00:00.Z",
        "2026-12-31T18:00:00,5Z",
        "2026-12-31T18:00:00+3",
        "2026-12-31T18:00:00+03",
        "2026-12-31T18:00:00+0300",
        "2026-12-31T18:00:00+24:00",
        "2026-12-31T18:00:00+03:60",
        "2026-12-31T18:00:00+03:00Z",
        "2026-12-31T-1:00:00Z",
        "２026-12-31",
    };
    int64_t seconds;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (date_parse(bad[i], &seconds) != -1)
            fail_msg("'%s' was taken", bad[i]);
}

static void
test_format_is_rfc_3339_in_utc(void **state)
{
    static const struct sample samples[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-12-31T23:59:59Z", 1798761599},
        {"2024-02-29T12:34:56Z", 1709210096},
        {"9999-12-31T23:59:59Z", 253402300799},
    };
    char text[DATE_TEXT];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        date_format(samples[i].seconds, text);
        assert_string_equal(samples[i].text, text);
    }
    date_format(253402300800, text);
    assert_string_equal("9999-12-31T23:59:59Z", text);
    date_format(INT64_MAX, text);
    assert_string_equal("9999-12-31T23:59:59Z", text);
}

/* Every day of a 400-year cycle, with the calendar counted here. */
static void
test_every_day_comes_back(void **state)
{
    int64_t seconds, expected = 86399;
    char text[DATE_TEXT], day[40];
    int year, month, last;

    (void)state;
    for (year = 1970; year < 2370; year++) {
        for (month = 1; month <= 12; month++) {
            int leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0), date;

            last = month == 2                                              ? 28 + leap
                   : month == 4 || month == 6 || month == 9 || month == 11 ? 30
                                                                           : 31;
            for (date = 1; date <= last; date++, expected += 86400) {
                snprintf(day, sizeof(day), "%04d-%02d-%02d", year, month, date);
                assert_int_equal(0, date_parse(day, &seconds));
                assert_true(seconds == expected);
                date_format(seconds, text);
                assert_memory_equal(day, text, 10);
                assert_string_equal("T23:59:59Z", text + 10);
            }
            snprintf(day, sizeof(day), "%04d-%02d-%02d", year, month, last + 1);
            assert_int_equal(-1, date_parse(day, &seconds));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_date_is_the_end_of_its_day),
        cmocka_unit_test(test_rfc_3339_times),
        cmocka_unit_test(test_days_before_the_epoch),
        cmocka_unit_test(test_what_is_no_date_is_refused),
        cmocka_unit_test(test_format_is_rfc_3339_in_utc),
        cmocka_unit_test(test_every_day_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
