#include "negotiate.h"

#include <string.h>

/*
 * mihomo reads links too, but makes plain tcp without TLS of httpupgrade, which shows the UUID to
 * everybody on the way, and passes over ech, which shows the server's name.
 */
#define BROKEN_IN_LINKS (FEATURE_BIT(FEATURE_HTTPUPGRADE) | FEATURE_BIT(FEATURE_ECH))

/* The value of a parameter of a query, and its length; NULL when it is not there. */
static const char *
parameter(const char *query, const char *name, size_t *len)
{
    size_t name_len = strlen(name);

    while (query != NULL) {
        if (strncmp(query, name, name_len) == 0 && query[name_len] == '=') {
            query += name_len + 1;
            *len = strcspn(query, "&");
            return query;
        }
        query = strchr(query, '&');
        if (query != NULL)
            query++;
    }
    return NULL;
}

static enum format
by_query(const char *query)
{
    size_t len;
    const char *value = parameter(query, "format", &len);

    return value != NULL ? format_find(value, len) : FORMAT_NONE;
}

static enum format
by_accept(const char *accept)
{
    return accept != NULL && strcasestr(accept, "text/html") != NULL ? FORMAT_PAGE : FORMAT_BASE64;
}

int
negotiate(const struct hints *hints, const struct agent_rules *own, struct choice *choice)
{
    const struct agent_rule *rule = agent_find(hints->user_agent, own);
    enum format suffix = FORMAT_NONE;

    *choice = (struct choice){.format = FORMAT_NONE, .known = FEATURES_ALL};
    if (hints->suffix != NULL &&
        (suffix = format_find(hints->suffix, strlen(hints->suffix))) == FORMAT_NONE)
        return -1;
    if (rule != NULL) {
        choice->app = rule->app;
        choice->known = rule->known;
        if (rule->format == FORMAT_NONE)
            return 0;
    }
    choice->format = by_query(hints->query);
    if (choice->format == FORMAT_NONE)
        choice->format = suffix;
    if (choice->format == FORMAT_NONE)
        choice->format = rule != NULL ? rule->format : by_accept(hints->accept);
    choice->known &= format_features(choice->format);
    if (rule != NULL && rule->format == FORMAT_CLASH && !format_is_profile(choice->format))
        choice->known &= ~BROKEN_IN_LINKS;
    choice->frame = agent_frame(hints->user_agent);
    return 0;
}
