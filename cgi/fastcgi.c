#include "fastcgi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"
#include "fcgi_request.h"
#include "head.h"
#include "records_out.h"

enum {
    EVENTS = 64,    /* handled in one turn */
    ACCEPTS = 64,   /* accepted in one turn */
    DRAIN_MS = 200, /* after SIGTERM */
    PAUSE_MS = 100, /* between tries to accept when descriptors have run out */
    OUT_MAX = 4 * 1024 * 1024
};

struct loop {
    const struct fastcgi_app *app;
    struct connections connections;
    int epoll;
    int listener;
    int signals;
    bool is_accepting; /* the listener is in the epoll set */
    bool is_draining;
    int64_t drain_deadline;
    int64_t resume; /* when to accept again; only while not accepting */
    int64_t now;
    FCGX_Request request;
    struct buf out;
    unsigned char peek[HEAD_PEEK];
};

static int64_t
monotonic_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
set_state(struct loop *loop, struct connection *connection, enum state state)
{
    connection_move(&loop->connections, connection, state, loop->now);
}

static void
watch(struct loop *loop, struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    (void)epoll_ctl(loop->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void
start_accepting(struct loop *loop)
{
    /*
     * Of several processes that share the socket all are woken, and one is faster. With
     * EPOLLEXCLUSIVE a wake-up that has gone to a process which ends just then is lost, and so
     * waits who has come.
     */
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &loop->listener};

    if (!loop->is_accepting && !loop->is_draining &&
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->listener, &event) == 0)
        loop->is_accepting = true;
}

static void
stop_accepting(struct loop *loop)
{
    if (loop->is_accepting)
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener, NULL);
    loop->is_accepting = false;
}

/* The descriptor is closed or someone else's; closing took it out of the epoll set. */
static void
forget(struct loop *loop, struct connection *connection)
{
    connection_remove(&loop->connections, connection);
    buf_release(&connection->out);
    free(connection);
    start_accepting(loop);
}

static void
disconnect(struct loop *loop, struct connection *connection)
{
    close(connection->fd);
    forget(loop, connection);
}

/* The answer is out. */
static void
after_answer(struct loop *loop, struct connection *connection)
{
    if (!connection->is_clean && shutdown(connection->fd, SHUT_WR) == 0) {
        watch(loop, connection, EPOLLIN);
        set_state(loop, connection, STATE_LINGER);
    } else if (connection->keep && !loop->is_draining) {
        set_state(loop, connection, STATE_IDLE);
    } else {
        disconnect(loop, connection);
    }
}

/*
 * Writes what it can of the given bytes. Returns how many, or -1. By write, which the sandbox
 * allows whatever its arguments: of send it has to look at them, each time.
 */
static ssize_t
send_some(int fd, const char *bytes, size_t len)
{
    ssize_t n;

    do
        n = write(fd, bytes, len);
    while (n < 0 && errno == EINTR);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : n;
}

static void
send_answer(struct loop *loop, struct connection *connection)
{
    ssize_t n = send_some(connection->fd, loop->out.data, loop->out.len);

    if (n < 0) {
        disconnect(loop, connection);
        return;
    }
    if ((size_t)n == loop->out.len) {
        after_answer(loop, connection);
        return;
    }
    buf_init(&connection->out, OUT_MAX);
    buf_put(&connection->out, loop->out.data + n, loop->out.len - (size_t)n);
    if (connection->out.failed) {
        disconnect(loop, connection);
        return;
    }
    connection->written = 0;
    watch(loop, connection, EPOLLOUT);
    set_state(loop, connection, STATE_WRITING);
}

static void
go_on_writing(struct loop *loop, struct connection *connection)
{
    struct buf *out = &connection->out;
    ssize_t n = send_some(connection->fd, out->data + connection->written,
                          out->len - connection->written);

    if (n < 0) {
        disconnect(loop, connection);
        return;
    }
    connection->written += (size_t)n;
    if (connection->written < out->len)
        return;
    buf_release(out);
    /* Setting the events anew reports what has come meanwhile. */
    watch(loop, connection, EPOLLIN | EPOLLRDHUP | EPOLLET);
    after_answer(loop, connection);
}

/* Throws away what still comes, a bounded piece a turn. */
static void
linger(struct loop *loop, struct connection *connection)
{
    ssize_t n = recv(connection->fd, loop->peek, sizeof(loop->peek), MSG_DONTWAIT);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    disconnect(loop, connection);
}

/* is_over: the peer will send no more. It may still want the answer. */
static void
serve(struct loop *loop, struct connection *connection, const struct head *head, bool is_over)
{
    FCGX_Request *fcgi = &loop->request;
    struct request request;

    connection->is_clean = head->is_clean;
    connection->keep = head->keep_connection && head->is_clean && !is_over;
    if (fcgi_request_read(fcgi, connection->fd, connection->is_clean, &request) != 0) {
        forget(loop, connection);
        return;
    }
    records_begin(&loop->out);
    if (request.method != NULL)
        loop->app->answer(loop->app->context, &request, &loop->out);
    records_end(&loop->out, (unsigned)fcgi->requestId);
    fcgi_request_release(fcgi);
    if (request.method == NULL || loop->out.failed)
        disconnect(loop, connection);
    else
        send_answer(loop, connection);
}

static void
read_request(struct loop *loop, struct connection *connection, bool is_over)
{
    struct head head;
    ssize_t n;

    do
        n = recv(connection->fd, loop->peek, sizeof(loop->peek), MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n <= 0) {
        disconnect(loop, connection);
        return;
    }
    switch (head_check(loop->peek, (size_t)n, &head)) {
    case HEAD_WHOLE:
        serve(loop, connection, &head, is_over);
        break;
    case HEAD_PART:
        /* The time for it runs from its first byte, however it drips. */
        if (is_over)
            disconnect(loop, connection);
        else if (connection->state == STATE_IDLE)
            set_state(loop, connection, STATE_HEAD);
        break;
    case HEAD_BAD:
        disconnect(loop, connection);
        break;
    }
}

static void
add_connection(struct loop *loop, int fd)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};

    event.data.ptr = connection;
    if (connection == NULL || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(connection);
        close(fd);
        return;
    }
    connection->fd = fd;
    connection_add(&loop->connections, connection, STATE_IDLE, loop->now);
}

/* accept4 failed for want of descriptors or memory. Returns whether there is room now. */
static bool
make_room(struct loop *loop)
{
    struct connection *idle = loop->connections.first[STATE_IDLE];
    char byte;

    /* A request may have come that no event has told of yet. */
    while (idle != NULL && recv(idle->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        idle = idle->next;
    if (idle != NULL) {
        disconnect(loop, idle);
        return true;
    }
    /* For a moment or until a connection ends; the ready socket would wake us in vain. */
    stop_accepting(loop);
    loop->resume = loop->now + PAUSE_MS;
    return false;
}

static bool
is_somebody_waiting(const struct loop *loop)
{
    struct pollfd listener = {.fd = loop->listener, .events = POLLIN};

    return poll(&listener, 1, 0) > 0;
}

static void
accept_some(struct loop *loop)
{
    int i, fd;

    for (i = 0; i < ACCEPTS && loop->is_accepting; i++) {
        fd = accept4(loop->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            add_connection(loop, fd);
            continue;
        }
        switch (errno) {
        case EINTR:
        case ECONNABORTED:
            continue;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            /* Descriptors are asked for first, even when nobody is waiting. */
            if (!is_somebody_waiting(loop))
                return;
            if (make_room(loop))
                continue;
            return;
        default: /* EAGAIN: another process was faster */
            return;
        }
    }
}

static void
take_signals(struct loop *loop)
{
    struct signalfd_siginfo info;

    while (read(loop->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (loop->is_draining)
            continue;
        if (info.ssi_signo == SIGCHLD) {
            loop->app->child(loop->app->context);
        } else {
            stop_accepting(loop);
            loop->is_draining = true;
            loop->drain_deadline = loop->now + DRAIN_MS;
        }
    }
}

static void
handle(struct loop *loop, const struct epoll_event *event)
{
    struct connection *connection = event->data.ptr;

    switch (connection->state) {
    case STATE_WRITING:
        go_on_writing(loop, connection);
        break;
    case STATE_LINGER:
        linger(loop, connection);
        break;
    default:
        read_request(loop, connection, (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
        break;
    }
}

/* How long to sleep, in milliseconds; -1: until something happens. */
static int
time_to_sleep(const struct loop *loop)
{
    int64_t first = connection_deadline(&loop->connections);

    if (loop->is_draining && loop->drain_deadline < first)
        first = loop->drain_deadline;
    if (!loop->is_draining && !loop->is_accepting && loop->resume < first)
        first = loop->resume;
    if (first == INT64_MAX)
        return -1;
    return first <= loop->now ? 0 : (int)(first - loop->now);
}

static void
turn(struct loop *loop)
{
    struct epoll_event events[EVENTS];
    struct connection *overdue;
    bool is_ready = false;
    int i, n;

    n = epoll_wait(loop->epoll, events, EVENTS, time_to_sleep(loop));
    loop->now = monotonic_ms();
    loop->app->turn(loop->app->context, loop->now);
    for (i = 0; i < n; i++) {
        if (events[i].data.ptr == &loop->signals)
            take_signals(loop);
        else if (events[i].data.ptr == &loop->listener)
            is_ready = true;
        else
            handle(loop, &events[i]);
    }
    while ((overdue = connection_overdue(&loop->connections, loop->now)) != NULL)
        disconnect(loop, overdue);
    if (!loop->is_accepting && loop->now >= loop->resume)
        start_accepting(loop);
    /* Last: making room closes connections, and no event of this turn may point to one of them. */
    if (is_ready)
        accept_some(loop);
}

static sigset_t
our_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    return set;
}

void
fastcgi_block_signals(void)
{
    sigset_t set = our_signals();

    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* Where it is ignored, the system buries our child and tells nobody. */
    signal(SIGCHLD, SIG_DFL);
}

static int
start(struct loop *loop, struct error *error)
{
    struct epoll_event event = {.events = EPOLLIN};
    sigset_t set = our_signals();
    int flags = fcntl(loop->listener, F_GETFL);

    /* On closing, libfcgi would wait for the peer; nothing of it is needed here. */
    setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1);
    if (FCGX_Init() != 0)
        return error_set(error, "libfcgi cannot be initialised");
    /* It has put handlers of its own in place. */
    fastcgi_block_signals();
    loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    event.data.ptr = &loop->signals;
    /* Another process may take what epoll has seen: accepting must not wait. */
    if (loop->signals < 0 || loop->epoll < 0 || flags < 0 ||
        fcntl(loop->listener, F_SETFL, flags | O_NONBLOCK) != 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->signals, &event) != 0)
        return error_set(error, "the event loop cannot start: %s", strerror(errno));
    start_accepting(loop);
    if (!loop->is_accepting)
        return error_set(error, "the listening socket cannot be watched: %s", strerror(errno));
    return 0;
}

static void
close_all(struct loop *loop)
{
    struct connection *connection;

    loop->is_draining = true;
    while ((connection = connection_any(&loop->connections)) != NULL)
        disconnect(loop, connection);
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->signals >= 0)
        close(loop->signals);
    buf_release(&loop->out);
}

int
fastcgi_run(int listener, const struct fastcgi_app *app, struct error *error)
{
    static struct loop loop; /* large: the peek buffer */
    int rc;

    memset(&loop, 0, sizeof(loop));
    loop.app = app;
    loop.listener = listener;
    loop.epoll = loop.signals = -1;
    buf_init(&loop.out, OUT_MAX);
    rc = start(&loop, error);
    loop.now = monotonic_ms();
    while (rc == 0 && (!loop.is_draining || (loop.now < loop.drain_deadline &&
                                             connection_any(&loop.connections) != NULL)))
        turn(&loop);
    close_all(&loop);
    return rc;
}
