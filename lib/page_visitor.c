/*
 * What a browser says of its visitor: the language and the platform.
 */
#include <strings.h>

#include "page_parts.h"

static const char *
skip_space(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* weight = "q=" qvalue (RFC 9110 section 12.4.2), in thousandths. -1: it is none. */
static int
read_weight(const char *p, size_t len)
{
    int value, digit = 100;
    size_t i;

    if (len < 3 || len > 7 || strncasecmp(p, "q=", 2) != 0 || (p[2] != '0' && p[2] != '1') ||
        (len > 3 && p[3] != '.'))
        return -1;
    value = (p[2] - '0') * 1000;
    for (i = 4; i < len; i++, digit /= 10) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        value += (p[i] - '0') * digit;
    }
    return value <= 1000 ? value : -1;
}

/* The weight of a language range's parameters, up to len: 1000 without any. */
static int
weight_of(const char *p, size_t len)
{
    const char *end = p + len;

    p = skip_space(p);
    if (p >= end)
        return 1000;
    if (*p != ';')
        return -1;
    p = skip_space(p + 1);
    while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return end > p ? read_weight(p, (size_t)(end - p)) : -1;
}

enum page_language
page_language(const char *accept_language)
{
    enum page_language best = PAGE_EN;
    const char *p = accept_language;
    int most = 0, weight, i;
    size_t len, tag;

    while (p != NULL && *p != '\0') {
        p += strspn(p, " \t,");
        len = strcspn(p, ",");
        tag = strcspn(p, " \t;,");
        weight = weight_of(p + tag, len - tag);
        for (i = 0; i < PAGE_LANGUAGES && weight > most; i++) {
            /* "ru", "ru-RU"; a tag of Chinese may be "zh-Hans", but all are known by two letters.
             */
            if (tag < 2 || strncasecmp(p, page_words[i].tag, 2) != 0 || (tag > 2 && p[2] != '-'))
                continue;
            best = (enum page_language)i;
            most = weight;
        }
        p += len;
    }
    return best;
}

enum page_platform
page_platform(const char *user_agent)
{
    /* The first that fits: Android says Linux too, iOS says Mac OS X, and ChromeOS runs Android. */
    static const struct {
        const char *word;
        enum page_platform platform;
    } words[] = {
        {"Android", PAGE_ANDROID}, {"CrOS", PAGE_ANDROID},   {"iPhone", PAGE_IOS},
        {"iPad", PAGE_IOS},        {"iPod", PAGE_IOS},       {"Windows", PAGE_WINDOWS},
        {"Macintosh", PAGE_MACOS}, {"Mac OS X", PAGE_MACOS}, {"Linux", PAGE_LINUX},
        {"X11", PAGE_LINUX},
    };
    size_t i;

    for (i = 0; user_agent != NULL && i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(user_agent, words[i].word) != NULL)
            return words[i].platform;
    return PAGE_PLATFORMS;
}
