/* Settings of what apps are told and in which form; part of config.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "document.h"
#include "fields.h"
#include "file.h"
#include "format_check.h"
#include "text.h"

enum { INTERVAL_DEFAULT = 12, INTERVAL_MAX = 24 * 365, RULES_MAX = 1000 };

/* A text whose places are all known; with_uuid: {uuid} and {address} are. */
static const char *
read_template(struct fields *fields, const char *key, const char *text, bool with_uuid)
{
    const char *p;

    for (p = text != NULL ? strchr(text, '{') : NULL; p != NULL; p = strchr(p + 1, '{'))
        if (strncmp(p, "{device}", 8) != 0 && strncmp(p, "{user}", 6) != 0 &&
            (!with_uuid || (strncmp(p, "{uuid}", 6) != 0 && strncmp(p, "{address}", 9) != 0))) {
            fields_fail(fields, key, "'%.*s' starts with none of {device}, {user}%s",
                        (int)text_cut(p, 20), p, with_uuid ? ", {uuid}, {address}" : "");
            return NULL;
        }
    return text;
}

/* An address for people: a scheme and no space. */
static const char *
read_link(struct fields *fields, const char *key)
{
    const char *text = fields_token(fields, key);
    size_t scheme = text != NULL ? strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.") : 0;

    if (text != NULL && (scheme == 0 || text[scheme] != ':')) {
        fields_fail(fields, key, "'%s' is no address like https://example.org/ or mailto:…", text);
        return NULL;
    }
    return text;
}

static bool
has_user(const char *template)
{
    return template != NULL && strstr(template, "{user}") != NULL;
}

/* The rules' own fields: one of the list. */
static void
read_rule(struct fields *list, const json_t *item, size_t index, struct agent_rule *rule)
{
    static const char *const known[] = {"start", "since", "format", "core", NULL};
    struct fields fields = {
        .object = item, .source = list->source, .inside = "user_agents", .pool = list->pool};
    const char *format, *core;
    char number[24];

    snprintf(number, sizeof(number), "%zu", index);
    fields.item = number;
    if (!json_is_object(item)) {
        fields_fail(list, "user_agents", "must be a list of rules: {start: …, format: …}");
        return;
    }
    fields_name_unknown(&fields, FINDING_ERROR, known);
    rule->start = fields_text(&fields, "start");
    rule->since = fields_token(&fields, "since");
    format = fields_token(&fields, "format");
    core = fields_token(&fields, "core");
    rule->app = "an app of the setting user_agents";
    rule->known = FEATURES_ALL;
    if (rule->start == NULL)
        fields_fail(&fields, "start", "must be what the User-Agent starts with");
    if (rule->since != NULL && strspn(rule->since, "0123456789.") != strlen(rule->since))
        fields_fail(&fields, "since", "'%s' is no version like 1.19.22", rule->since);
    if (format == NULL)
        fields_fail(&fields, "format",
                    "must be base64, links, clash, sing-box, xray, page or none");
    else if (strcmp(format, "none") != 0 &&
             (rule->format = format_find(format, strlen(format))) == FORMAT_NONE)
        fields_fail(&fields, "format",
                    "'%s' is none of base64, links, clash, sing-box, xray, page, none", format);
    if (core != NULL && (rule->known = agent_known(core)) == 0)
        fields_fail(&fields, "core", "'%s' is none of xray, sing-box, mihomo", core);
    list->failed |= fields.failed;
}

static void
read_rules(struct config *config, struct fields *fields)
{
    const json_t *list = json_object_get(fields->object, "user_agents");
    struct agent_rule *rules;
    size_t i;

    if (!fields_has(fields, "user_agents"))
        return;
    if (!json_is_array(list) || json_array_size(list) > RULES_MAX) {
        fields_fail(fields, "user_agents", "must be a list of rules: {start: …, format: …}");
        return;
    }
    rules = pool_alloc(fields->pool, (json_array_size(list) + 1) * sizeof(*rules));
    if (rules == NULL) {
        fields_fail(fields, NULL, "out of memory");
        return;
    }
    for (i = 0; i < json_array_size(list) && !fields->failed; i++)
        read_rule(fields, json_array_get(list, i), i, &rules[i]);
    config->agents = (struct agent_rules){rules, json_array_size(list)};
}

static void
read_templates(struct config *config, struct fields *fields, const char *file)
{
    const char *known[FRAMES + 1] = {NULL};
    struct fields inner;
    int i;

    if (!fields_inner(fields, "templates", &inner))
        return;
    for (i = 0; i < FRAMES; i++)
        known[i] = frame_name((enum frame)i);
    fields_name_unknown(&inner, FINDING_ERROR, known);
    for (i = 0; i < FRAMES; i++)
        config->policy.frame_paths[i] = config_path(&inner, known[i], file);
    fields->failed |= inner.failed;
}

void
config_default_profile(struct profile_settings *profile)
{
    *profile = (struct profile_settings){
        .title = "{device}", .filename = "{device}", .update_interval = INTERVAL_DEFAULT};
}

void
config_read_profile(struct config *config, struct fields *fields, const char *file)
{
    struct profile_settings *profile = &config->profile;

    const char *title = read_template(fields, "title", fields_text(fields, "title"), false);

    if (title != NULL)
        profile->title = title;
    profile->filename = read_template(fields, "filename", fields_text(fields, "filename"), false);
    profile->announce = read_template(fields, "announce", fields_long_text(fields, "announce"),
                                      false);
    profile->web_page_url = read_template(fields, "web_page_url", read_link(fields, "web_page_url"),
                                          true);
    profile->support_url = read_link(fields, "support_url");
    profile->routing = fields_token(fields, "routing");
    profile->update_interval = (unsigned)fields_integer(fields, "update_interval", INTERVAL_DEFAULT,
                                                        0, INTERVAL_MAX);
    if (profile->filename == NULL)
        profile->filename = profile->title;
    config->policy.with_user = has_user(profile->title) || has_user(profile->filename) ||
                               has_user(profile->announce) || has_user(profile->web_page_url);
    read_rules(config, fields);
    read_templates(config, fields, file);
}

static int
load_template(struct config *config, enum frame frame, struct error *error)
{
    const char *path = config->policy.frame_paths[frame];
    struct error problem = {0};
    char text[sizeof(error->text)];
    struct buf buf;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

    if (fd < 0)
        return error_set(error, "%s: %s (setting templates: %s)", path, strerror(errno),
                         frame_name(frame));
    buf_init(&buf, DOCUMENT_MAX);
    if (file_read_all(fd, &buf) != 0)
        rc = error_set(&problem, "%s", buf.failed ? "too large" : strerror(errno));
    close(fd);
    if (rc == 0 && (buf.len == 0 || memchr(buf.data, '\0', buf.len) != NULL))
        rc = error_set(&problem, buf.len == 0 ? "empty" : "holds a NUL byte");
    if (rc == 0)
        rc = format_check(frame, buf.data, buf.len, &config->policy.urls, &problem);
    if (rc == 0 &&
        (config->policy.frames[frame] = pool_copy(&config->pool, buf.data, buf.len)) == NULL)
        rc = error_set(&problem, "out of memory");
    buf_release(&buf);
    return rc == 0 ? 0 : error_set(error, "%s", error_string(&problem, path, text, sizeof(text)));
}

int
config_load_templates(struct config *config, struct error *error)
{
    int i;

    for (i = 0; i < FRAMES; i++)
        if (config->policy.frame_paths[i] != NULL &&
            load_template(config, (enum frame)i, error) != 0)
            return -1;
    return 0;
}
