#include "daemon.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "fleet.h"
#include "options.h"
#include "probe.h"
#include "snapshot.h"
#include "state.h"

enum {
    LOOK_MS = 1000,
    STARTING_MS = 10,
    WRITE_MS = 1000,   /* between two state files: each has a second of its own for a sequence */
    UNANSWERED_MAX = 3 /* probes in a row that the engine leaves lying */
};

struct daemon {
    const struct config *config;
    struct snapshot snapshot;
    struct fleet fleet;
    struct prober *prober;
    struct engine engine; /* unused without the setting */
    size_t carried;       /* probes by the engine that are under way */
    bool is_worn;         /* the engine keeps connections that probes have made */
    unsigned unanswered;  /* probes in a row to which it said nothing */
    struct probe_options options;
    struct pool pool; /* holds the targets */
    char snapshot_path[PATH_MAX], path[PATH_MAX];
    struct health_head head;                 /* of the last file; sequence 0: there was none */
    int64_t looked, written, self_check_due; /* ms, by the monotonic clock */
    bool is_changed;                         /* since the file was written */
    bool is_self_checking;
    bool is_cut_off;     /* the last direct question failed: our own network is down */
    bool is_controlling; /* a negative control is under way */
    bool is_once;
    int stop_fd;
    int lock;              /* that nobody else writes, -1: not held */
    char said[512];        /* the last complaint */
    char said_engine[512]; /* that of the engine */
};

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Says a complaint once, and again when there was another one, or "", in between. */
static void
say(char said[static 512], const char *text)
{
    if (strcmp(said, text) == 0)
        return;
    snprintf(said, 512, "%s", text);
    if (text[0] != '\0')
        fprintf(stderr, "signpost-health: %s\n", text);
}

static enum judge_result
judgement(const struct daemon *daemon, const struct entry_node *node,
          const struct probe_result *result)
{
    switch (result->verdict) {
    case PROBE_ALIVE:
    case PROBE_TARGET_DOWN:
        return JUDGE_GOOD;
    case PROBE_FAILED:
        /* What the engine has taken with it is no node's fault. */
        if (!daemon->is_cut_off &&
            (node->needs == NULL || engine_vouches(&daemon->engine, node->began)))
            return JUDGE_BAD;
        return JUDGE_SILENT;
    default:
        return JUDGE_SILENT;
    }
}

/*
 * Asks a node that has just let us in once more, by a UUID that nobody has: the negative control,
 * once in as long as a fall is remembered, of one node at a time. Nothing is lost without memory.
 */
static void
control(struct daemon *daemon, struct entry_node *node, int64_t now)
{
    struct uuid nobody;
    struct error ignored;

    if (daemon->is_controlling || daemon->is_once || node->needs != NULL ||
        now < node->control_due ||
        getrandom(nobody.bytes, sizeof(nobody.bytes), GRND_NONBLOCK) != sizeof(nobody.bytes) ||
        prober_start(daemon->prober, &node->client, &nobody, false, node, &ignored) != 0)
        return;
    node->is_probing = node->is_control = daemon->is_controlling = true;
}

static void
note_control(struct daemon *daemon, struct entry_node *node, enum probe_verdict verdict)
{
    bool lets_anybody = verdict == PROBE_ALIVE || verdict == PROBE_TARGET_DOWN;

    node->is_probing = node->is_control = false;
    if (verdict == PROBE_UNKNOWN)
        return;
    node->control_due = now_ms() + daemon->fleet.rules.calm;
    if (lets_anybody == node->lets_anybody)
        return;
    node->lets_anybody = lets_anybody;
    daemon->is_changed = true;
    snprintf(node->reason, sizeof(node->reason), "%s", lets_anybody ? HEALTH_LETS_ANYBODY : "");
    if (lets_anybody)
        fprintf(stderr, "signpost-health: %s: " HEALTH_LETS_ANYBODY "\n", node->name);
}

/* Writes down what a probe of a node gave. */
static void
note(struct daemon *daemon, struct entry_node *node, const struct probe_result *result)
{
    const struct judge_rules *rules = &daemon->fleet.rules;
    const struct judge *judge = &daemon->fleet.judges[node->index];
    enum judge_result heard = judgement(daemon, node, result);
    int64_t now = now_ms(), wall = (int64_t)time(NULL);

    /* That small answers come is no excuse. */
    if (node->is_large && (heard == JUDGE_BAD || result->verdict == PROBE_ALIVE))
        node->owes_large = heard == JUDGE_BAD;
    node->is_probing = false;
    node->last_try = wall;
    if (heard != JUDGE_SILENT)
        node->spoke = node->needs != NULL ? HEALTH_ENGINE : HEALTH_NATIVE;
    if (heard == JUDGE_GOOD) {
        node->last_success = wall;
        node->round_trip = result->ms;
    }
    snprintf(node->reason, sizeof(node->reason), "%s",
             result->verdict == PROBE_ALIVE && node->lets_anybody ? HEALTH_LETS_ANYBODY
                                                                  : result->reason);
    if (judge_hear(daemon->fleet.judges, daemon->fleet.count, node->index, rules, heard,
                   node->began, now)) {
        node->since = wall;
        daemon->is_changed = true;
    }
    node->due = now + judge_next(judge, rules, &daemon->fleet.random);
    if (heard == JUDGE_GOOD)
        control(daemon, node, now);
    /* An outage of ours is to be known before any node falls by it. */
    else if (heard == JUDGE_BAD && judge_is_open(judge, rules) &&
             now + rules->pause < daemon->self_check_due)
        daemon->self_check_due = now + rules->pause;
}

static void
done(void *context, void *cookie, const struct probe_result *result)
{
    struct daemon *daemon = context;
    struct entry_node *node = cookie;

    if (node == NULL) {
        bool was_cut_off = daemon->is_cut_off;

        daemon->is_self_checking = false;
        daemon->is_cut_off = result->verdict == PROBE_FAILED || result->verdict == PROBE_UNKNOWN;
        if (daemon->is_cut_off)
            say(daemon->said,
                "the targets cannot be reached from here: what fails now counts for nothing");
        else if (was_cut_off)
            say(daemon->said, "");
        return;
    }
    if (node->is_control)
        daemon->is_controlling = false;
    if (node->needs != NULL) {
        daemon->carried--;
        daemon->unanswered = result->verdict == PROBE_UNKNOWN ? daemon->unanswered + 1 : 0;
        if (result->verdict == PROBE_ALIVE)
            say(daemon->said_engine, "");
    }
    if (fleet_forget(&daemon->fleet, node))
        return;
    if (node->is_control)
        note_control(daemon, node, result->verdict);
    else
        note(daemon, node, result);
}

/* Starts the engine with the nodes that take one. That it cannot be started is said. */
static void
use_engine(struct daemon *daemon, int64_t now)
{
    struct error error;

    daemon->fleet.is_engine_new = false;
    daemon->is_worn = false;
    if (daemon->config->health.engine != NULL &&
        engine_use(&daemon->engine, daemon->fleet.engine_nodes, daemon->fleet.engine_count, now,
                   &error) != 0)
        say(daemon->said_engine, error.text);
}

/*
 * Whether the engine is to be started anew: it has stopped answering, or it keeps connections (one
 * for all of gRPC), and a probe is to tell whether a client that comes now gets in.
 */
static bool
is_spent(const struct daemon *daemon, int64_t now)
{
    if (daemon->engine.phase != ENGINE_READY)
        return false;
    return daemon->unanswered >= UNANSWERED_MAX ||
           (daemon->is_worn && now - daemon->engine.started >= daemon->fleet.rules.interval / 2);
}

static void
mind_engine(struct daemon *daemon, int64_t now)
{
    struct error error;
    int rc;

    if (daemon->config->health.engine == NULL)
        return;
    if (is_spent(daemon, now) && (daemon->carried == 0 || daemon->unanswered >= UNANSWERED_MAX)) {
        daemon->is_worn = false;
        daemon->unanswered = 0;
        rc = engine_restart(&daemon->engine, now, &error);
    } else {
        rc = engine_mind(&daemon->engine, now, &error);
    }
    if (rc != 0)
        say(daemon->said_engine, error.text);
}

/* Takes over another snapshot when there is one. That there is none yet is no error. */
static int
look(struct daemon *daemon, int64_t now, struct error *error)
{
    struct health_report report;
    struct snapshot fresh;
    struct error ignored;
    int64_t wall = (int64_t)time(NULL);
    bool is_known;
    int rc;

    daemon->looked = now;
    if (!snapshot_is_stale(&daemon->snapshot, daemon->snapshot_path))
        return 0;
    if (snapshot_open(&fresh, daemon->snapshot_path, error) != 0) {
        say(daemon->said, error->text);
        return 0;
    }
    /* What an earlier program knew counts as long as it did for others. */
    is_known = health_read_all(&report, daemon->path, &ignored) == 0 && daemon->fleet.count == 0 &&
               health_head_is_fresh(&report.head, wall);
    rc = fleet_load(&daemon->fleet, &fresh, &daemon->config->health, is_known ? &report : NULL, now,
                    wall, error);
    health_release_all(&report);
    snapshot_close(&daemon->snapshot);
    daemon->snapshot = fresh;
    if (rc <= 0)
        return rc;
    daemon->is_changed = true;
    if (daemon->fleet.is_engine_new)
        use_engine(daemon, now);
    return 0;
}

static bool
is_large(const struct daemon *daemon, const struct entry_node *node)
{
    unsigned every = daemon->config->health.large_every;

    return every > 0 && daemon->options.large.host != NULL &&
           (node->owes_large || (node->probes + 1) % every == 0);
}

/* Why a node cannot be asked now; NULL: it can. */
static const char *
obstacle(const struct daemon *daemon, const struct entry_node *node, char *text, size_t size)
{
    const struct engine_node *in_engine = &daemon->fleet.engine_nodes[node->in_engine];

    if (node->needs == NULL)
        return NULL;
    if (daemon->config->health.engine == NULL)
        snprintf(text, size, "%s takes an engine (setting health.engine)", node->needs);
    else if (in_engine->is_refused)
        snprintf(text, size, "the engine refuses it: %s", in_engine->reason);
    else if (!engine_carries(&daemon->engine, node->in_engine))
        snprintf(text, size, "the engine does not run");
    else
        return NULL;
    return text;
}

/* Starts the probe of a node. */
static int
ask(struct daemon *daemon, struct entry_node *node, int64_t now, struct error *error)
{
    struct probe_result nothing = {.verdict = PROBE_UNSUPPORTED};
    struct probe_via via;

    node->began = now;
    if (obstacle(daemon, node, nothing.reason, sizeof(nothing.reason)) != NULL) {
        note(daemon, node, &nothing);
        return 0;
    }
    node->is_probing = true;
    node->is_large = is_large(daemon, node);
    node->probes++;
    if (node->needs == NULL)
        return prober_start(daemon->prober, &node->client, &node->uuid, node->is_large, node,
                            error);
    via = engine_via(&daemon->engine, node->in_engine);
    daemon->carried++;
    daemon->is_worn |= node->client.type == TRANSPORT_GRPC;
    return prober_start_via(daemon->prober, &via, node->is_large, node, error);
}

/* Starts what is due. */
static int
start(struct daemon *daemon, int64_t now, struct error *error)
{
    size_t i;

    if (!daemon->is_self_checking && now >= daemon->self_check_due) {
        if (prober_start(daemon->prober, NULL, NULL, false, NULL, error) != 0)
            return -1;
        daemon->is_self_checking = true;
        daemon->self_check_due = now + daemon->fleet.rules.interval / 2;
    }
    for (i = 0; i < daemon->fleet.count; i++) {
        struct entry_node *node = daemon->fleet.nodes[i];

        if (node->is_probing || now < node->due ||
            (node->needs != NULL && (engine_is_starting(&daemon->engine) || is_spent(daemon, now))))
            continue;
        if (ask(daemon, node, now, error) != 0)
            return -1;
    }
    return 0;
}

/* How long nothing is due. */
static unsigned
wait_for(const struct daemon *daemon, int64_t now)
{
    int64_t until = daemon->looked + LOOK_MS;
    size_t i;

    if (!daemon->is_self_checking && daemon->self_check_due < until)
        until = daemon->self_check_due;
    if (daemon->is_changed && daemon->written + WRITE_MS < until)
        until = daemon->written + WRITE_MS;
    if (engine_is_starting(&daemon->engine))
        return STARTING_MS;
    for (i = 0; i < daemon->fleet.count; i++)
        if (!daemon->fleet.nodes[i]->is_probing && daemon->fleet.nodes[i]->due < until)
            until = daemon->fleet.nodes[i]->due;
    return until > now ? (unsigned)(until - now) : 0;
}

/*
 * Whether the clock has yet to pass the last file's sequence: one that ran ahead of it could not be
 * followed by a higher one, were the file lost. Not when the clock has been set back.
 */
static bool
is_early(const struct daemon *daemon, int64_t wall)
{
    return daemon->head.sequence >= (uint64_t)wall && daemon->head.sequence - (uint64_t)wall <= 2;
}

static int
write_down(struct daemon *daemon, int64_t now, struct error *error)
{
    const struct health_settings *settings = &daemon->config->health;
    int64_t wall = (int64_t)time(NULL);

    if (now < daemon->written + (daemon->is_changed ? WRITE_MS : daemon->fleet.rules.interval) ||
        is_early(daemon, wall))
        return 0;
    daemon->head.sequence = health_next_sequence(daemon->head.sequence > 0 ? &daemon->head : NULL,
                                                 wall);
    daemon->head.generated = wall;
    daemon->head.ttl = health_ttl(settings->interval);
    if (fleet_write(&daemon->fleet, daemon->path, &daemon->head, error) != 0)
        return -1;
    daemon->written = now;
    daemon->is_changed = false;
    return 0;
}

static bool
is_stopped(const struct daemon *daemon)
{
    struct pollfd fd = {.fd = daemon->stop_fd, .events = POLLIN};

    return daemon->stop_fd >= 0 && poll(&fd, 1, 0) > 0;
}

/* Makes sure that nobody else writes the state file. */
static int
take_lock(struct daemon *daemon, struct error *error)
{
    daemon->lock = state_lock(daemon->config->state, STATE_HEALTH_LOCK, false, error);
    if (daemon->lock < 0 && error->text[0] == '\0')
        error_set(error, "%s: another signpost-health is at work here", daemon->config->state);
    return daemon->lock < 0 ? -1 : 0;
}

static int
init(struct daemon *daemon, bool once, struct error *error)
{
    const struct config *config = daemon->config;
    struct health_report report;
    uint64_t seed = 1;

    pool_init(&daemon->pool);
    snapshot_init(&daemon->snapshot);
    daemon->is_once = once;
    daemon->lock = -1;
    daemon->engine.output = -1;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
        seed = (uint64_t)now_ms();
    fleet_init(&daemon->fleet, &config->health, once, seed);
    if (options_read(&daemon->options, &config->health, &daemon->pool, error) != 0 ||
        state_snapshot_path(config->state, daemon->snapshot_path, sizeof(daemon->snapshot_path),
                            error) != 0 ||
        state_path(config->state, HEALTH_FILE, daemon->path, sizeof(daemon->path), error) != 0 ||
        take_lock(daemon, error) != 0 ||
        (config->health.engine != NULL &&
         engine_init(&daemon->engine, config->health.engine, config->state, error) != 0))
        return -1;
    if (health_read_all(&report, daemon->path, error) == 0)
        daemon->head = report.head;
    health_release_all(&report);
    snprintf(daemon->head.vantage, sizeof(daemon->head.vantage), "%s",
             config->health.vantage != NULL ? config->health.vantage : "here");
    daemon->written = INT64_MIN / 2;
    daemon->options.wake_fd = daemon->stop_fd;
    daemon->prober = prober_new(&daemon->options, done, daemon, error);
    return daemon->prober != NULL ? 0 : -1;
}

/* A round of the loop. Returns 0, or -1 with error filled. */
static int
turn(struct daemon *daemon, struct error *error)
{
    int64_t now = now_ms();

    if (now >= daemon->looked + LOOK_MS && look(daemon, now, error) != 0)
        return -1;
    mind_engine(daemon, now);
    if (start(daemon, now, error) != 0 ||
        prober_step(daemon->prober, wait_for(daemon, now), error) != 0)
        return -1;
    return daemon->fleet.count > 0 ? write_down(daemon, now_ms(), error) : 0;
}

int
daemon_run(const struct config *config, int stop_fd, bool once, struct error *error)
{
    struct daemon daemon = {.config = config, .stop_fd = stop_fd, .looked = INT64_MIN / 2};
    int rc = init(&daemon, once, error);

    while (rc == 0 && !is_stopped(&daemon)) {
        rc = turn(&daemon, error);
        if (rc != 0 || !once)
            continue;
        if (!daemon.snapshot.is_open)
            rc = error_set(error, "%s", daemon.said);
        else if (fleet_is_settled(&daemon.fleet))
            break;
        fleet_hurry(&daemon.fleet);
    }
    if (rc == 0 && daemon.fleet.count > 0) {
        daemon.written = INT64_MIN / 2;
        while (is_early(&daemon, (int64_t)time(NULL)))
            (void)poll(NULL, 0, 20);
        rc = write_down(&daemon, now_ms(), error);
    }
    prober_free(daemon.prober);
    if (config->health.engine != NULL)
        engine_release(&daemon.engine);
    fleet_release(&daemon.fleet);
    snapshot_close(&daemon.snapshot);
    pool_release(&daemon.pool);
    if (daemon.lock >= 0)
        close(daemon.lock);
    return rc;
}
