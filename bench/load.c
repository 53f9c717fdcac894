/*
 * A load generator for HTTP/1.1 with kept connections on 127.0.0.1: one thread, closed loop (each
 * connection asks again when it is answered) or open loop (requests fall due at a fixed rate
 * whatever the answers do, and their time runs from when they fell due).
 *
 *     load PORT CONNECTIONS SECONDS RATE PATH…     RATE 0: closed loop
 *     load PORT CONNECTIONS SECONDS RATE @FILE     a path a line, or METHOD PATH [HEADER: VALUE]
 *
 * LOAD_FROM in the environment: the address to come from, of the loopback network.
 *
 * Prints one line of JSON: requests, missing (answers 404), unchanged (304), retried, other (none
 * of 200, 304 and 404, of unknown length, or broken off), seconds, rate, and latencies in
 * microseconds. Paths are asked in turn; those of a file are shuffled first. Retried are requests
 * on a kept connection that was closed before any byte of the answer: they go out once more, on a
 * new one, as any client does; on a new connection that is an `other`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024, SAMPLES_MAX = 32 * 1024 * 1024 };

struct request {
    char *text;
    bool is_head;
};

struct connection {
    int fd;
    bool is_busy;
    bool has_answered;
    const struct request *request; /* the one under way */
    int64_t due;                   /* when the request under way was to be sent, in nanoseconds */
    size_t len;
    char answer[ANSWER_MAX];
};

static struct {
    struct connection *connections;
    size_t connection_count;
    int epoll;
    int port;
    struct request *requests;
    size_t request_count, next_request;
    uint32_t *samples; /* microseconds */
    size_t sample_count;
    size_t missing, unchanged, retried, other;
    bool is_open_loop;
} load;

static int64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
connect_one(struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)load.port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    struct sockaddr_in own = {.sin_family = AF_INET};
    const char *from = getenv("LOAD_FROM");

    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (from != NULL && (inet_pton(AF_INET, from, &own.sin_addr) != 1 ||
                         bind(connection->fd, (struct sockaddr *)&own, sizeof(own)) != 0))
        die("LOAD_FROM");
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("epoll_ctl");
    connection->len = 0;
    connection->is_busy = false;
    connection->has_answered = false;
}

/* Whether the request went out; else the peer has closed. */
static bool
is_sent(struct connection *connection)
{
    const char *text = connection->request->text;
    size_t len = strlen(text);

    connection->is_busy = true;
    connection->len = 0;
    return send(connection->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void
ask(struct connection *connection, int64_t due)
{
    connection->request = &load.requests[load.next_request++ % load.request_count];
    connection->due = due;
    if (is_sent(connection))
        return;
    load.retried++;
    close(connection->fd);
    connect_one(connection);
    if (!is_sent(connection))
        die("send");
}

/* The peer has closed the connection: nginx does after keepalive_requests, and when it reloads. */
static void
come_again(struct connection *connection)
{
    bool is_busy = connection->is_busy;
    bool is_retry = connection->has_answered && connection->len == 0;

    close(connection->fd);
    connect_one(connection);
    if (is_busy && is_retry) {
        load.retried++;
        if (!is_sent(connection))
            die("send");
        return;
    }
    load.other += is_busy;
    if (!load.is_open_loop)
        ask(connection, now_ns());
}

/* Whether a whole answer lies there; sets its status. */
static bool
is_whole(struct connection *connection, int *status)
{
    char *end, *field;
    size_t body = 0;

    connection->answer[connection->len] = '\0';
    end = strstr(connection->answer, "\r\n\r\n");
    if (end == NULL)
        return false;
    *status = (int)strtol(connection->answer + 9, NULL, 10);
    if (*status == 304 || connection->request->is_head)
        return true;
    field = strcasestr(connection->answer, "\r\nContent-Length:");
    if (field != NULL && field < end)
        body = strtoul(field + 17, NULL, 10);
    else
        load.other++; /* in chunks: where it ends is not understood here */
    if (connection->len < (size_t)(end + 4 - connection->answer) + body)
        return false;
    return true;
}

static void
take(struct connection *connection)
{
    ssize_t n = recv(connection->fd, connection->answer + connection->len,
                     ANSWER_MAX - 1 - connection->len, MSG_DONTWAIT);
    int64_t now;
    int status;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        come_again(connection);
        return;
    }
    connection->len += (size_t)n;
    if (!is_whole(connection, &status))
        return;
    now = now_ns();
    if (status != 200 && status != 304 && status != 404)
        load.other++;
    load.missing += status == 404;
    load.unchanged += status == 304;
    if (load.sample_count < SAMPLES_MAX)
        load.samples[load.sample_count++] = (uint32_t)((now - connection->due) / 1000);
    connection->is_busy = false;
    connection->has_answered = true;
    if (!load.is_open_loop)
        ask(connection, now);
}

static void
wait_for_answers(int64_t until)
{
    struct epoll_event events[128];
    int64_t left = until - now_ns();
    struct timespec timeout = {0};
    int i, n;

    if (left > 0)
        timeout = (struct timespec){left / 1000000000, left % 1000000000};
    n = epoll_pwait2(load.epoll, events, 128, &timeout, NULL);
    for (i = 0; i < n; i++)
        take(events[i].data.ptr);
}

static struct connection *
idle_connection(void)
{
    static size_t next;
    size_t i;

    for (i = 0; i < load.connection_count; i++) {
        struct connection *connection = &load.connections[next++ % load.connection_count];

        if (!connection->is_busy)
            return connection;
    }
    return NULL;
}

static void
run_open_loop(int64_t start, int64_t end, double rate)
{
    double step = 1e9 / rate;
    int64_t due = start, sent = 0, now;
    struct connection *connection;

    while ((now = now_ns()) < end) {
        while (due <= now && (connection = idle_connection()) != NULL) {
            ask(connection, due);
            due = start + (int64_t)((double)++sent * step);
        }
        wait_for_answers(due > now ? due : now + 1000000);
    }
}

static void
run_closed_loop(int64_t start, int64_t end)
{
    size_t i;

    for (i = 0; i < load.connection_count; i++)
        ask(&load.connections[i], start);
    while (now_ns() < end)
        wait_for_answers(end);
}

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static unsigned
percentile(double share)
{
    if (load.sample_count == 0)
        return 0;
    return load.samples[(size_t)(share * (double)(load.sample_count - 1))];
}

/* A line: PATH, or METHOD PATH and perhaps a field of the head. */
static void
add_path(const char *line)
{
    static size_t room;
    char method[16] = "GET";
    const char *path = line, *field;
    struct request *request;

    if (load.request_count == room) {
        room = room == 0 ? 16 : room * 2;
        load.requests = realloc(load.requests, room * sizeof(*load.requests));
        if (load.requests == NULL)
            die("add_path");
    }
    if (line[0] != '/') {
        path = strchr(line, ' ');
        if (path == NULL || (size_t)(path - line) >= sizeof(method))
            die(line);
        memcpy(method, line, (size_t)(path - line));
        method[path++ - line] = '\0';
    }
    field = strchr(path, ' ');
    request = &load.requests[load.request_count++];
    request->is_head = strcmp(method, "HEAD") == 0;
    if (asprintf(&request->text, "%s %.*s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n", method,
                 field == NULL ? (int)strlen(path) : (int)(field - path), path,
                 field == NULL ? "" : field + 1, field == NULL ? "" : "\r\n") < 0)
        die("add_path");
}

static void
add_file(const char *name)
{
    FILE *file = fopen(name, "r");
    struct request request;
    char *line = NULL;
    size_t room = 0, i, other;

    if (file == NULL)
        die(name);
    while (getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        add_path(line);
    }
    free(line);
    fclose(file);
    /* The same order every time. */
    srandom(1);
    for (i = load.request_count; i > 1; i--) {
        other = (size_t)random() % i;
        request = load.requests[i - 1];
        load.requests[i - 1] = load.requests[other];
        load.requests[other] = request;
    }
}

int
main(int argc, char **argv)
{
    int64_t start, end;
    double seconds, rate;
    size_t i;

    if (argc < 6) {
        fputs("usage: load PORT CONNECTIONS SECONDS RATE PATH…|@FILE\n", stderr);
        return 2;
    }
    load.port = (int)strtol(argv[1], NULL, 10);
    load.connection_count = strtoul(argv[2], NULL, 10);
    seconds = strtod(argv[3], NULL);
    rate = strtod(argv[4], NULL);
    load.is_open_loop = rate > 0;
    load.connections = calloc(load.connection_count, sizeof(*load.connections));
    load.samples = malloc(SAMPLES_MAX * sizeof(*load.samples));
    load.epoll = epoll_create1(0);
    if (load.connections == NULL || load.samples == NULL || load.epoll < 0)
        die("start");
    if (argv[5][0] == '@')
        add_file(argv[5] + 1);
    for (i = 5; argv[5][0] != '@' && i < (size_t)argc; i++)
        add_path(argv[i]);
    if (load.request_count == 0)
        die("no path");
    for (i = 0; i < load.connection_count; i++)
        connect_one(&load.connections[i]);
    start = now_ns();
    end = start + (int64_t)(seconds * 1e9);
    if (load.is_open_loop)
        run_open_loop(start, end, rate);
    else
        run_closed_loop(start, end);
    seconds = (double)(now_ns() - start) / 1e9;
    qsort(load.samples, load.sample_count, sizeof(*load.samples), compare);
    printf("{\"requests\": %zu, \"missing\": %zu, \"unchanged\": %zu, \"retried\": %zu, "
           "\"other\": %zu, \"seconds\": %.3f, \"rate\": %.0f, \"p50\": %u, "
           "\"p99\": %u, \"p999\": %u, \"max\": %u}\n",
           load.sample_count, load.missing, load.unchanged, load.retried, load.other, seconds,
           (double)load.sample_count / seconds, percentile(.5), percentile(.99), percentile(.999),
           percentile(1));
    return 0;
}
