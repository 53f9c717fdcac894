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
#include "document.h"
#include "file.h"
#include "origin.h"
#include "pass_status.h"
#include "snapshot.h"
#include "state.h"
#include "status_parts.h"
#include "usage.h"

static const char help[] =
    "usage: signpost status [-c FILE] [--json]\n"
    "\n"
    "Says which snapshot is in service, what it holds, what the last compile found and\n"
    "which records it kept back, what is not committed yet, what is known of nodes,\n"
    "which are drained, and what is wrong with the usage file.\n"
    "\n"
    "  -c FILE   settings\n"
    "  --json    for programs\n"
    "\n"
    "Exit status: 0 a snapshot is in service and nothing is wrong, 1 it is in service\n"
    "but the last compile failed or found errors, or a file of usage, health or drained\n"
    "nodes is wrong or too old, or one of health is missing, 2 none is in service.\n";

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
add_last_compile(json_t *out, const struct config *config)
{
    json_t *status = status_read(config);
    bool good;

    if (status == NULL)
        return true;
    good = json_is_null(json_object_get(status, "failure")) &&
           json_integer_value(json_object_get(status, "errors")) == 0;
    json_object_set_new(out, "last_compile", status);
    return good;
}

/* Adds "source": what lies in the registry but is not served. */
static void
add_source(json_t *out, const struct config *config)
{
    struct origin origin;
    char example[PATH_MAX] = "", mark[VERSION_MAX];
    struct error error;
    json_t *source;
    size_t count;

    if (config->data == NULL)
        return;
    if (origin_open(&origin, config->data, config->source, &error) != 0) {
        json_object_set_new(out, "source", json_pack("{s:s}", "problem", error.text));
        return;
    }
    source = json_pack("{s:s}", "kind", origin.is_git ? "git" : "files");
    json_object_set_new(out, "source", source);
    if (!origin.is_git)
        return;
    if (origin_look(&origin, mark, &error) == ORIGIN_SEEN)
        json_object_set_new(source, "head", json_string(mark));
    else
        json_object_set_new(source, "problem", json_string(error.text));
    if (origin_uncommitted(&origin, &count, example, sizeof(example), &error) != 0) {
        json_object_set_new(source, "problem", json_string(error.text));
        return;
    }
    json_object_set_new(source, "uncommitted", json_integer((json_int_t)count));
    if (count > 0)
        json_object_set_new(source, "example", json_text(example));
}

/* Adds "usage" where its file is wrong; returns whether it is not. */
static bool
add_usage(json_t *out, const char *state)
{
    char path[PATH_MAX], text[PATH_MAX + sizeof(((struct error *)NULL)->text)];
    struct error error;

    if (snprintf(path, sizeof(path), "%s/" USAGE_FILE, state) >= (int)sizeof(path) ||
        usage_check(path, &error) == 0)
        return true;
    error_string(&error, path, text, sizeof(text));
    json_object_set_new(out, "usage", json_pack("{s:s}", "problem", text));
    return false;
}

static const char *
text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static long long
number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void
print_snapshot(const json_t *snapshot)
{
    if (text_of(snapshot, "problem") != NULL) {
        printf("snapshot      none in service: %s\n"
               "              (`signpost compile` makes one)\n",
               text_of(snapshot, "problem"));
        return;
    }
    printf("snapshot      %s (format %lld, %lld bytes)\n"
           "compiled      %s from version %s\n"
           "serves        %lld devices of %lld users by %lld endpoints in %lld sets\n",
           text_of(snapshot, "path"), number_of(snapshot, "format"), number_of(snapshot, "bytes"),
           text_of(snapshot, "compiled"), text_of(snapshot, "version"),
           number_of(snapshot, "devices"), number_of(snapshot, "users"),
           number_of(snapshot, "endpoints"), number_of(snapshot, "sets"));
}

static void
print_source(const json_t *source)
{
    const char *head = text_of(source, "head");
    long long uncommitted = number_of(source, "uncommitted");

    if (head != NULL)
        printf("HEAD          %s\n", head);
    if (text_of(source, "problem") != NULL)
        printf("source        %s\n", text_of(source, "problem"));
    if (uncommitted > 0)
        printf("uncommitted   %lld files that are not served before they are committed, like %s\n",
               uncommitted, text_of(source, "example"));
}

static void
print_kept(const json_t *last)
{
    const json_t *kept;
    size_t i;

    if (number_of(last, "kept_back") == 0)
        return;
    printf("kept back     %lld records, served in their last good version\n",
           number_of(last, "kept_back"));
    json_array_foreach (json_object_get(last, "kept"), i, kept)
        printf("  %s since %s: %s\n", text_of(kept, "path"), text_of(kept, "since"),
               text_of(kept, "error"));
}

static void
print_findings(const json_t *last)
{
    const json_t *finding;
    struct finding shown;
    size_t i;

    json_array_foreach (json_object_get(last, "findings"), i, finding) {
        const char *level = text_of(finding, "level");

        shown = (struct finding){level != NULL && strcmp(level, "error") == 0 ? FINDING_ERROR
                                                                              : FINDING_WARNING,
                                 text_of(finding, "path"), (unsigned)number_of(finding, "line"),
                                 (unsigned)number_of(finding, "column"), text_of(finding, "text")};
        if (shown.path == NULL || shown.text == NULL)
            continue;
        fputs("  ", stdout);
        print_finding(stdout, &shown);
    }
}

static void
print_text(const json_t *out)
{
    const json_t *last = json_object_get(out, "last_compile");
    const char *usage = text_of(json_object_get(out, "usage"), "problem");
    const char *failure = text_of(last, "failure"), *waiting = text_of(last, "waiting");

    print_snapshot(json_object_get(out, "snapshot"));
    print_source(json_object_get(out, "source"));
    if (usage != NULL)
        printf("usage         %s\n"
               "              (until it is mended, some users' traffic is told as 0)\n",
               usage);
    status_print_health(out);
    if (last == NULL)
        return;
    printf("last compile  %s: %s, %lld errors, %lld warnings\n", text_of(last, "at"),
           failure != NULL   ? "failed"
           : waiting != NULL ? "waiting"
                             : "done",
           number_of(last, "errors"), number_of(last, "warnings"));
    if (failure != NULL || waiting != NULL)
        printf("  %s\n", failure != NULL ? failure : waiting);
    print_findings(last);
    print_kept(last);
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
    good = add_last_compile(out, config);
    good = add_usage(out, config->state) && good;
    good = status_add_health(out, config) && good;
    add_source(out, config);
    if (as_json) {
        text = document_text(out, JSON_INDENT(2));
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
