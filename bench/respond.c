/*
 * What one answer costs without any server around it: respond() and response_put() on an open
 * snapshot.
 *
 *     respond SNAPSHOT COUNT QUERY UUID…
 *
 * With SIGNPOST_STATE in the environment, the nodes' health in that directory is looked at, too.
 * Prints the nanoseconds of one answer (UUIDs in turn) and how often it allocates memory. Under
 * `valgrind --tool=callgrind` with two counts, the difference tells the instructions.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "respond.h"

/* These stand before glibc's, which has them by other names too. */
extern void *libc_malloc(size_t) __asm__("__libc_malloc");
extern void *libc_calloc(size_t, size_t) __asm__("__libc_calloc");
extern void *libc_realloc(void *, size_t) __asm__("__libc_realloc");

static long allocations;

void *
malloc(size_t size)
{
    allocations++;
    return libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    allocations++;
    return libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
    allocations++;
    return libc_realloc(old, size);
}

static double
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int
usage(void)
{
    fputs("usage: respond SNAPSHOT COUNT QUERY UUID…\n", stderr);
    return 2;
}

/* Answers so often, for each path in turn. Returns whether all went well. */
static bool
answer(struct site *site, struct request *request, char (*paths)[48], long devices, long count,
       int64_t now)
{
    struct response response;
    struct buf out;
    bool good = true;
    long i;

    buf_init(&out, 4 * 1024 * 1024);
    for (i = 0; i < count && good; i++) {
        request->path = paths[i % devices];
        respond(request, site, now, &response);
        buf_clear(&out);
        response_put(&out, &response);
        good = response.status == 200;
    }
    buf_release(&out);
    return good;
}

int
main(int argc, char **argv)
{
    static struct config config;
    static struct site site;
    struct request request = {.method = "GET"};
    struct snapshot snapshot;
    struct error error;
    long i, count, devices = argc - 4, before;
    char(*paths)[48];
    const char *state = getenv("SIGNPOST_STATE");
    int64_t now = 0;
    double start;

    if (argc < 5 || snapshot_open(&snapshot, argv[1], &error) != 0 ||
        config_load(&config, "/dev/null", &error) != 0 ||
        (paths = calloc((size_t)devices, sizeof(*paths))) == NULL)
        return usage();
    count = strtol(argv[2], NULL, 10);
    request.query = argv[3];
    for (i = 0; i < devices; i++)
        snprintf(paths[i], sizeof(paths[i]), "/api/%s", argv[4 + i]);
    site_init(&site, &config);
    site.snapshot = &snapshot;
    if (state != NULL && liveness_init(&site.liveness, state, &config.health, &error) == 0) {
        liveness_look(&site.liveness);
        now = (int64_t)time(NULL);
    }
    /* What is made once is made now. */
    if (!answer(&site, &request, paths, devices, devices, now))
        return usage();
    before = allocations;
    start = now_ns();
    answer(&site, &request, paths, devices, count, now);
    printf("%.0f %.3f\n", (now_ns() - start) / (double)count,
           (double)(allocations - before) / (double)count);
    free(paths);
    site_release(&site);
    snapshot_close(&snapshot);
    config_release(&config);
    return 0;
}
