#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feature.h"
#include "probe_parts.h"

struct probe {
    struct probe *next; /* in the queue */
    const struct client *client;
    struct probe_via via; /* socket NULL: none */
    struct uuid uuid;
    void *cookie;
    bool is_large;
    bool is_second; /* the attempt is at the second target */
    long long end;  /* ms of the monotonic clock: when all of it must be over */
    char first_reason[PROBE_REASON];
    const char *first_hint;
    struct attempt attempt;
};

struct prober {
    struct probe_options options;
    probe_done *done;
    void *context;
    CURLM *multi;
    struct probe *queue, **queue_end;
    struct probe **active;
    size_t active_count;
    size_t count; /* queued and active */
    /* What a step waits for: a place for each that may be active, and for wake_fd. */
    struct curl_waitfd *fds;
    struct attempt **waiting;
};

const char *
probe_unsupported(const struct client *client)
{
    static const enum feature engine[] = {FEATURE_REALITY,    FEATURE_XHTTP, FEATURE_VISION,
                                          FEATURE_ENCRYPTION, FEATURE_ECH,   FEATURE_ECH_DNS};
    const char *const names[] = {client->host, client->authority, client->sni};
    uint32_t features = features_of(client);
    const char *p;
    size_t i;

    for (i = 0; i < sizeof(engine) / sizeof(engine[0]); i++)
        if ((features & FEATURE_BIT(engine[i])) != 0)
            return feature_name(engine[i]);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (p = names[i]; p != NULL && *p != '\0'; p++)
            if ((unsigned char)(*p - '!') > '~' - '!')
                return "a name that fits no HTTP header";
    return NULL;
}

static void
start_attempt(struct prober *prober, struct probe *probe, const struct target *target)
{
    struct attempt *attempt = &probe->attempt;
    /* Kept for the second target. */
    long long rest = prober->options.second.host != NULL && !probe->is_second
                         ? prober->options.timeout_ms / 3
                         : 0;

    attempt_init(attempt, probe->client, &probe->uuid,
                 probe->via.socket != NULL ? &probe->via : NULL, target, &prober->options,
                 probe->end - rest, probe->end);
    if (attempt->outcome != OUTCOME_NONE)
        return;
    if (curl_easy_setopt(attempt->easy, CURLOPT_PRIVATE, probe) != CURLE_OK ||
        curl_multi_add_handle(prober->multi, attempt->easy) != CURLM_OK)
        attempt_end(attempt, OUTCOME_HERE, "out of memory");
}

static void
end_attempt(struct prober *prober, struct attempt *attempt)
{
    if (attempt->easy != NULL)
        curl_multi_remove_handle(prober->multi, attempt->easy);
    attempt_release(attempt);
}

/* Ends a probe; the reason is given in two parts. */
static void
tell(struct prober *prober, struct probe *probe, enum probe_verdict verdict, unsigned ms,
     const char *reason, const char *hint)
{
    struct probe_result result = {.verdict = verdict, .ms = ms};

    snprintf(result.reason, sizeof(result.reason), "%.*s%s",
             (int)(sizeof(result.reason) - 1 - strlen(hint)), reason, hint);
    prober->count--;
    prober->done(prober->context, probe->cookie, &result);
    free(probe);
}

/* Whether a failure may be the target's own. */
static bool
may_be_the_target(const struct prober *prober, const struct probe *probe)
{
    if (prober->options.second.host == NULL || probe->is_second)
        return false;
    return probe->attempt.outcome == OUTCOME_BEYOND ||
           (probe->client == NULL && probe->via.socket == NULL &&
            probe->attempt.outcome == OUTCOME_WAY);
}

/* What comes after an attempt: the next one, or the verdict. Returns whether the probe is over. */
static bool
conclude(struct prober *prober, struct probe *probe)
{
    static const enum probe_verdict verdicts[] = {
        [OUTCOME_RIGHT] = PROBE_ALIVE,
        [OUTCOME_WAY] = PROBE_FAILED,
        [OUTCOME_BEYOND] = PROBE_FAILED,
        [OUTCOME_HERE] = PROBE_UNKNOWN,
    };
    struct attempt *attempt = &probe->attempt;
    enum outcome outcome = attempt->outcome;

    end_attempt(prober, attempt);
    if (may_be_the_target(prober, probe)) {
        memcpy(probe->first_reason, attempt->reason, sizeof(probe->first_reason));
        probe->first_hint = attempt->hint;
        probe->is_second = true;
        start_attempt(prober, probe, &prober->options.second);
        return false;
    }
    if (!probe->is_second)
        tell(prober, probe, verdicts[outcome], attempt->ms, attempt->reason, attempt->hint);
    else if (outcome == OUTCOME_RIGHT)
        tell(prober, probe, PROBE_TARGET_DOWN, attempt->ms, probe->first_reason, "");
    else
        tell(prober, probe, verdicts[outcome], 0, probe->first_reason, probe->first_hint);
    return true;
}

static void
conclude_all(struct prober *prober)
{
    size_t i = 0;

    while (i < prober->active_count) {
        struct probe *probe = prober->active[i];

        if (probe->attempt.outcome == OUTCOME_NONE) {
            i++;
            continue;
        }
        /* Before done is called: it may look at us. A second attempt goes back in. */
        prober->active[i] = prober->active[--prober->active_count];
        if (!conclude(prober, probe))
            prober->active[prober->active_count++] = probe;
    }
}

static void
start_queued(struct prober *prober)
{
    while (prober->queue != NULL && prober->active_count < prober->options.at_once) {
        struct probe *probe = prober->queue;
        const char *unsupported = probe->client != NULL ? probe_unsupported(probe->client) : NULL;

        prober->queue = probe->next;
        if (prober->queue == NULL)
            prober->queue_end = &prober->queue;
        if (unsupported != NULL) {
            tell(prober, probe, PROBE_UNSUPPORTED, 0, unsupported, "");
            continue;
        }
        prober->active[prober->active_count++] = probe;
        probe->end = attempt_now() + prober->options.timeout_ms;
        start_attempt(prober, probe,
                      probe->is_large ? &prober->options.large : &prober->options.target);
    }
}

void
prober_free(struct prober *prober)
{
    struct probe *probe;

    if (prober == NULL)
        return;
    while (prober->active_count > 0) {
        probe = prober->active[--prober->active_count];
        end_attempt(prober, &probe->attempt);
        free(probe);
    }
    while ((probe = prober->queue) != NULL) {
        prober->queue = probe->next;
        free(probe);
    }
    free(prober->active);
    free(prober->fds);
    free(prober->waiting);
    curl_multi_cleanup(prober->multi);
    curl_global_cleanup();
    free(prober);
}

struct prober *
prober_new(const struct probe_options *options, probe_done *done, void *context,
           struct error *error)
{
    struct prober *prober = calloc(1, sizeof(*prober));
    size_t places;

    if (prober == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(prober);
        error_set(error, "out of memory");
        return NULL;
    }
    prober->options = *options;
    if (prober->options.timeout_ms == 0)
        prober->options.timeout_ms = PROBE_TIMEOUT_MS;
    if (prober->options.at_once == 0)
        prober->options.at_once = PROBE_AT_ONCE;
    prober->done = done;
    prober->context = context;
    prober->queue_end = &prober->queue;
    prober->active_count = 0;
    prober->multi = curl_multi_init();
    places = (size_t)prober->options.at_once + 1;
    prober->active = calloc(places, sizeof(struct probe *));
    prober->fds = calloc(places, sizeof(struct curl_waitfd));
    prober->waiting = calloc(places, sizeof(struct attempt *));
    if (prober->multi == NULL || prober->active == NULL || prober->fds == NULL ||
        prober->waiting == NULL) {
        prober_free(prober);
        error_set(error, "out of memory");
        return NULL;
    }
    return prober;
}

/* Queues a probe. Returns it, or NULL with error filled. */
static struct probe *
queue(struct prober *prober, bool is_large, void *cookie, struct error *error)
{
    struct probe *probe = calloc(1, sizeof(*probe));

    if (probe == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    probe->is_large = is_large && prober->options.large.host != NULL;
    probe->cookie = cookie;
    *prober->queue_end = probe;
    prober->queue_end = &probe->next;
    prober->count++;
    return probe;
}

int
prober_start(struct prober *prober, const struct client *client, const struct uuid *uuid,
             bool is_large, void *cookie, struct error *error)
{
    struct probe *probe = queue(prober, is_large, cookie, error);

    if (probe == NULL)
        return -1;
    probe->client = client;
    if (uuid != NULL)
        probe->uuid = *uuid;
    return 0;
}

int
prober_start_via(struct prober *prober, const struct probe_via *via, bool is_large, void *cookie,
                 struct error *error)
{
    struct probe *probe = queue(prober, is_large, cookie, error);

    if (probe == NULL)
        return -1;
    probe->via = *via;
    return 0;
}

size_t
prober_count(const struct prober *prober)
{
    return prober->count;
}

/* The wait as limited by the next deadline. */
static int
wait_limit(const struct prober *prober, unsigned wait_ms)
{
    long long now = attempt_now(), limit = wait_ms;
    size_t i;

    for (i = 0; i < prober->active_count; i++)
        if (prober->active[i]->attempt.deadline - now < limit)
            limit = prober->active[i]->attempt.deadline - now;
    return limit < 0 ? 0 : (int)limit;
}

/* Waits, and lets the streams go on whose sockets are ready. Those of libcurl's it minds itself. */
static int
wait_for_streams(struct prober *prober, unsigned wait_ms, struct error *error)
{
    unsigned count = 0, streams;
    CURLMcode code;
    size_t i;

    for (i = 0; i < prober->active_count; i++) {
        prober->waiting[count] = &prober->active[i]->attempt;
        prober->fds[count] = stream_wants(prober->waiting[count]);
        if (prober->fds[count].fd != CURL_SOCKET_BAD)
            count++;
    }
    streams = count;
    if (prober->options.wake_fd >= 0)
        prober->fds[count++] = (struct curl_waitfd){.fd = prober->options.wake_fd,
                                                    .events = CURL_WAIT_POLLIN};
    code = curl_multi_poll(prober->multi, prober->fds, count, wait_limit(prober, wait_ms), NULL);
    if (code != CURLM_OK)
        return error_set(error, "%s", curl_multi_strerror(code));
    for (i = 0; i < streams; i++)
        if (prober->fds[i].revents != 0)
            stream_step(prober->waiting[i]);
    return 0;
}

static void
take_messages(struct prober *prober)
{
    struct CURLMsg *message;
    struct probe *probe;
    int left;

    while ((message = curl_multi_info_read(prober->multi, &left)) != NULL) {
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &probe) != CURLE_OK)
            continue;
        if (code == CURLE_OK)
            stream_connected(&probe->attempt);
        else
            attempt_end_by_curl(&probe->attempt, code);
    }
}

static void
end_late_ones(struct prober *prober)
{
    long long now = attempt_now();
    size_t i;

    for (i = 0; i < prober->active_count; i++)
        if (prober->active[i]->attempt.deadline <= now)
            attempt_end_by_timeout(&prober->active[i]->attempt);
}

int
prober_step(struct prober *prober, unsigned wait_ms, struct error *error)
{
    CURLMcode code;
    int running;

    start_queued(prober);
    if (wait_for_streams(prober, wait_ms, error) != 0)
        return -1;
    code = curl_multi_perform(prober->multi, &running);
    if (code != CURLM_OK)
        return error_set(error, "%s", curl_multi_strerror(code));
    take_messages(prober);
    end_late_ones(prober);
    conclude_all(prober);
    start_queued(prober);
    return 0;
}
