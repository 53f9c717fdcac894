#include "service.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "state.h"

int
service_init(struct service *service, const char *file, struct error *error)
{
    memset(service, 0, sizeof(*service));
    site_init(&service->site);
    snapshot_init(&service->snapshot);
    service->looked = -1;
    if (config_load(&service->config, file, error) != 0)
        return -1;
    return state_snapshot_path(service->config.state, service->path, sizeof(service->path), error);
}

void
service_release(struct service *service)
{
    snapshot_close(&service->snapshot);
    site_release(&service->site);
    config_release(&service->config);
}

static void
say_once(struct service *service, const char *problem)
{
    if (strcmp(service->said, problem) == 0)
        return;
    snprintf(service->said, sizeof(service->said), "%s", problem);
    if (problem[0] != '\0')
        log_say(LOG_ERR, "%s; %s", problem,
                service->snapshot.is_open ? "the last good snapshot stays in service"
                                          : "every answer is 503 until there is one");
}

void
service_look(struct service *service, int64_t now_ms)
{
    struct snapshot fresh;
    struct error error;

    if (service->looked >= 0 && now_ms - service->looked < SERVICE_LOOK_MS)
        return;
    service->looked = now_ms;
    if (!snapshot_is_stale(&service->snapshot, service->path))
        return;
    if (snapshot_open(&fresh, service->path, &error) != 0) {
        say_once(service, error.text);
        return;
    }
    snapshot_close(&service->snapshot);
    service->snapshot = fresh;
    service->site.snapshot = &service->snapshot;
    service->said_damaged = false;
    say_once(service, "");
}

void
service_answer(struct service *service, const struct request *request, struct buf *out)
{
    struct response response;

    if (request->path == NULL && !service->said_no_path) {
        service->said_no_path = true;
        log_say(LOG_WARNING, "the web server sends no PATH_INFO; every answer is 404 without it "
                             "(see the configuration files that come with Signpost)");
    }
    respond(request, &service->site, (int64_t)time(NULL), &response);
    if (response.is_damaged && !service->said_damaged) {
        service->said_damaged = true;
        log_say(LOG_ERR,
                "%s: damaged (a checksum is wrong); some answers are 503 until it is "
                "compiled again",
                service->path);
    }
    response_put(out, &response);
}
