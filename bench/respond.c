/*
 * What one answer costs without any server around it: respond() and response_put() on an open
 * snapshot.
 *
 *     respond SNAPSHOT COUNT UUID…
 *
 * Prints the nanoseconds of one answer (UUIDs in turn). Under `valgrind --tool=callgrind` with two
 * counts, the difference tells the instructions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "respond.h"

static double
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int
main(int argc, char **argv)
{
    static struct config config;
    static struct site site;
    struct request request = {.method = "GET", .query = ""};
    struct response response;
    struct snapshot snapshot;
    struct error error;
    struct buf out;
    long i, count;
    char(*paths)[48];
    double start;
    int devices = argc - 3;

    if (argc < 4 || snapshot_open(&snapshot, argv[1], &error) != 0) {
        fputs("usage: respond SNAPSHOT COUNT UUID…\n", stderr);
        return 2;
    }
    count = strtol(argv[2], NULL, 10);
    paths = calloc((size_t)devices, sizeof(*paths));
    if (paths == NULL)
        return 1;
    for (i = 0; i < devices; i++)
        snprintf(paths[i], sizeof(paths[i]), "/api/%s", argv[3 + i]);
    site_init(&site, &config);
    site.snapshot = &snapshot;
    buf_init(&out, 4 * 1024 * 1024);
    start = now_ns();
    for (i = 0; i < count; i++) {
        request.path = paths[i % devices];
        respond(&request, &site, 0, &response);
        buf_clear(&out);
        response_put(&out, &response);
    }
    printf("%.0f\n", (now_ns() - start) / (double)count);
    free(paths);
    buf_release(&out);
    site_release(&site);
    snapshot_close(&snapshot);
    return 0;
}
