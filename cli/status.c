/* signpost status: what is in service, and what the last compile had to say. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "buf.h"
#include "cli.h"
#include "date.h"
#include "file.h"
#include "pass.h"
#include "snapshot.h"
#include "state.h"

static const char help[] =
    "usage: signpost status [-c FILE] [--json]\n"
    "\n"
    "Says which snapshot is in service, what it holds, and what the last compile\n"
    "found.\n"
    "\n"
    "  -c FILE   settings\n"
    "  --json    for programs\n"
    "\n"
    "Exit status: 0 a snapshot is in service and the last compile found no error, 1 it\n"
    "is in service but the last compile failed or found errors, 2 none is in service.\n";

static json_t *
read_meta(struct snapshot *snapshot)
{
    const char *text;
    size_t len;

    if (snapshot_get_meta(snapshot, &text, &len) != 1)
        return NULL;
    return json_loadb(text, len, 0, NULL);
}

/* Adds "snapshot"; returns whether one is in service. */
static bool
add_snapshot(json_t *out, const char *state)
{
    struct snapshot snapshot;
    char path[PATH_MAX], compiled[DATE_TEXT];
    struct error error;
    json_t *meta;

    snapshot_init(&snapshot);
    if (state_snapshot_path(state, path, sizeof(path), &error) != 0 ||
        snapshot_open(&snapshot, path, &error) != 0) {
        json_object_set_new(out, "snapshot", json_pack("{s:s}", "problem", error.text));
        return false;
    }
    meta = read_meta(&snapshot);
    if (meta == NULL)
        meta = json_pack("{s:s}", "problem", "damaged");
    date_format(snapshot.st.st_mtim.tv_sec, compiled);
    json_object_set_new(meta, "path", json_string(path));
    json_object_set_new(meta, "format", json_integer(SNAPSHOT_FORMAT));
    json_object_set_new(meta, "compiled", json_string(compiled));
    json_object_set_new(meta, "bytes", json_integer(snapshot.st.st_size));
    json_object_set_new(out, "snapshot", meta);
    snapshot_close(&snapshot);
    return json_object_get(meta, "problem") == NULL;
}

/* Adds "last_compile" from status.json; returns whether it says that all was well. */
static bool
add_last_compile(json_t *out, const char *state)
{
    char path[PATH_MAX];
    struct error error;
    json_t *status;
    bool good;

    if (state_path(state, STATUS_FILE, path, sizeof(path), &error) != 0 ||
        (status = json_load_file(path, 0, NULL)) == NULL)
        return true;
    good = json_is_null(json_object_get(status, "failure")) &&
           json_integer_value(json_object_get(status, "errors")) == 0;
    json_object_set_new(out, "last_compile", status);
    return good;
}

static void
print_text(const json_t *out)
{
    const json_t *snapshot = json_object_get(out, "snapshot");
    const json_t *last = json_object_get(out, "last_compile"), *finding;
    const json_t *problem = json_object_get(snapshot, "problem");
    const char *failure = json_string_value(json_object_get(last, "failure"));
    struct finding shown;
    size_t i;

    if (problem != NULL)
        printf("snapshot      none in service: %s\n"
               "              (`signpost compile` makes one)\n",
               json_string_value(problem));
    else
        printf("snapshot      %s (format %lld, %lld bytes)\n"
               "compiled      %s from version %s\n"
               "serves        %lld devices of %lld users by %lld endpoints in %lld sets\n",
               json_string_value(json_object_get(snapshot, "path")),
               json_integer_value(json_object_get(snapshot, "format")),
               json_integer_value(json_object_get(snapshot, "bytes")),
               json_string_value(json_object_get(snapshot, "compiled")),
               json_string_value(json_object_get(snapshot, "version")),
               json_integer_value(json_object_get(snapshot, "devices")),
               json_integer_value(json_object_get(snapshot, "users")),
               json_integer_value(json_object_get(snapshot, "endpoints")),
               json_integer_value(json_object_get(snapshot, "sets")));
    if (last == NULL)
        return;
    printf("last compile  %s: %s, %lld errors, %lld warnings\n",
           json_string_value(json_object_get(last, "at")), failure != NULL ? "failed" : "done",
           json_integer_value(json_object_get(last, "errors")),
           json_integer_value(json_object_get(last, "warnings")));
    if (failure != NULL)
        printf("  %s\n", failure);
    json_array_foreach (json_object_get(last, "findings"), i, finding) {
        const char *level = json_string_value(json_object_get(finding, "level"));

        shown = (struct finding){level != NULL && strcmp(level, "error") == 0 ? FINDING_ERROR
                                                                              : FINDING_WARNING,
                                 json_string_value(json_object_get(finding, "path")),
                                 (unsigned)json_integer_value(json_object_get(finding, "line")),
                                 (unsigned)json_integer_value(json_object_get(finding, "column")),
                                 json_string_value(json_object_get(finding, "text"))};
        if (shown.path == NULL || shown.text == NULL)
            continue;
        fputs("  ", stdout);
        print_finding(stdout, &shown);
    }
}

static int
run(const struct config *config, bool as_json)
{
    json_t *out = json_pack("{s:s?, s:s?, s:s}", "settings", config->file, "data", config->data,
                            "state", config->state);
    bool in_service, good;
    char *text;

    if (out == NULL)
        return trouble("out of memory");
    in_service = add_snapshot(out, config->state);
    good = add_last_compile(out, config->state);
    if (as_json) {
        text = json_dumps(out, JSON_INDENT(2));
        printf("%s\n", text != NULL ? text : "");
        free(text);
    } else {
        print_text(out);
    }
    json_decref(out);
    return !in_service ? EXIT_TROUBLE : good ? EXIT_OK : EXIT_FOUND;
}

int
status_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct config config;
    const char *file = NULL;
    bool as_json = false;
    int c, rc;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'j':
            as_json = true;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_OK;
        default:
            return usage_trouble("status");
        }
    }
    if (argc != optind)
        return usage_trouble("status");
    if (load_settings(&config, file, NULL) != 0)
        return EXIT_TROUBLE;
    rc = run(&config, as_json);
    config_release(&config);
    return rc;
}
