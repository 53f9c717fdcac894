#include "service.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "log.h"
#include "state.h"

int
service_init(struct service *service, const char *file, struct error *error)
{
    memset(service, 0, sizeof(*service));
    site_init(&service->site, &service->config);
    snapshot_init(&service->snapshot);
    service->looked = -1;
    service->spare = -1;
    if (config_load(&service->config, file, error) != 0)
        return -1;
    if (state_path(service->config.state, USAGE_FILE, service->usage, sizeof(service->usage),
                   error) != 0 ||
        liveness_init(&service->site.liveness, service->config.state, &service->config.health,
                      error) != 0)
        return -1;
    return state_snapshot_path(service->config.state, service->path, sizeof(service->path), error);
}

void
service_release(struct service *service)
{
    if (service->spare >= 0)
        close(service->spare);
    snapshot_close(&service->snapshot);
    site_release(&service->site);
    config_release(&service->config);
}

static void
say_once(struct service *service, const char *problem)
{
    if (service->is_quiet || strcmp(service->said, problem) == 0)
        return;
    snprintf(service->said, sizeof(service->said), "%s", problem);
    if (problem[0] != '\0')
        log_say(LOG_ERR, "%s; %s", problem,
                service->snapshot.is_open ? "the last good snapshot stays in service"
                                          : "every answer is 503 until there is one");
}

/* Opens what is there now. A file that shrinks meanwhile was never one. */
static int
open_fresh(struct service *service, struct snapshot *fresh, bool *is_damaged, struct error *error)
{
    int rc;

    *is_damaged = false;
    rc = snapshot_open(fresh, service->path, error);
    /* Only paths that may name a device would take the time, each table once. */
    if (rc == 0 && service->is_to_stay)
        *is_damaged = snapshot_check_tables(fresh) != 0;
    if (fault_happened() && rc == 0) {
        snapshot_close(fresh);
        rc = error_set(error, "%s: truncated while it is read", service->path);
    }
    return rc;
}

/* Whether the open snapshot's own file was written to, so that there is no last good one. */
static bool
is_spoiled(const struct service *service)
{
    const struct stat *was = &service->snapshot.st;
    struct stat st;

    return service->snapshot.is_open && stat(service->path, &st) == 0 && st.st_dev == was->st_dev &&
           st.st_ino == was->st_ino;
}

static void
say_damaged(struct service *service)
{
    service->said_damaged = true;
    service->wants_rebuild = true;
    log_say(LOG_ERR,
            "%s: damaged (a checksum is wrong); some answers are 503 until it is "
            "compiled again",
            service->path);
}

static void
drop(struct service *service)
{
    snapshot_close(&service->snapshot);
    service->site.snapshot = NULL;
}

static void
look(struct service *service)
{
    struct snapshot fresh;
    struct error error;
    bool is_damaged;

    usage_look(&service->site.usage, service->usage);
    liveness_look(&service->site.liveness);
    if (!snapshot_is_stale(&service->snapshot, service->path)) {
        say_once(service, "");
        return;
    }
    if (open_fresh(service, &fresh, &is_damaged, &error) != 0) {
        if (is_spoiled(service))
            drop(service);
        say_once(service, error.text);
        return;
    }
    snapshot_close(&service->snapshot);
    service->snapshot = fresh;
    service->site.snapshot = &service->snapshot;
    service->said_damaged = false;
    say_once(service, "");
    if (is_damaged)
        say_damaged(service);
}

void
service_look(struct service *service, int64_t now_ms)
{
    if (service->looked >= 0 && now_ms - service->looked < SERVICE_LOOK_MS)
        return;
    service->looked = now_ms;
    /* All other descriptors may be in use by connections. */
    if (service->spare >= 0)
        close(service->spare);
    look(service);
    service->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

size_t
service_readable(const struct service *service, char paths[SERVICE_READABLE_MAX][PATH_MAX])
{
    const struct health_settings *health = &service->config.health;
    size_t count = 0, i;

    snprintf(paths[count++], PATH_MAX, "%s", service->config.state);
    snprintf(paths[count++], PATH_MAX, "/dev/null"); /* service->spare */
    for (i = 0; i < health->vantage_count && count < SERVICE_READABLE_MAX; i++) {
        const char *file = health->vantages[i].file, *slash = strrchr(file, '/');

        if (slash == NULL)
            snprintf(paths[count++], PATH_MAX, ".");
        else
            snprintf(paths[count++], PATH_MAX, "%.*s", slash > file ? (int)(slash - file) : 1,
                     file);
    }
    return count;
}

static int64_t
monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/*
 * A path that names no device takes less than an expired device does, and may not show it. The loop
 * looks at the clock each 40 ns or so, in step with the work before it: without up to 1 us more, by
 * chance, that step would show.
 */
static void
wait_until(int64_t due)
{
    static uint64_t chance = 0x9e3779b97f4a7c15;

    chance ^= (uint64_t)due;
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    due += (int64_t)(chance >> 54);
    while (monotonic_ns() < due)
        ;
}

void
service_answer(struct service *service, const struct request *request, struct buf *out)
{
    int64_t now = (int64_t)time(NULL), began = monotonic_ns();
    struct response response;

    if (request->path == NULL && !service->said_no_path) {
        service->said_no_path = true;
        log_say(LOG_WARNING, "the web server sends no PATH_INFO; every answer is 404 without it "
                             "(see the configuration files that come with Signpost)");
    }
    respond(request, &service->site, now, &response);
    if (fault_happened() || response.is_torn) {
        drop(service);
        respond(request, &service->site, now, &response);
        response.is_damaged = true;
    }
    if (response.is_damaged && !service->said_damaged)
        say_damaged(service);
    /* Who is not in it cannot be told then, and no path may show what it would have been. */
    if (service->said_damaged && response.status == 404)
        response.status = 503;
    response_put(out, &response);
    if (response.status == 404)
        wait_until(began + SERVICE_MISS_NS);
}
