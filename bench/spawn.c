/*
 * What a whole process costs, from its start until it has been waited for.
 *
 *     spawn COUNT COMMAND [ARGUMENT…]
 *
 * Runs the command (a path) that often, one after the other, with the null device for fd 0 to 2.
 * Prints the median in microseconds.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
run(char **command, const posix_spawn_file_actions_t *files)
{
    int status;
    pid_t pid;

    if (posix_spawn(&pid, command[0], files, NULL, command, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "spawn: %s failed\n", command[0]);
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    size_t count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, i;
    double *times = calloc(count + 1, sizeof(*times)), start;
    posix_spawn_file_actions_t files;

    if (count == 0 || times == NULL) {
        fputs("usage: spawn COUNT COMMAND [ARGUMENT…]\n", stderr);
        free(times);
        return 2;
    }
    posix_spawn_file_actions_init(&files);
    for (i = 0; i < 3; i++)
        posix_spawn_file_actions_addopen(&files, (int)i, "/dev/null", O_RDWR, 0);
    for (i = 0; i < count; i++) {
        start = now_us();
        run(argv + 2, &files);
        times[i] = now_us() - start;
    }
    qsort(times, count, sizeof(*times), compare);
    printf("%.1f\n", times[count / 2]);
    posix_spawn_file_actions_destroy(&files);
    free(times);
    return 0;
}
