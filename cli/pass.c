#include "pass.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
                   json_is_null(json_object_get(status, "waiting")) &&
                   json_object_get(status, "unsaved") == NULL && version != NULL &&
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
    char origin[sizeof(work->origin_name)], version[VERSION_MAX];
    struct error error;

    cache_peek(work->pass->config->state, origin, sizeof(origin), version);
    if (strcmp(origin, work->origin_name) == 0)
        origin_prepare(&work->origin, version, work->mark);
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
save(struct work *work, struct error *error)
{
    struct cache cache = {.origin = work->origin_name};

    news_sort(&work->news);
    cache.said = work->news.said;
    cache.said_count = work->news.said_count;
    return cache_save(work->pass->config->state, &work->fresh, &cache, error);
}

/*
 * Saves what is known in a process of its own, while this one makes the snapshot of it. Returns
 * its id, or 0 when it is to be done later. Which of the two is ready first does not matter: the
 * next pass asks the snapshot what it was made of.
 */
static pid_t
save_meanwhile(struct work *work, struct error *shared)
{
    pid_t pid = shared != MAP_FAILED ? fork() : -1;

    if (pid == 0)
        _exit(save(work, shared) == 0 ? 0 : 1);
    return pid > 0 ? pid : 0;
}

/* Waits for it, and saves again if more has been said since. Returns 0, or -1 with error filled. */
static int
finish_saving(struct work *work, pid_t pid, struct error *shared, size_t said)
{
    int status = -1;

    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid == 0 || said != work->news.said_count)
        return save(work, work->error);
    if (status == 0)
        return 0;
    return error_set(work->error, "%s",
                     WIFEXITED(status) ? shared->text : "saving the cache was interrupted");
}

/* Makes what is to be served of the registry, and remembers it. */
static enum pass_end
publish(struct work *work)
{
    const struct config *config = work->pass->config;
    struct error *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t said = work->news.said_count;
    pid_t saver = save_meanwhile(work, shared);
    bool is_current = compile_is_current(work->snapshot, work->fresh.version, &config->policy,
                                         work->pass->is_deep);
    struct error failure = {.text = ""};
    int rc = 0, saved;

    if (!is_current)
        rc = compile_snapshot(&work->fresh, &config->policy, work->snapshot, &work->news.report,
                              &work->pass->compiled, &failure);
    saved = finish_saving(work, saver, shared, said);
    if (shared != MAP_FAILED)
        munmap(shared, sizeof(*shared));
    if (rc != 0) {
        *work->error = failure;
        return PASS_FAILED;
    }
    /* What is served is new already; that the next pass will know less is another matter. */
    work->news.is_unsaved = saved != 0;
    if (saved != 0)
        report_add(&work->news.report, FINDING_ERROR, config->state, "%s", work->error->text);
    if (status_write(config, &work->fresh, &work->news, work->error) != 0)
        report_add(&work->news.report, FINDING_ERROR, config->state, "%s", work->error->text);
    return is_current ? PASS_UNCHANGED : PASS_COMPILED;
}

static enum pass_end
compile(struct work *work)
{
    load_known(work);
    if (read_registry(work) != 0)
        return PASS_FAILED;
    registry_report(&work->fresh, &work->news.report);
    if (registry_cross_check(&work->fresh, &work->news.report) != 0) {
        error_set(work->error, "out of memory");
        return PASS_FAILED;
    }
    return publish(work);
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
    origin_close(&work.origin);
    pass->end = end;
    return end;
}
