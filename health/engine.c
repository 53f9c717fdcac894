#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
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
    TEST_MS = 10000, /* what looking a configuration over may take */
    START_MS = 10000,
    RETRY_MS = 5000,
    RETRY_MAX_MS = 300 * 1000
};

int
engine_init(struct engine *engine, const char *program, const char *state, int stop_fd,
            struct error *error)
{
    *engine = (struct engine){.program = program, .stop_fd = stop_fd, .output = -1};
    return state_path(state, STATE_ENGINE_SOCKET, engine->socket, sizeof(engine->socket), error);
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

/* Starts the engine on some nodes, with one more word or NULL. */
static pid_t
spawn(const struct engine *engine, size_t from, size_t to, const char *word, int *output,
      struct error *error)
{
    const char *const words[] = {
        engine->program, "run", "-c", "stdin:", "-format", "json", word, NULL};
    struct buf config;
    pid_t pid = -1;

    buf_init(&config, CONFIG_MAX);
    put_config(&config, engine, from, to);
    if (config.failed)
        error_set(error, "health.engine: out of memory");
    else
        pid = engine_spawn(engine->program, words, &config, output, error);
    buf_release(&config);
    return pid;
}

/* Whether the engine takes some nodes. Returns 1 or 0 with words, or -1 with error filled. */
static int
takes(const struct engine *engine, size_t from, size_t to, char words[static ENGINE_REASON],
      struct error *error)
{
    int output, status;
    pid_t pid = spawn(engine, from, to, "-test", &output, error);

    if (pid < 0)
        return -1;
    status = engine_wait(pid, TEST_MS, engine->stop_fd);
    engine_last_words(output, words);
    close(output);
    if (status == -1)
        return error_set(error, "health.engine: %s did not look over its configuration in time",
                         engine->program);
    return status == 0;
}

/* Marks those that the engine refuses, of a part that it refuses together. */
static int
find_refused(struct engine *engine, size_t from, size_t to, struct error *error)
{
    size_t middle = from + (to - from) / 2, part;
    char words[ENGINE_REASON];
    int rc;

    if (to - from == 1) {
        engine->nodes[from].is_refused = true;
        return 0;
    }
    for (part = 0; part < 2; part++) {
        size_t begin = part == 0 ? from : middle, end = part == 0 ? middle : to;

        rc = takes(engine, begin, end, words, error);
        if (rc == 0 && end - begin == 1)
            memcpy(engine->nodes[begin].reason, words, sizeof(words));
        if (rc < 0 || (rc == 0 && find_refused(engine, begin, end, error) != 0))
            return -1;
    }
    return 0;
}

/* Sets is_refused of all. */
static int
look_over(struct engine *engine, struct error *error)
{
    char words[ENGINE_REASON];
    int rc = takes(engine, 0, engine->count, words, error);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    /* Is it the nodes at all? */
    rc = takes(engine, 0, 0, words, error);
    if (rc == 0)
        error_set(error, "health.engine: %s: %s", engine->program, words);
    if (rc != 1)
        return -1;
    if (engine->count > 1)
        return find_refused(engine, 0, engine->count, error);
    if (takes(engine, 0, 1, engine->nodes[0].reason, error) < 0)
        return -1;
    engine->nodes[0].is_refused = true;
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

/* Forgets a child that has ended, or ends it. */
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
    engine->is_ready = false;
    snprintf(lock, sizeof(lock), "%s.lock", engine->socket);
    unlink(engine->socket);
    unlink(lock); /* Xray's */
}

static int
end_with_words(struct engine *engine, const char *what, struct error *error)
{
    char words[ENGINE_REASON];

    engine_last_words(engine->output, words);
    end(engine);
    return error_set(error, "health.engine: %s %s%s%s", engine->program, what,
                     words[0] != '\0' ? ": " : "", words);
}

/* Starts the child; it listens a little later. */
static int
start(struct engine *engine, int64_t now, struct error *error)
{
    end(engine);
    engine->pid = spawn(engine, 0, engine->count, NULL, &engine->output, error);
    if (engine->pid < 0) {
        engine->pid = 0;
        return -1;
    }
    engine->started = now;
    return 0;
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

/* Takes down that it did not work out. */
static int
fail(struct engine *engine, int64_t now)
{
    int64_t wait = engine->failures < 6 ? (int64_t)RETRY_MS << engine->failures : RETRY_MAX_MS;

    engine->failures++;
    engine->retry_at = now + wait;
    return -1;
}

/* Looks the nodes over, unless that is done, and starts the child if there is anything for it. */
static int
begin(struct engine *engine, int64_t now, struct error *error)
{
    if (!engine->is_looked_over && look_over(engine, error) != 0)
        return fail(engine, now);
    engine->is_looked_over = true;
    return has_work(engine) && start(engine, now, error) != 0 ? fail(engine, now) : 0;
}

int
engine_use(struct engine *engine, struct engine_node *nodes, size_t count, int64_t now,
           struct error *error)
{
    end(engine);
    engine->nodes = nodes;
    engine->count = count;
    engine->failures = 0;
    engine->is_looked_over = count == 0;
    return begin(engine, now, error);
}

int
engine_mind(struct engine *engine, int64_t now, struct error *error)
{
    if (engine->pid == 0)
        return now < engine->retry_at || (engine->is_looked_over && !has_work(engine))
                   ? 0
                   : begin(engine, now, error);
    if (waitpid(engine->pid, NULL, WNOHANG) == engine->pid) {
        engine->pid = 0;
        if (now - engine->started > RETRY_MAX_MS)
            engine->failures = 0;
        end_with_words(engine, "has ended", error);
        return fail(engine, now);
    }
    if (engine->is_ready || (engine->is_ready = is_listening(engine)))
        return 0;
    if (now - engine->started < START_MS)
        return 0;
    end_with_words(engine, "does not listen", error);
    return fail(engine, now);
}

bool
engine_is_starting(const struct engine *engine)
{
    return engine->pid > 0 && !engine->is_ready;
}

bool
engine_carries(const struct engine *engine, size_t i)
{
    return engine->is_ready && !engine->nodes[i].is_refused;
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
