#include "pass.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cli.h"
#include "date.h"
#include "state.h"

/* Keeps findings for status.json and hands them on. */
struct keeper {
    struct report *next;
    json_t *findings;
};

static void
keep(void *context, const struct finding *finding)
{
    struct keeper *keeper = context;

    report_add_at(keeper->next, finding->level, finding->path, finding->line, finding->column,
                  finding->text);
    if (finding->level == FINDING_NOTICE || json_array_size(keeper->findings) >= STATUS_FINDINGS)
        return;
    json_array_append_new(keeper->findings,
                          json_pack("{s:s, s:s, s:i, s:i, s:s}", "level",
                                    level_name(finding->level), "path", finding->path, "line",
                                    (int)finding->line, "column", (int)finding->column, "text",
                                    finding->text));
}

static int
build(const struct config *config, struct report *report, char *version,
      struct compile_result *result, struct error *error)
{
    struct registry registry;
    char path[PATH_MAX];
    int rc;

    if (state_snapshot_path(config->state, path, sizeof(path), error) != 0)
        return -1;
    registry_init(&registry);
    rc = registry_load(&registry, config->data, report, error);
    if (rc == 0) {
        registry_cross_check(&registry, report);
        rc = compile_snapshot(&registry, &config->policy, path, report, result, error);
        memcpy(version, registry.version, VERSION_MAX);
    }
    registry_release(&registry);
    return rc;
}

static void
write_status(const struct config *config, const struct report *report, const char *failure,
             json_t *findings)
{
    char now[DATE_TEXT], *text = NULL;
    struct error ignored;
    json_t *status;

    date_format(time(NULL), now);
    status = json_pack("{s:s, s:s?, s:s, s:I, s:I, s:O}", "at", now, "failure", failure, "data",
                       config->data, "errors", (json_int_t)report->counts[FINDING_ERROR],
                       "warnings", (json_int_t)report->counts[FINDING_WARNING], "findings",
                       findings);
    if (status != NULL)
        text = json_dumps(status, JSON_INDENT(2));
    /* Nothing depends on this file; a failure to write it has been a failure to write before. */
    if (text != NULL)
        (void)state_write(config->state, STATUS_FILE, text, strlen(text), &ignored);
    free(text);
    json_decref(status);
}

int
pass_run(const struct config *config, struct report *report, char *version,
         struct compile_result *result, struct error *error)
{
    struct keeper keeper = {report, json_array()};
    struct report counting = {keep, &keeper, {0}};
    int rc;

    rc = build(config, &counting, version, result, error);
    write_status(config, &counting, rc == 0 ? NULL : error->text, keeper.findings);
    json_decref(keeper.findings);
    return rc;
}
