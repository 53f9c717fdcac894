#include "pass_status.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "date.h"
#include "document.h"
#include "siphash.h"
#include "state.h"

static uint64_t
number_of(const struct finding *finding)
{
    static const uint8_t key[16] = "signpost said  1";
    uint64_t parts[3] = {siphash(key, finding->path, strlen(finding->path)),
                         siphash(key, finding->text, strlen(finding->text)), finding->level};

    return siphash(key, parts, sizeof(parts));
}

static int
compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void
remember(struct news *news, uint64_t number)
{
    size_t room = news->said_room == 0 ? 64 : news->said_room * 2;
    uint64_t *said = news->said;

    if (news->said_count == news->said_room) {
        said = realloc(said, room * sizeof(*said));
        if (said == NULL)
            return; /* it will be told again */
        news->said = said;
        news->said_room = room;
    }
    said[news->said_count++] = number;
}

static bool
was_said(const struct cache *before, uint64_t number)
{
    return before->said_count > 0 && bsearch(&number, before->said, before->said_count,
                                             sizeof(number), compare_numbers) != NULL;
}

static void
take(void *context, const struct finding *finding)
{
    struct news *news = context;
    uint64_t number;

    if (finding->level == FINDING_NOTICE)
        return;
    number = number_of(finding);
    remember(news, number);
    if (!news->is_held && !was_said(news->before, number))
        report_add_at(news->next, finding->level, finding->path, finding->line, finding->column,
                      finding->text);
    if (json_array_size(news->findings) >= STATUS_FINDINGS)
        return;
    json_array_append_new(news->findings,
                          json_pack("{s:s, s:o, s:i, s:i, s:o}", "level",
                                    level_name(finding->level), "path", json_text(finding->path),
                                    "line", (int)finding->line, "column", (int)finding->column,
                                    "text", json_text(finding->text)));
}

void
news_init(struct news *news, struct report *next, const struct cache *before)
{
    *news = (struct news){
        .report = {take, news, {0}}, .next = next, .findings = json_array(), .before = before};
}

void
news_release(struct news *news)
{
    json_decref(news->findings);
    free(news->said);
}

void
news_tell(const struct news *news)
{
    const json_t *finding;
    size_t i;

    json_array_foreach (news->findings, i, finding) {
        const char *level = json_string_value(json_object_get(finding, "level"));

        report_add(news->next, strcmp(level, "error") == 0 ? FINDING_ERROR : FINDING_WARNING,
                   json_string_value(json_object_get(finding, "path")), "%s",
                   json_string_value(json_object_get(finding, "text")));
    }
}

void
news_sort(struct news *news)
{
    if (news->said_count > 0)
        qsort(news->said, news->said_count, sizeof(*news->said), compare_numbers);
}

/* What keeps a record back; there is an error, else it would not be. */
static const struct finding *
first_error(const struct trouble *trouble)
{
    size_t i = 0;

    while (i + 1 < trouble->count && trouble->findings[i].level != FINDING_ERROR)
        i++;
    return &trouble->findings[i];
}

/* The records that are kept back, and how many there are. */
static json_t *
list_kept(const struct registry *registry, size_t *count)
{
    json_t *list = json_array();
    const struct finding *error;
    const struct record *record;
    char since[DATE_TEXT], text[1024];
    bool is_other;
    enum kind kind;
    size_t i;

    *count = 0;
    for (kind = 0; kind < KINDS; kind++)
        for (i = 0; (record = registry_at(registry, kind, i)) != NULL; i++) {
            const struct trouble *trouble = record->trouble;

            if (trouble == NULL || !trouble->is_kept || (*count)++ >= STATUS_FINDINGS)
                continue;
            date_format(trouble->since, since);
            error = first_error(trouble);
            is_other = strcmp(error->path, record->path) != 0;
            snprintf(text, sizeof(text), "%s%s%s", is_other ? error->path : "",
                     is_other ? ": " : "", error->text);
            json_array_append_new(list,
                                  json_pack("{s:o, s:s, s:o}", "path", json_text(record->path),
                                            "since", since, "error", json_text(text)));
        }
    return list;
}

static int
write_json(const struct config *config, json_t *status, struct error *error)
{
    char *text = status != NULL ? document_text(status, JSON_INDENT(2)) : NULL;
    int rc = text != NULL ? state_write(config->state, STATUS_FILE, text, strlen(text), error)
                          : error_set(error, "out of memory");

    free(text);
    json_decref(status);
    return rc;
}

int
status_write(const struct config *config, const struct registry *registry, const struct news *news,
             struct error *error)
{
    json_t *kept, *status;
    char now[DATE_TEXT];
    size_t count;

    date_format(time(NULL), now);
    kept = list_kept(registry, &count);
    status = json_pack("{s:s, s:n, s:n, s:o, s:s, s:I, s:I, s:O, s:I, s:o}", "at", now, "failure",
                       "waiting", "data", json_text(config->data), "version", registry->version,
                       "errors", (json_int_t)news->report.counts[FINDING_ERROR], "warnings",
                       (json_int_t)news->report.counts[FINDING_WARNING], "findings", news->findings,
                       "kept_back", (json_int_t)count, "kept", kept);
    if (news->is_unsaved && json_object_set_new(status, "unsaved", json_true()) != 0) {
        json_decref(status);
        status = NULL;
    }
    return write_json(config, status, error);
}

void
status_write_reason(const struct config *config, const char *failure, const char *waiting,
                    const struct news *news)
{
    json_t *status = status_read(config);
    char now[DATE_TEXT];
    struct error ignored;

    date_format(time(NULL), now);
    if (status == NULL)
        status = json_pack("{s:o, s:i, s:i, s:[], s:i, s:[]}", "data", json_text(config->data),
                           "errors", 0, "warnings", 0, "findings", "kept_back", 0, "kept");
    json_object_set_new(status, "at", json_string(now));
    json_object_set_new(status, "failure", failure != NULL ? json_string(failure) : json_null());
    json_object_set_new(status, "waiting", waiting != NULL ? json_string(waiting) : json_null());
    if (json_array_size(news->findings) > 0) {
        json_object_set(status, "findings", news->findings);
        json_object_set_new(status, "errors",
                            json_integer((json_int_t)news->report.counts[FINDING_ERROR]));
        json_object_set_new(status, "warnings",
                            json_integer((json_int_t)news->report.counts[FINDING_WARNING]));
    }
    /* A failure to write it has been a failure to write before. */
    (void)write_json(config, status, &ignored);
}

json_t *
status_read(const struct config *config)
{
    char path[PATH_MAX];
    struct error ignored;
    json_t *status;

    if (state_path(config->state, STATUS_FILE, path, sizeof(path), &ignored) != 0)
        return NULL;
    status = json_load_file(path, 0, NULL);
    if (json_is_object(status))
        return status;
    json_decref(status);
    return NULL;
}
