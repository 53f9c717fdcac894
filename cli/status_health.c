/* signpost status: what is known of nodes. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "date.h"
#include "drained.h"
#include "liveness.h"
#include "state.h"
#include "status_parts.h"

enum { SHOWN_MAX = 100 }; /* nodes that are not well, of each vantage */

static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static json_t *
date_or_null(int64_t when)
{
    char text[DATE_TEXT];

    if (when == 0)
        return json_null();
    date_format(when, text);
    return json_string(text);
}

/* How many nodes are what, and who has found that the living live. */
static void
add_counts(json_t *vantage, const struct health_report *report)
{
    size_t counts[HEALTH_BLOCKED + 1] = {0}, alive[HEALTH_ENGINE + 1] = {0}, i;
    json_t *nodes = json_object(), *alive_by = json_object();

    for (i = 0; i < report->count; i++) {
        counts[report->entries[i].state]++;
        if (report->entries[i].state == HEALTH_ALIVE)
            alive[report->entries[i].spoke]++;
    }
    for (i = 0; i <= HEALTH_BLOCKED; i++)
        json_object_set_new(nodes, health_state_word((enum health_state)i),
                            json_integer((json_int_t)counts[i]));
    for (i = 0; i <= HEALTH_ENGINE; i++)
        json_object_set_new(alive_by, health_speaker_word((enum health_speaker)i),
                            json_integer((json_int_t)alive[i]));
    json_object_set_new(vantage, "nodes", nodes);
    json_object_set_new(vantage, "alive_by", alive_by);
}

static void
add_unwell(json_t *vantage, const struct health_report *report)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < report->count && json_array_size(array) < SHOWN_MAX; i++) {
        const struct health_entry *entry = &report->entries[i];

        if (entry->state == HEALTH_ALIVE && strcmp(entry->reason, HEALTH_LETS_ANYBODY) != 0)
            continue;
        json_array_append_new(
            array, json_pack("{s:s, s:s, s:o, s:o, s:s, s:s}", "node", entry->name, "state",
                             health_state_word(entry->state), "since", date_or_null(entry->since),
                             "last_success", date_or_null(entry->last_success), "spoke",
                             health_speaker_word(entry->spoke), "reason", entry->reason));
    }
    json_object_set_new(vantage, "unwell", array);
}

/* A vantage's file as it lies there; returns whether it is a good one. */
static bool
add_vantage(json_t *list, const char *path, bool is_inside)
{
    char text[PATH_MAX + sizeof(((struct error *)NULL)->text)];
    struct health_report report;
    struct error error = {0};
    int64_t now = (int64_t)time(NULL);
    json_t *vantage = json_pack("{s:s, s:b}", "path", path, "inside", (int)is_inside);
    bool is_good = health_read_all(&report, path, &error) == 0;

    if (is_good) {
        bool is_fresh = health_head_is_fresh(&report.head, now);

        json_object_set_new(vantage, "vantage", json_string(report.head.vantage));
        json_object_set_new(vantage, "generated", date_or_null(report.head.generated));
        json_object_set_new(vantage, "counts_now", json_boolean(is_fresh));
        add_counts(vantage, &report);
        add_unwell(vantage, &report);
        is_good = is_fresh;
    } else {
        error_string(&error, path, text, sizeof(text));
        json_object_set_new(vantage, "problem", json_text(text));
    }
    health_release_all(&report);
    json_array_append_new(list, vantage);
    return is_good;
}

/* The file of this machine's own; returns whether it is a good one, or none and not wanted. */
static bool
add_own(json_t *list, const char *path, const struct health_settings *health)
{
    bool is_wanted = health->has_uuid && health->target != NULL;
    json_t *problem;

    if (access(path, F_OK) == 0 || errno != ENOENT)
        return add_vantage(list, path, health->is_inside);
    if (is_wanted) {
        problem = json_sprintf("%s: signpost-health has not written it yet", path);
        json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "path", path, "inside",
                                              (int)health->is_inside, "problem", problem));
    }
    return !is_wanted;
}

static bool
add_drained(json_t *out, const char *state)
{
    char path[PATH_MAX], text[PATH_MAX + sizeof(((struct error *)NULL)->text)];
    json_t *list = json_array();
    struct strings nodes;
    struct error error;
    struct pool pool;
    size_t i;
    int rc;

    json_object_set_new(out, "drained", list);
    if (state_path(state, DRAINED_FILE, path, sizeof(path), &error) != 0)
        return true;
    pool_init(&pool);
    rc = drained_read(path, &pool, &nodes, &error);
    for (i = 0; rc == 0 && i < nodes.count; i++)
        json_array_append_new(list, json_string(nodes.items[i]));
    pool_release(&pool);
    if (rc != 0)
        json_object_set_new(out, "drained_problem",
                            json_text(error_string(&error, path, text, sizeof(text))));
    return rc == 0;
}

/* A node as all vantages see it together, and how it stands in one that names it. */
static void
add_together(json_t *together, const struct liveness *liveness, int64_t now,
             const struct health_entry *entry)
{
    enum health_state state = health_combine(liveness->vantages, liveness->count, now, entry->key);
    json_t *counts = json_object_get(together, "nodes");
    json_t *unwell = json_object_get(together, "unwell");
    const char *word = health_state_word(state);

    json_object_set_new(counts, word,
                        json_integer(json_integer_value(json_object_get(counts, word)) + 1));
    if (state != HEALTH_ALIVE && json_array_size(unwell) < SHOWN_MAX)
        json_array_append_new(unwell, json_pack("{s:s, s:s}", "node", entry->name, "state", word));
}

/* Whether a vantage before this one names the node, too. */
static bool
is_named_before(const struct liveness *liveness, size_t vantage, int64_t now, uint64_t key)
{
    size_t i;

    for (i = 0; i < vantage; i++)
        if (health_is_fresh(&liveness->vantages[i].health, now) &&
            health_find(&liveness->vantages[i].health, key) != NULL)
            return true;
    return false;
}

/* What several vantages say together: only then is blocked told apart from dead. */
static void
add_combined(json_t *out, const struct config *config)
{
    int64_t now = (int64_t)time(NULL);
    struct health_report report;
    struct liveness liveness;
    struct error error;
    json_t *together;
    size_t i, n;

    if (liveness_init(&liveness, config->state, &config->health, &error) == 0) {
        together = json_pack("{s:{}, s:[]}", "nodes", "unwell");
        liveness_look(&liveness);
        for (i = 0; i < liveness.count; i++) {
            if (!health_is_fresh(&liveness.vantages[i].health, now))
                continue;
            if (health_read_all(&report, liveness.paths[i], &error) == 0)
                for (n = 0; n < report.count; n++)
                    if (!is_named_before(&liveness, i, now, report.entries[n].key))
                        add_together(together, &liveness, now, &report.entries[n]);
            health_release_all(&report);
        }
        json_object_set_new(out, "health_together", together);
    }
    liveness_release(&liveness);
}

bool
status_add_health(json_t *out, const struct config *config)
{
    json_t *list = json_array();
    char own[PATH_MAX];
    struct error error;
    bool good = true;
    size_t i;

    json_object_set_new(out, "health", list);
    if (state_path(config->state, HEALTH_FILE, own, sizeof(own), &error) == 0)
        good = add_own(list, own, &config->health);
    for (i = 0; i < config->health.vantage_count; i++)
        good = add_vantage(list, config->health.vantages[i].file,
                           config->health.vantages[i].is_inside) &&
               good;
    if (config->health.vantage_count > 0)
        add_combined(out, config);
    return add_drained(out, config->state) && good;
}

static void
print_counts(const json_t *counts)
{
    const char *word;
    json_t *count;

    json_object_foreach ((json_t *)(uintptr_t)counts, word, count)
        if (json_integer_value(count) > 0)
            printf(" %" JSON_INTEGER_FORMAT " %s", json_integer_value(count), word);
}

static void
print_together(const json_t *together)
{
    const json_t *node;
    size_t i;

    if (together == NULL)
        return;
    printf("together     ");
    print_counts(json_object_get(together, "nodes"));
    putchar('\n');
    json_array_foreach (json_object_get(together, "unwell"), i, node)
        printf("  %s %s\n", text_of(node, "node"), text_of(node, "state"));
}

static void
print_vantage(const json_t *vantage)
{
    const json_t *nodes = json_object_get(vantage, "nodes"), *node;
    size_t i;

    if (nodes == NULL) {
        printf("health        %s\n"
               "              (it does not count: every node is served)\n",
               text_of(vantage, "problem"));
        return;
    }
    printf("health        from %s at %s:", text_of(vantage, "vantage"),
           text_of(vantage, "generated"));
    print_counts(nodes);
    if (json_integer_value(json_object_get(nodes, health_state_word(HEALTH_ALIVE))) > 0) {
        fputs(" (alive by", stdout);
        print_counts(json_object_get(vantage, "alive_by"));
        putchar(')');
    }
    printf("%s\n", json_is_true(json_object_get(vantage, "counts_now"))
                       ? ""
                       : "; too old or from the future: it does not count");
    json_array_foreach (json_object_get(vantage, "unwell"), i, node)
        printf("  %s %s since %s%s%s (%s)\n", text_of(node, "node"), text_of(node, "state"),
               text_of(node, "since"), text_of(node, "reason")[0] != '\0' ? ": " : "",
               text_of(node, "reason"), text_of(node, "spoke"));
}

void
status_print_health(const json_t *out)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(out, "health"), i, item)
        print_vantage(item);
    print_together(json_object_get(out, "health_together"));
    json_array_foreach (json_object_get(out, "drained"), i, item)
        printf("%s%s\n", i == 0 ? "drained       " : "              ", json_string_value(item));
    if (json_object_get(out, "drained_problem") != NULL)
        printf("drained       %s\n"
               "              (it does not count: no node is drained)\n",
               text_of(out, "drained_problem"));
}
