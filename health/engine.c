#include "engine.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escape.h"
#include "outbound.h"
#include "state.h"

enum {
    CONFIG_MAX = 64 * 1024 * 1024,
    SLOW_MS = 10000, /* for looking a configuration over, and for listening */
    RETRY_MS = 5000,
    RETRY_MAX_MS = 300 * 1000
};

int
engine_init(struct engine *engine, const char *program, const char *state, struct error *error)
{
    char whole[PATH_MAX];

    *engine = (struct engine){.program = program, .output = -1};
    /* Xray takes what does not start with a slash for a name, and what follows a comma for a mode.
     */
    if (realpath(state, whole) == NULL)
        return error_set(error, "%s: %s", state, strerror(errno));
    if (strchr(whole, ',') != NULL)
        return error_set(
            error, "%s: health.engine takes no comma in the name of the state directory", whole);
    if (snprintf(engine->socket, sizeof(engine->socket), "%s/" STATE_ENGINE_SOCKET, whole) >=
        (int)sizeof(engine->socket))
        return error_set(error,
                         "%s/" STATE_ENGINE_SOCKET ": too long a path for the socket of "
                         "health.engine: at most %d bytes; move the state directory",
                         whole, ENGINE_SOCKET - 1);
    return 0;
}

/* Elements of an array, one for each node that is not refused; the first goes behind `before`. */
static void
put_nodes(struct buf *buf, const struct engine *engine, size_t from, size_t to, const char *before,
          void put(struct buf *buf, const struct engine_node *node, size_t i))
{
    size_t i;

    for (i = from; i < to; i++) {
        if (engine->nodes[i].is_refused)
            continue;
        buf_puts(buf, before);
        put(buf, &engine->nodes[i], i);
        before = ",";
    }
}

static void
put_account(struct buf *buf, const struct engine_node *node, size_t i)
{
    (void)node;
    buf_printf(buf, "{\"user\":\"n%zu\",\"pass\":\"n\"}", i);
}

static void
put_rule(struct buf *buf, const struct engine_node *node, size_t i)
{
    (void)node;
    buf_printf(buf, "{\"type\":\"field\",\"user\":[\"n%zu\"],\"outboundTag\":\"n%zu\"}", i, i);
}

static void
put_outbound(struct buf *buf, const struct engine_node *node, size_t i)
{
    char uuid[UUID_TEXT + 1];

    uuid_format(&node->uuid, uuid);
    buf_printf(buf,
               "{\"tag\":\"n%zu\",\"protocol\":\"vless\",\"settings\":{\"vnext\":[{\"users\":"
               "[{\"id\":\"%.*s\"",
               i, UUID_TEXT, uuid);
    outbound_put(buf, OUTBOUND_XRAY, node->client);
}

/* What none of the rules takes goes nowhere: the first outbound is the default. */
static void
put_config(struct buf *buf, const struct engine *engine, size_t from, size_t to)
{
    buf_puts(buf, "{\"log\":{\"loglevel\":\"none\"},\"inbounds\":[{\"listen\":");
    escape_string(buf, engine->socket);
    buf_puts(buf, ",\"protocol\":\"http\",\"settings\":{\"accounts\":[");
    put_nodes(buf, engine, from, to, "", put_account);
    buf_puts(buf, "]}}],\"outbounds\":[{\"tag\":\"none\",\"protocol\":\"blackhole\"}");
    put_nodes(buf, engine, from, to, ",", put_outbound);
    buf_puts(buf, "],\"routing\":{\"rules\":[");
    put_nodes(buf, engine, from, to, "", put_rule);
    buf_puts(buf, "]}}\n");
}

/* Starts the engine on some nodes, with one more word or NULL. Returns as engine_mind. */
static int
spawn(struct engine *engine, struct engine_range nodes, const char *word, int64_t now,
      struct error *error)
{
    const char *const words[] = {
        engine->program, "run", "-c", "stdin:", "-format", "json", word, NULL};
    struct buf config;
    pid_t pid = -1;

    buf_init(&config, CONFIG_MAX);
    put_config(&config, engine, nodes.from, nodes.to);
    if (config.failed)
        error_set(error, "health.engine: out of memory");
    else
        pid = engine_spawn(engine->program, words, &config, &engine->output, error);
    buf_release(&config);
    if (pid < 0)
        return -1;
    engine->pid = pid;
    engine->started = now;
    return 0;
}

static bool
is_listening(const struct engine *engine)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_connected;

    memcpy(address.sun_path, engine->socket, strlen(engine->socket));
    is_connected = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0)
        close(fd);
    return is_connected;
}

/* Forgets a child that has ended (then pid is 0), or ends it. */
static void
end(struct engine *engine)
{
    char lock[ENGINE_SOCKET + 8];

    if (engine->pid > 0) {
        kill(engine->pid, SIGKILL);
        waitpid(engine->pid, NULL, 0);
    }
    if (engine->output >= 0)
        close(engine->output);
    engine->pid = 0;
    engine->output = -1;
    engine->phase = ENGINE_IDLE;
    snprintf(lock, sizeof(lock), "%s.lock", engine->socket);
    unlink(engine->socket);
    unlink(lock); /* Xray's */
}

/* Ends it, with what it said, and takes down when to try again. */
static int
fail(struct engine *engine, const char *what, int64_t now, struct error *error)
{
    int64_t wait = engine->failures < 6 ? (int64_t)RETRY_MS << engine->failures : RETRY_MAX_MS;
    char words[ENGINE_REASON] = "";

    if (engine->output >= 0)
        engine_last_words(engine->output, words);
    end(engine);
    engine->failures++;
    engine->retry_at = now + wait;
    return what == NULL ? -1
                        : error_set(error, "health.engine: %s %s%s%s", engine->program, what,
                                    words[0] != '\0' ? ": " : "", words);
}

static bool
has_work(const struct engine *engine)
{
    size_t i;

    for (i = 0; i < engine->count; i++)
        if (!engine->nodes[i].is_refused)
            return true;
    return false;
}

/* Starts what comes next: looking nodes over, else carrying probes. */
static int
go_on(struct engine *engine, int64_t now, struct error *error)
{
    const struct engine_range all = {0, engine->count};

    if (engine->range_count > 0) {
        if (spawn(engine, engine->ranges[engine->range_count - 1], "-test", now, error) != 0)
            return fail(engine, NULL, now, error);
        engine->phase = ENGINE_LOOKING;
        return 0;
    }
    if (!has_work(engine))
        return 0;
    if (spawn(engine, all, NULL, now, error) != 0)
        return fail(engine, NULL, now, error);
    engine->phase = ENGINE_STARTING;
    return 0;
}

static void
refuse(struct engine_node *node, const char *words)
{
    node->is_refused = true;
    snprintf(node->reason, sizeof(node->reason), "%s", words);
}

/* Takes the last range, which the engine refuses, apart. The range is not empty. */
static void
take_apart(struct engine *engine, const char *words, size_t culprit)
{
    struct engine_range *last = &engine->ranges[engine->range_count - 1], whole = *last;
    size_t middle = whole.from + (whole.to - whole.from) / 2;

    if (culprit >= whole.from && culprit < whole.to && !engine->nodes[culprit].is_refused) {
        refuse(&engine->nodes[culprit], words);
    } else if (whole.to - whole.from == 1) {
        if (!engine->nodes[whole.from].is_refused)
            refuse(&engine->nodes[whole.from], words);
        engine->range_count--;
    } else {
        last[0] = (struct engine_range){middle, whole.to};
        last[1] = (struct engine_range){whole.from, middle};
        engine->range_count++;
    }
}

/* It has looked the last range over. */
static int
hear(struct engine *engine, int status, int64_t now, struct error *error)
{
    struct engine_range last = engine->ranges[engine->range_count - 1];
    char words[ENGINE_REASON];
    size_t culprit;

    culprit = engine_last_words(engine->output, words);
    if (status == 0 || last.from == last.to)
        engine->range_count--;
    if (status == 0 || culprit != SIZE_MAX)
        engine->is_usable = true;
    if (status != 0 && last.from == last.to)
        return fail(engine, "cannot be used", now, error);
    if (status != 0 && !engine->is_usable)
        /* Is it the nodes at all? */
        engine->ranges[engine->range_count++] = (struct engine_range){0, 0};
    else if (status != 0)
        take_apart(engine, words, culprit);
    end(engine);
    return go_on(engine, now, error);
}

int
engine_use(struct engine *engine, struct engine_node *nodes, size_t count, int64_t now,
           struct error *error)
{
    end(engine);
    engine->nodes = nodes;
    engine->count = count;
    engine->failures = 0;
    engine->retry_at = now;
    engine->range_count = 0;
    if (count == 0)
        return 0;
    engine->ranges[0] = (struct engine_range){0, count};
    engine->range_count = 1;
    return go_on(engine, now, error);
}

int
engine_mind(struct engine *engine, int64_t now, struct error *error)
{
    int status;

    if (engine->phase == ENGINE_IDLE)
        return now < engine->retry_at ? 0 : go_on(engine, now, error);
    if (waitpid(engine->pid, &status, WNOHANG) == engine->pid) {
        engine->pid = 0;
        if (engine->phase == ENGINE_LOOKING)
            return hear(engine, status, now, error);
        if (now - engine->started > RETRY_MAX_MS)
            engine->failures = 0;
        return fail(engine, "has ended", now, error);
    }
    if (engine->phase == ENGINE_STARTING && is_listening(engine))
        engine->phase = ENGINE_READY;
    if (engine->phase == ENGINE_READY || now - engine->started < SLOW_MS)
        return 0;
    return fail(engine,
                engine->phase == ENGINE_LOOKING ? "does not look over its configuration"
                                                : "does not listen",
                now, error);
}

int
engine_restart(struct engine *engine, int64_t now, struct error *error)
{
    end(engine);
    return go_on(engine, now, error);
}

bool
engine_is_starting(const struct engine *engine)
{
    return engine->phase == ENGINE_LOOKING || engine->phase == ENGINE_STARTING;
}

bool
engine_vouches(const struct engine *engine, int64_t began)
{
    return engine->phase == ENGINE_READY && engine->started <= began && is_listening(engine);
}

bool
engine_carries(const struct engine *engine, size_t i)
{
    return engine->phase == ENGINE_READY && !engine->nodes[i].is_refused;
}

struct probe_via
engine_via(const struct engine *engine, size_t i)
{
    struct probe_via via = {.socket = engine->socket};

    snprintf(via.user, sizeof(via.user), "n%zu", i);
    return via;
}

void
engine_release(struct engine *engine)
{
    end(engine);
}
