#include "date.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

/* Reads exactly n digits; moves the text on. Returns -1 if they are not all there. */
static int
digits(const char **text, int n)
{
    int value = 0;

    while (n-- > 0) {
        if (**text < '0' || **text > '9')
            return -1;
        value = value * 10 + (*(*text)++ - '0');
    }
    return value;
}

static bool
skip(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

/* Days since the epoch of a day in the Gregorian calendar; -1 for one that does not exist. */
static int
day_number(int year, int month, int day, int64_t *days_since)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int64_t number = 0;
    int y, m;

    if (year < 1 || month < 1 || month > 12 || day < 1 ||
        day > days[month - 1] + (month == 2 && leap ? 1 : 0))
        return -1;
    y = year - 1;
    number = (int64_t)365 * (year - 1970) + (y / 4 - y / 100 + y / 400) -
             (1969 / 4 - 1969 / 100 + 1969 / 400);
    for (m = 1; m < month; m++)
        number += days[m - 1] + (m == 2 && leap ? 1 : 0);
    *days_since = number + day - 1;
    return 0;
}

/* Reads "Z" or "+hh:mm"; writes seconds east of UTC. */
static int
zone(const char **text, int64_t *offset)
{
    int hours, minutes, sign;

    *offset = 0;
    if (skip(text, 'Z') || skip(text, 'z'))
        return 0;
    sign = **text == '-' ? -1 : 1;
    if (!skip(text, '+') && !skip(text, '-'))
        return -1;
    hours = digits(text, 2);
    if (hours < 0 || hours > 23 || !skip(text, ':'))
        return -1;
    minutes = digits(text, 2);
    if (minutes < 0 || minutes > 59)
        return -1;
    *offset = (int64_t)sign * (hours * 3600 + minutes * 60);
    return 0;
}

int
date_parse(const char *text, int64_t *seconds)
{
    int year, month, day, hour, minute, second;
    int64_t number, offset;

    if ((year = digits(&text, 4)) < 0 || !skip(&text, '-') || (month = digits(&text, 2)) < 0 ||
        !skip(&text, '-') || (day = digits(&text, 2)) < 0)
        return -1;
    if (day_number(year, month, day, &number) != 0)
        return -1;
    if (*text == '\0') {
        *seconds = number * 86400 + 86399;
        return 0;
    }
    if (!skip(&text, 'T') && !skip(&text, 't') && !skip(&text, ' '))
        return -1;
    if ((hour = digits(&text, 2)) < 0 || !skip(&text, ':') || (minute = digits(&text, 2)) < 0 ||
        !skip(&text, ':') || (second = digits(&text, 2)) < 0)
        return -1;
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
        return -1;
    if (skip(&text, '.')) {
        if (digits(&text, 1) < 0)
            return -1;
        while (digits(&text, 1) >= 0)
            ;
    }
    if (zone(&text, &offset) != 0 || *text != '\0')
        return -1;
    *seconds = number * 86400 + hour * 3600 + minute * 60 + second - offset;
    return 0;
}

void
date_format(int64_t seconds, char out[DATE_TEXT])
{
    static const int64_t last = INT64_C(253402300799); /* 9999-12-31T23:59:59Z */
    time_t when = (time_t)(seconds > last ? last : seconds);
    struct tm tm;
    int i, year;

    if (gmtime_r(&when, &tm) == NULL || tm.tm_year < -1900 ||
        strftime(out + 4, DATE_TEXT - 4, "-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, DATE_TEXT, "?");
    else
        for (i = 4, year = tm.tm_year + 1900; i-- > 0; year /= 10)
            out[i] = (char)('0' + year % 10);
}
