/*
 * What comes over the wire, into the event loop as it is. An input is the number of steps (one
 * byte), the steps (one byte each), and the bytes that are sent in those steps; what is left of
 * them is sent in the end. Steps, by their lower three bits, with the other five as n:
 *
 *     0, 1  send n + 1 bytes      2  send 64 n + 64 bytes    3  go over to connection n mod 4
 *     4     below 16: nothing, n turns; from 16 on: accepting fails next, by n mod 4, 1 to 4 times
 *     5     n quarters of a second pass
 *     6     read 1024 n bytes
 *     7     below 16: send no more (n even), or close (n odd); 16: SIGCHLD comes; else: SIGTERM
 *
 * The loop runs in this very thread. Where it waits, the next step is taken, and its clock is what
 * the steps say, so that a run can be repeated; all else is as in the program, sockets too.
 */
#include "fuzz.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fastcgi.h"
#include "wire.h"

enum { CONNECTIONS = 4, LARGE = 300 * 1024, CALM = 4, TURNS_MAX = 100000, ECHO_MAX = 200 };

/* A connection as its client sees it. */
struct peer {
    int fd; /* -1: not made yet, or closed */
    bool is_over, is_closed, has_ended;
    struct buf sent, got;
};

/* Where an input is: steps that are left, then bytes that are left. */
static struct script {
    const uint8_t *step, *steps_end, *byte, *bytes_end;
    unsigned waiting;             /* turns in which nothing happens */
    unsigned failures, how_fails; /* of accept4 */
    struct peer peers[CONNECTIONS];
    int current;
    bool is_ending, was_calm; /* no time has passed, nothing was closed */
    unsigned calm, turns;     /* turns without anything new; all turns */
    size_t answers;
} script;

static int listener = -1;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_len;
static int64_t now_ms;

int clock_gettime(clockid_t clock, struct timespec *ts);

/* The loop's clock stands still until a step moves it; all others go on. */
int
clock_gettime(clockid_t clock, struct timespec *ts)
{
    if (clock != CLOCK_MONOTONIC)
        return (int)syscall(SYS_clock_gettime, clock, ts);
    ts->tv_sec = now_ms / 1000;
    ts->tv_nsec = now_ms % 1000 * 1000000;
    return 0;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    /* A name that lies in no directory and that nobody else has. */
    snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "signpost-fuzz-%d", (int)getpid());
    address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                              strlen(address.sun_path + 1));
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(listener >= 0);
    require(bind(listener, (const struct sockaddr *)&address, address_len) == 0);
    require(listen(listener, CONNECTIONS) == 0);
    return 0;
}

static struct peer *
peer_now(void)
{
    struct peer *peer = &script.peers[script.current];

    if (peer->fd < 0 && !peer->is_closed) {
        peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        require(peer->fd >= 0);
        require(connect(peer->fd, (const struct sockaddr *)&address, address_len) == 0);
    }
    return peer;
}

static void
close_peer(struct peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    peer->is_closed = true;
}

/* Sends so many of the bytes that are left. */
static void
send_bytes(size_t len)
{
    struct peer *peer = peer_now();
    size_t left = (size_t)(script.bytes_end - script.byte);
    ssize_t n = -1;

    if (len > left)
        len = left;
    if (len == 0 || peer->fd < 0 || peer->is_over)
        return;
    n = send(peer->fd, script.byte, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n <= 0)
        return;
    buf_put(&peer->sent, script.byte, (size_t)n);
    script.byte += n;
}

/* Reads up to len bytes. Returns whether there was anything new, an end too. */
static bool
read_bytes(struct peer *peer, size_t len)
{
    ssize_t n;

    if (peer->fd < 0 || peer->has_ended || len == 0)
        return false;
    require(buf_grow(&peer->got, len));
    n = recv(peer->fd, peer->got.data + peer->got.len, len, MSG_DONTWAIT);
    if (n > 0)
        peer->got.len += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        peer->has_ended = true;
    return n > 0 || peer->has_ended;
}

static void
end_something(unsigned n)
{
    if (n == 16) {
        raise(SIGCHLD);
        return;
    }
    script.was_calm = false;
    if (n > 16) {
        /* A second one would be left over when the loop has gone. */
        if (!script.is_ending)
            raise(SIGTERM);
        script.is_ending = true;
        return;
    }
    if (n & 1)
        close_peer(peer_now());
    else if (peer_now()->fd >= 0)
        shutdown(peer_now()->fd, SHUT_WR);
    peer_now()->is_over = true;
}

static void
take_step(uint8_t step)
{
    unsigned n = step >> 3;

    switch (step & 7) {
    case 0:
    case 1:
        send_bytes(n + 1);
        break;
    case 2:
        send_bytes(64 * n + 64);
        break;
    case 3:
        script.current = (int)(n % CONNECTIONS);
        break;
    case 4:
        if (n < 16) {
            script.waiting = n;
            break;
        }
        script.how_fails = n % 4;
        script.failures = 1 + (n - 16) / 4;
        script.was_calm = false;
        break;
    case 5:
        now_ms += 250 * (int64_t)n;
        script.was_calm &= n == 0;
        break;
    case 6:
        (void)read_bytes(peer_now(), 1024 * (size_t)n);
        break;
    default:
        end_something(n);
        break;
    }
}

/* After the last step: what is left is sent, then everything is read that comes. */
static void
take_last_steps(void)
{
    bool is_new = false;
    int i;

    if (script.byte < script.bytes_end) {
        const uint8_t *before = script.byte;

        send_bytes((size_t)(script.bytes_end - script.byte));
        is_new = script.byte > before;
    }
    for (i = 0; i < CONNECTIONS; i++)
        is_new |= read_bytes(&script.peers[i], 64 * 1024);
    script.calm = is_new ? 0 : script.calm + 1;
    if (script.calm == CALM)
        for (i = 0; i < CONNECTIONS; i++)
            if (script.peers[i].fd >= 0)
                shutdown(script.peers[i].fd, SHUT_WR);
    if (script.calm < 2 * CALM)
        return;
    script.is_ending = true;
    raise(SIGTERM);
}

/* Tells what has happened without waiting for it; once all is over, waiting takes its time. */
int
epoll_wait(int epoll, struct epoll_event *events, int room, int timeout)
{
    int n;

    require(++script.turns < TURNS_MAX);
    if (script.waiting > 0)
        script.waiting--;
    else if (script.step < script.steps_end)
        take_step(*script.step++);
    else if (!script.is_ending)
        take_last_steps();
    n = (int)syscall(SYS_epoll_pwait, epoll, events, room, 0, NULL, 0);
    require(n >= 0);
    if (n == 0 && script.is_ending && timeout > 0)
        now_ms += timeout;
    /* Nothing ends a wait without end but what is there now. */
    require(n > 0 || !script.is_ending || timeout >= 0);
    return n;
}

/* As it is, but where a step wants it to fail. */
int
accept4(int fd, struct sockaddr *restrict from, socklen_t *restrict len, int flags)
{
    static const int reasons[] = {EMFILE, EINTR, ECONNABORTED, ENFILE};

    if (script.failures == 0)
        return (int)syscall(SYS_accept4, fd, from, len, flags);
    script.failures--;
    errno = reasons[script.how_fails];
    return -1;
}

static void
turn(void *context, int64_t now)
{
    (void)context;
    require(now == now_ms);
}

static void
child(void *context)
{
    (void)context;
}

/* What an answer to a request is: its words again, or as much as "/large" asks for, or nothing. */
static void
put_echo(struct buf *out, const char *method, const char *path, const char *query)
{
    char text[ECHO_MAX] = {0};
    size_t i;

    if (path != NULL && strcmp(path, "/nothing") == 0)
        return;
    snprintf(text, sizeof(text), "%s|%s|%s|", method, path != NULL ? path : "-",
             query != NULL ? query : "-");
    buf_puts(out, text);
    if (path != NULL && strcmp(path, "/large") == 0)
        for (i = 0; i < LARGE / sizeof(text); i++)
            buf_put(out, text, sizeof(text));
}

static void
answer(void *context, const struct request *request, struct buf *out)
{
    (void)context;
    script.answers++;
    require(request->method != NULL);
    if (request->path != NULL && strcmp(request->path, "/too-large") == 0)
        while (!out->failed)
            put_echo(out, "", "/large", "");
    put_echo(out, request->method, request->path, request->query);
}

/*
 * One request and its answer, if there is one: what was asked is what is answered. Returns the
 * answer's length; 0: it has not come, or not all of it.
 */
static size_t
check_answer(const struct asked *asked, const uint8_t *got, size_t len)
{
    struct buf content, wanted;
    size_t n;

    buf_init(&content, 1 << 20);
    buf_init(&wanted, 1 << 20);
    put_echo(&wanted, asked->method, asked->path, asked->query);
    n = read_answer(got, len, asked->id, &content);
    if (n > 0)
        require(content.len == wanted.len &&
                (content.len == 0 || memcmp(content.data, wanted.data, content.len) == 0));
    buf_release(&content);
    buf_release(&wanted);
    return n;
}

/*
 * The answers of a connection are to the requests that were sent over it, in their order, and to
 * nothing that stands behind a request's body. Returns how many may have been answered, whether or
 * not the client has seen it.
 */
static size_t
check_peer(const struct peer *peer)
{
    const uint8_t *sent = (const uint8_t *)peer->sent.data, *got = (const uint8_t *)peer->got.data;
    size_t at = 0, from = 0, n, count = 0;
    struct asked asked = {.may_go_on = true};
    struct head head;
    bool is_open, is_lost = false;

    while (asked.may_go_on) {
        release_asked(&asked);
        /* With all that came later; in the loop it may have been seen alone, as clean. */
        if (peer->sent.len == at ||
            judge(sent + at, peer->sent.len - at, &head, &is_open) != HEAD_WHOLE)
            break;
        read_asked(sent + at, head.keep_connection, &asked);
        if (asked.method == NULL)
            break;
        count++;
        n = !is_lost && from < peer->got.len
                ? check_answer(&asked, got + from, peer->got.len - from)
                : 0;
        /* No time has passed and nobody went away: the first cannot be lost. */
        if (n == 0)
            require(!script.was_calm || count > 1 || is_open ||
                    (asked.path != NULL && strcmp(asked.path, "/too-large") == 0));
        is_lost |= n == 0;
        from += n;
        at += asked.len;
    }
    release_asked(&asked);
    require(is_lost || from == peer->got.len);
    return count;
}

static void
start(const uint8_t *data, size_t size)
{
    size_t steps = data[0] < size ? data[0] : size - 1;
    int i;

    memset(&script, 0, sizeof(script));
    script.step = data + 1;
    script.steps_end = script.byte = data + 1 + steps;
    script.bytes_end = data + size;
    script.was_calm = true;
    for (i = 0; i < CONNECTIONS; i++) {
        script.peers[i].fd = -1;
        buf_init(&script.peers[i].sent, 1 << 20);
        buf_init(&script.peers[i].got, 64 << 20);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fastcgi_app app = {&script, answer, turn, child};
    struct error error = {.text = ""};
    sigset_t before;
    size_t most = 0;
    int i, left;

    if (size == 0)
        return 0;
    start(data, size);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    fastcgi_block_signals();
    require(fastcgi_run(listener, &app, &error) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* Who came too late. */
    script.failures = 0;
    while ((left = accept4(listener, NULL, NULL, 0)) >= 0)
        close(left);
    for (i = 0; i < CONNECTIONS; i++) {
        struct peer *peer = &script.peers[i];

        while (read_bytes(peer, 64 * 1024))
            ;
        close_peer(peer);
        require(!peer->sent.failed && !peer->got.failed);
        most += check_peer(peer);
        buf_release(&peer->sent);
        buf_release(&peer->got);
    }
    require(script.answers <= most);
    return 0;
}
