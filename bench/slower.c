/*
 * The responder, but slower on purpose where a path starts with a word: the control of what
 * bench/timing says of the real one. fd 0 is the listening socket.
 *
 *     slower NANOSECONDS START
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fastcgi.h"
#include "fault.h"
#include "service.h"

struct slower {
    struct service service;
    int64_t ns;
    const char *start;
};

static int64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
answer(void *context, const struct request *request, struct buf *out)
{
    struct slower *slower = context;
    int64_t until;

    service_answer(&slower->service, request, out);
    if (request->path == NULL || strncmp(request->path, slower->start, strlen(slower->start)) != 0)
        return;
    until = now_ns() + slower->ns;
    while (now_ns() < until)
        ;
}

static void
turn(void *context, int64_t now_ms)
{
    service_look(&((struct slower *)context)->service, now_ms);
}

static void
child(void *context)
{
    (void)context;
}

int
main(int argc, char **argv)
{
    static struct slower slower;
    struct fastcgi_app app = {&slower, answer, turn, child};
    struct error error;

    if (argc != 3) {
        fputs("usage: slower NANOSECONDS START\n", stderr);
        return 2;
    }
    slower.ns = strtol(argv[1], NULL, 10);
    slower.start = argv[2];
    fault_watch();
    fastcgi_block_signals();
    if (service_init(&slower.service, NULL, &error) != 0 ||
        fastcgi_run(STDIN_FILENO, &app, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}
