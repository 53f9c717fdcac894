#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "document.h"
#include "fields.h"
#include "file.h"
#include "host.h"
#include "remark.h"
#include "text.h"

enum { SHRINK_DEFAULT = 50 };

/* The first finding is the error: a program with wrong settings does not start. */
static void
keep_first(void *context, const struct finding *finding)
{
    struct error *error = context;
    struct error here = {.line = finding->line, .column = finding->column};
    char text[sizeof(error->text)];

    if (error->text[0] != '\0' || finding->level == FINDING_NOTICE)
        return;
    snprintf(here.text, sizeof(here.text), "%s", finding->text);
    error_set(error, "%s", error_string(&here, finding->path, text, sizeof(text)));
}

const char *
config_path(struct fields *fields, const char *key, const char *file)
{
    const char *path = json_string_value(json_object_get(fields->object, key));
    const char *slash = strrchr(file, '/');

    if (!fields_has(fields, key) || (path != NULL && path[0] == '\0'))
        return NULL;
    if (path == NULL) {
        fields_fail(fields, key, "must be a path; put it in quotes");
        return NULL;
    }
    if (path[0] == '/' || slash == NULL)
        return pool_copy(fields->pool, path, strlen(path));
    return pool_printf(fields->pool, "%.*s/%s", (int)(slash - file), file, path);
}

/* One of two words; false for the first, which is the default. */
static bool
read_choice(struct fields *fields, const char *key, const char *first, const char *second)
{
    const char *word = fields_token(fields, key);

    if (word == NULL || strcmp(word, first) == 0)
        return false;
    if (strcmp(word, second) != 0)
        fields_fail(fields, key, "'%s' is neither %s nor %s", word, first, second);
    return true;
}

/* on or off; true and false are taken too, since YAML makes them of unquoted words. */
bool
config_switch(struct fields *fields, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(fields->object, key);

    if (json_is_boolean(value))
        return json_is_true(value);
    if (!fields_has(fields, key))
        return otherwise;
    return !read_choice(fields, key, "on", "off");
}

static enum origin_choice
read_source(struct fields *fields)
{
    static const char *const words[] = {
        [ORIGIN_AUTO] = "auto", [ORIGIN_GIT] = "git", [ORIGIN_FILES] = "files"};
    const char *word = fields_token(fields, "source");
    int i;

    if (word == NULL)
        return ORIGIN_AUTO;
    for (i = ORIGIN_AUTO; i <= ORIGIN_FILES; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum origin_choice)i;
    fields_fail(fields, "source", "'%s' is none of auto, git, files", word);
    return ORIGIN_AUTO;
}

static const char *
normal_core(struct pool *pool, const char *text)
{
    char host[HOST_MAX];
    enum host_kind kind = host_parse(text, host);

    return kind == HOST_IPV4 || kind == HOST_IPV6 ? pool_copy(pool, host, strlen(host)) : NULL;
}

/* http or https, a host, and nothing that would break a line. */
static bool
is_url(const char *text)
{
    const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : NULL;

    if (host == NULL || host[0] == '\0' || host[0] == '/')
        return false;
    for (; *text != '\0'; text++)
        if (text_is_space(text) || text_is_control(text, NULL))
            return false;
    return true;
}

static void
read_urls(struct fields *fields, struct strings *urls)
{
    const json_t *list = json_object_get(fields->object, "public_urls"), *item;
    size_t i;

    if (!fields_has(fields, "public_urls"))
        return;
    if (!json_is_array(list)) {
        fields_fail(fields, "public_urls", "must be a list");
        return;
    }
    urls->items = pool_alloc(fields->pool, (json_array_size(list) + 1) * sizeof(*urls->items));
    json_array_foreach (list, i, item) {
        const char *text = json_string_value(item);
        size_t len = text != NULL ? strlen(text) : 0;

        if (text == NULL || !is_url(text)) {
            fields_fail(fields, "public_urls", "must hold addresses like https://example.org/api");
            return;
        }
        while (len > 0 && text[len - 1] == '/')
            len--;
        if (urls->items != NULL)
            urls->items[urls->count++] = pool_copy(fields->pool, text, len);
    }
}

static void
read_settings(struct config *config, struct fields *fields, const char *file)
{
    static const char *const known[] = {
        "data",        "source",       "state",          "core",
        "refresh",     "sandbox",      "domains",        "order",
        "max_links",   "remark",       "max_shrink",     "public_urls",
        "title",       "filename",     "announce",       "update_interval",
        "support_url", "web_page_url", "routing",        "templates",
        "user_agents", "health",       "uuid_addresses", NULL};
    const char *text, *key;
    struct error problem;
    const json_t *value;
    size_t i;

    json_object_foreach ((json_t *)(uintptr_t)fields->object, key, value) {
        for (i = 0; known[i] != NULL && strcmp(known[i], key) != 0; i++)
            ;
        if (known[i] == NULL) {
            fields_fail(fields, key, "no such setting (see signpost.conf(5))");
            break;
        }
    }
    config->data = config_path(fields, "data", file);
    config->state = config_path(fields, "state", file);
    config->source = read_source(fields);
    config->max_shrink = (unsigned)fields_integer(fields, "max_shrink", SHRINK_DEFAULT, 0, 100);
    config->refresh = config_switch(fields, "refresh", true);
    config->sandbox = config_switch(fields, "sandbox", true);
    config->policy.by_token_only = !config_switch(fields, "uuid_addresses", true);
    text = fields_token(fields, "core");
    if (text != NULL && (config->policy.core = normal_core(&config->pool, text)) == NULL)
        fields_fail(fields, "core", "'%s' is not an IP address", text);
    config->policy.all_domains = read_choice(fields, "domains", "first", "all");
    config->policy.by_name = read_choice(fields, "order", "spread", "name");
    config->policy.max_links = (unsigned)fields_integer(fields, "max_links", 0, 0, 1000000);
    config->policy.remark = fields_text(fields, "remark");
    if (config->policy.remark != NULL && remark_check(config->policy.remark, &problem) != 0)
        fields_fail(fields, "remark", "%s", problem.text);
    read_urls(fields, &config->policy.urls);
    config_read_profile(config, fields, file);
    config_read_health(config, fields, file);
}

/* Nothing but comments and white space: every setting has a default. */
static bool
is_blank(const struct buf *buf)
{
    size_t i = 0;

    while (i < buf->len) {
        if (buf->data[i] == '#')
            while (i < buf->len && buf->data[i] != '\n')
                i++;
        else if (strchr(" \t\r\n", buf->data[i]) != NULL && buf->data[i] != '\0')
            i++;
        else
            return false;
    }
    return true;
}

static int
read_file(struct config *config, const char *file, int fd, struct error *error)
{
    enum document_syntax syntax = document_syntax(file, NULL);
    struct report report = {keep_first, error, {0}};
    struct error problem = {0};
    char text[sizeof(error->text)];
    json_t *tree = NULL;
    struct buf buf;

    buf_init(&buf, DOCUMENT_MAX);
    if (file_read_all(fd, &buf) != 0) {
        error_set(&problem, "%s",
                  !buf.failed     ? strerror(errno)
                  : buf.no_memory ? "out of memory"
                                  : "too large");
    } else if (!is_blank(&buf)) {
        tree = document_parse(buf.data, buf.len, syntax == SYNTAX_JSON ? SYNTAX_JSON : SYNTAX_YAML,
                              &problem);
    } else {
        tree = json_object(); /* an empty file: every setting has a default */
        if (tree == NULL)
            error_no_memory(&problem);
    }
    error->text[0] = '\0';
    if (tree == NULL) {
        error_set(error, "%s", error_string(&problem, file, text, sizeof(text)));
    } else {
        struct source source = {file, buf.data, buf.len, &report};
        struct fields fields = {.object = tree, .source = &source, .pool = &config->pool};

        if (json_is_object(tree))
            read_settings(config, &fields, file);
        else if (!json_is_null(tree)) /* "---" and no more is as good as an empty file */
            fields_fail(&fields, NULL, "must be a mapping of settings");
    }
    json_decref(tree);
    buf_release(&buf);
    config->file = pool_copy(&config->pool, file, strlen(file));
    return error->text[0] == '\0' ? 0 : -1;
}

static int
read_environment(struct config *config, struct error *error)
{
    const char *data = getenv("SIGNPOST_DATA"), *state = getenv("SIGNPOST_STATE");
    const char *core = getenv("SIGNPOST_CORE"), *sandbox = getenv("SIGNPOST_SANDBOX");

    if (data != NULL && data[0] != '\0')
        config->data = pool_copy(&config->pool, data, strlen(data));
    if (state != NULL && state[0] != '\0')
        config->state = pool_copy(&config->pool, state, strlen(state));
    if (sandbox != NULL && strcmp(sandbox, "off") == 0)
        config->sandbox = false;
    if (core != NULL && core[0] != '\0') {
        config->policy.core = normal_core(&config->pool, core);
        if (config->policy.core == NULL)
            return error_set(error, "SIGNPOST_CORE: '%s' is not an IP address", core);
    }
    return 0;
}

/*
 * /var/lib/signpost wherever it is there or can be made; a trial by somebody else goes to his own
 * state directory (XDG Base Directory Specification).
 */
static void
default_state(struct config *config)
{
    const char *systemd = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (systemd != NULL && systemd[0] == '/')
        config->state = pool_copy(&config->pool, systemd, strcspn(systemd, ":"));
    else if (access(CONFIG_DEFAULT_STATE, F_OK) == 0 || access("/var/lib", W_OK) == 0)
        config->state = CONFIG_DEFAULT_STATE;
    else if (xdg != NULL && xdg[0] == '/')
        config->state = pool_printf(&config->pool, "%s/signpost", xdg);
    else if (home != NULL && home[0] == '/')
        config->state = pool_printf(&config->pool, "%s/.local/state/signpost", home);
    else
        config->state = CONFIG_DEFAULT_STATE;
}

int
config_load(struct config *config, const char *file, struct error *error)
{
    const char *variable = getenv("SIGNPOST_CONFIG");
    bool must_exist = true;
    int fd, rc = 0;

    *config = (struct config){.refresh = true, .sandbox = true, .max_shrink = SHRINK_DEFAULT};
    config_default_profile(&config->profile);
    config_default_health(&config->health);
    if (file == NULL && variable != NULL && variable[0] != '\0')
        file = variable;
    if (file == NULL) {
        file = CONFIG_DEFAULT_FILE;
        must_exist = false;
    }
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        rc = read_file(config, file, fd, error);
        close(fd);
    } else if (must_exist || errno != ENOENT) {
        rc = error_set(error, "%s: %s", file, strerror(errno));
    }
    if (rc == 0)
        rc = read_environment(config, error);
    if (rc == 0 && config->state == NULL)
        default_state(config);
    /* What has found none may look as if it had not been set. */
    if (rc == 0 && (config->state == NULL || config->pool.failed))
        rc = error_set(error, "out of memory");
    return rc;
}

void
config_release(struct config *config)
{
    pool_release(&config->pool);
    *config = (struct config){.refresh = true, .max_shrink = SHRINK_DEFAULT};
}
