#include "pass.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include "cache.h"
#include "origin.h"
#include "pass_status.h"
#include "state.h"

/* Everything that a pass has in hand. */
struct work {
    struct pass *pass;
    struct origin origin;
    char origin_name[2 * PATH_MAX + 16];
    char mark[VERSION_MAX];
    char snapshot[PATH_MAX];
    struct registry known, fresh;
    struct cache cache;
    struct news news;
    struct error *error;
};

/* What the status says about the last compile, for one that has nothing to do. */
static bool
take_last_counts(struct pass *pass)
{
    json_t *status = status_read(pass->config);
    const char *version = json_string_value(json_object_get(status, "version"));
    bool is_good = status != NULL && json_is_null(json_object_get(status, "failure")) &&
                   json_is_null(json_object_get(status, "waiting")) && version != NULL &&
                   strcmp(version, pass->version) == 0;

    if (is_good)
        pass->counts[FINDING_ERROR] = (size_t)json_integer_value(json_object_get(status, "errors"));
    if (is_good)
        pass->counts[FINDING_WARNING] = (size_t)json_integer_value(
            json_object_get(status, "warnings"));
    json_decref(status);
    return is_good;
}

/* Loads what is known from before; it is no trouble if there is nothing. */
static void
load_known(struct work *work)
{
    struct error error;

    if (cache_load(work->pass->config->state, &work->known, &work->cache, &error) != 0) {
        if (error.text[0] != '\0')
            report_add(work->news.next, FINDING_WARNING, CACHE_FILE,
                       "%s: everything is read anew, and what cannot be read has no last good "
                       "version",
                       error.text);
        return;
    }
    if (strcmp(work->cache.origin, work->origin_name) == 0)
        return;
    registry_release(&work->known);
    memset(&work->cache, 0, sizeof(work->cache));
}

/* Whether the last pass failed in the same way. */
static bool
is_told(const struct work *work)
{
    json_t *status = status_read(work->pass->config);
    const char *failure = json_string_value(json_object_get(status, "failure"));
    bool is_same = failure != NULL && strcmp(failure, work->error->text) == 0;

    json_decref(status);
    return is_same;
}

/* Brings the registry up to date in fresh. */
static int
read_registry(struct work *work)
{
    const struct pass *pass = work->pass;
    struct merge merge = {.now = (int64_t)time(NULL),
                          .max_shrink = pass->is_forced ? 100 : pass->config->max_shrink};

    int rc;

    if (origin_read(&work->origin, work->mark, &work->known, &work->fresh, &merge.is_whole,
                    work->error) != 0)
        return -1;
    work->news.is_held = true;
    rc = registry_merge(&work->fresh, &work->known, &merge, &work->news.report, work->error);
    work->news.is_held = false;
    if (rc != 0 && !is_told(work))
        news_tell(&work->news);
    if (rc != 0)
        return -1;
    origin_version(&work->origin, work->mark, &work->fresh);
    memcpy(work->pass->version, work->fresh.version, VERSION_MAX);
    return 0;
}

static int
save(struct work *work)
{
    struct cache cache = {.origin = work->origin_name};

    news_sort(&work->news);
    cache.said = work->news.said;
    cache.said_count = work->news.said_count;
    return cache_save(work->pass->config->state, &work->fresh, &cache, work->error);
}

static enum pass_end
compile(struct work *work)
{
    const struct config *config = work->pass->config;
    bool is_current;

    load_known(work);
    if (read_registry(work) != 0)
        return PASS_FAILED;
    registry_report(&work->fresh, &work->news.report);
    if (registry_cross_check(&work->fresh, &work->news.report) != 0) {
        error_set(work->error, "out of memory");
        return PASS_FAILED;
    }
    is_current = compile_is_current(work->snapshot, work->fresh.version, &config->policy,
                                    work->pass->is_deep);
    if (!is_current &&
        compile_snapshot(&work->fresh, &config->policy, work->snapshot, &work->news.report,
                         &work->pass->compiled, work->error) != 0)
        return PASS_FAILED;
    /* What is served is new already; that the next pass will know less is another matter. */
    if (save(work) != 0)
        report_add(&work->news.report, FINDING_ERROR, config->state, "%s", work->error->text);
    if (status_write(config, &work->fresh, &work->news, work->error) != 0)
        report_add(&work->news.report, FINDING_ERROR, config->state, "%s", work->error->text);
    return is_current ? PASS_UNCHANGED : PASS_COMPILED;
}

static enum pass_end
run(struct work *work)
{
    const struct config *config = work->pass->config;

    if (state_snapshot_path(config->state, work->snapshot, sizeof(work->snapshot), work->error) !=
            0 ||
        origin_open(&work->origin, config->data, config->source, work->error) != 0)
        return PASS_FAILED;
    origin_name(&work->origin, work->origin_name, sizeof(work->origin_name));
    /* Files are looked at once, when they are read. */
    if (work->origin.is_git) {
        switch (origin_look(&work->origin, work->mark, work->error)) {
        case ORIGIN_ERROR:
            return PASS_FAILED;
        case ORIGIN_BUSY:
            return PASS_WAITING;
        case ORIGIN_SEEN:
            break;
        }
        memcpy(work->pass->version, work->mark, VERSION_MAX);
        if (compile_is_current(work->snapshot, work->mark, &config->policy, work->pass->is_deep) &&
            take_last_counts(work->pass))
            return PASS_UNCHANGED;
    }
    return compile(work);
}

enum pass_end
pass_run(struct pass *pass, struct error *error)
{
    struct work work = {.pass = pass, .error = error};
    enum pass_end end;

    registry_init(&work.known);
    registry_init(&work.fresh);
    news_init(&work.news, pass->report, &work.cache);
    state_tidy(pass->config->state);
    end = run(&work);
    if (end == PASS_FAILED)
        status_write_reason(pass->config, error->text, NULL, &work.news);
    else if (end == PASS_WAITING)
        status_write_reason(pass->config, NULL, error->text, &work.news);
    if (work.news.report.counts[FINDING_ERROR] + work.news.report.counts[FINDING_WARNING] > 0 ||
        end == PASS_COMPILED)
        memcpy(pass->counts, work.news.report.counts, sizeof(pass->counts));
    news_release(&work.news);
    registry_release(&work.known);
    registry_release(&work.fresh);
    pass->end = end;
    return end;
}
