/*
 * What a request says about its form. An input is up to five lines: User-Agent, Accept,
 * Accept-Language, query, path suffix; "-" for one that is not there.
 */
#include "fuzz.h"

#include "negotiate.h"
#include "page.h"

enum { USER_AGENT, ACCEPT, LANGUAGE, QUERY, SUFFIX, LINES };

/* Asks with copies of its own. Returns what negotiate does. */
static int
ask(char *const lines[LINES], const struct agent_rules *own, struct choice *choice)
{
    char *copies[LINES];
    struct hints hints;
    int i, rc;

    for (i = 0; i < LINES; i++)
        copies[i] = lines[i] != NULL ? fuzz_string(lines[i], strlen(lines[i])) : NULL;
    hints = (struct hints){copies[QUERY], copies[SUFFIX], copies[USER_AGENT], copies[ACCEPT]};
    memset(choice, 0xff, sizeof(*choice));
    rc = negotiate(&hints, own, choice);
    require(rc == 0 || rc == -1);
    for (i = 0; i < LINES; i++)
        free(copies[i]);
    return rc;
}

static bool
is_same(const struct choice *a, const struct choice *b)
{
    return a->format == b->format && a->frame == b->frame && a->known == b->known &&
           a->app == b->app;
}

static void
check_range(const struct choice *choice)
{
    require(choice->format >= FORMAT_NONE && choice->format < FORMATS);
    require((choice->known & ~FEATURES_ALL) == 0);
    if (choice->format == FORMAT_NONE)
        return;
    require(choice->frame >= FRAME_SING_BOX && choice->frame <= FRAME_SING_BOX_1_9);
    require((choice->known & ~format_features(choice->format)) == 0);
    require(format_find(format_name(choice->format), strlen(format_name(choice->format))) ==
            choice->format);
}

/* What is asked for in the query counts, but for those who get nothing. */
static void
check_query_comes_first(char *const lines[LINES], const struct choice *choice)
{
    char *asking[LINES], query[] = "format=xray&format=clash";
    struct choice other;

    memcpy(asking, lines, sizeof(asking));
    asking[QUERY] = query;
    require(ask(asking, NULL, &other) == 0);
    require(other.format == (choice->format == FORMAT_NONE ? FORMAT_NONE : FORMAT_XRAY));
    require(other.app == choice->app);
}

/* The User-Agent alone decides who gets nothing, and it may be written in either case. */
static void
check_user_agent(char *const lines[LINES], const struct choice *choice)
{
    char *alone[LINES] = {NULL}, *agent = lines[USER_AGENT], *p;
    struct agent_rule rule = {.start = agent, .format = FORMAT_LINKS, .known = FEATURES_ALL};
    const struct agent_rules own = {&rule, 1};
    struct choice other;

    alone[USER_AGENT] = agent;
    require(ask(alone, NULL, &other) == 0);
    require((other.format == FORMAT_NONE) == (choice->format == FORMAT_NONE));
    if (agent == NULL) {
        require(choice->format != FORMAT_NONE && choice->app == NULL);
        return;
    }
    require(ask(alone, &own, &other) == 0);
    require(other.format == FORMAT_LINKS);
    /* But for the v before a version. */
    alone[USER_AGENT] = fuzz_string(agent, strlen(agent));
    for (p = alone[USER_AGENT]; *p != '\0'; p++)
        if (((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')) && (*p | 0x20) != 'v')
            *p ^= 0x20;
    require(ask(alone, NULL, &other) == 0);
    require(other.app == choice->app && other.frame == choice->frame);
    free(alone[USER_AGENT]);
}

static void
check_visitor(char *const lines[LINES])
{
    enum page_language language = page_language(lines[LANGUAGE]);
    enum page_platform platform = page_platform(lines[USER_AGENT]);

    require(language >= PAGE_EN && language < PAGE_LANGUAGES);
    require(platform >= PAGE_ANDROID && platform <= PAGE_PLATFORMS);
    require(language == page_language(lines[LANGUAGE]));
    require(platform == page_platform(lines[USER_AGENT]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choice choice, again;
    char *lines[LINES];
    const char *suffix;
    int i, rc;

    fuzz_lines(data, size, lines, LINES);
    suffix = lines[SUFFIX];
    rc = ask(lines, NULL, &choice);
    require((rc == -1) == (suffix != NULL && format_find(suffix, strlen(suffix)) == FORMAT_NONE));
    require(ask(lines, NULL, &again) == rc);
    if (rc == 0) {
        require(is_same(&choice, &again));
        check_range(&choice);
        check_query_comes_first(lines, &choice);
        check_user_agent(lines, &choice);
    }
    check_visitor(lines);
    for (i = 0; i < LINES; i++)
        free(lines[i]);
    return 0;
}
