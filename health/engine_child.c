/* The engine's process; see engine.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "file.h"

/* What Xray says of an outbound that it refuses. */
#define TAG "with tag n"

enum { OUTPUT_MAX = 4 * 1024 * 1024 };

/* A file in memory, with a number that no standard descriptor has. */
static int
make_memory(const char *name)
{
    int low = memfd_create(name, MFD_CLOEXEC), fd;

    if (low < 0)
        return -1;
    fd = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(low);
    return fd;
}

/* In the child, where only what is safe in a signal handler may be called. */
static void
become(const char *program, const char *const *words, pid_t parent, int input, int output)
{
    static const char complaint[] = " > cannot be started\n";
    sigset_t none;
    int number;

    sigemptyset(&none);
    for (number = 1; number < SIGRTMIN; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(0077);
    /* What it says is kept in memory. */
    setrlimit(RLIMIT_FSIZE, &(const struct rlimit){OUTPUT_MAX, OUTPUT_MAX});
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(output, STDERR_FILENO) >= 0)
        execvp(program, (char *const *)(uintptr_t)words);
    (void)!write(output, complaint, sizeof(complaint) - 1);
    _exit(127);
}

pid_t
engine_spawn(const char *program, const char *const *words, const struct buf *input, int *output,
             struct error *error)
{
    pid_t parent = getpid(), pid = -1;
    int in = make_memory("engine-in");

    *output = make_memory("engine-out");
    if (in < 0 || *output < 0 || file_write_all(in, input->data, input->len) != 0 ||
        lseek(in, 0, SEEK_SET) != 0 || (pid = fork()) < 0)
        error_set(error, "health.engine: %s", strerror(errno));
    if (pid == 0)
        become(program, words, parent, in, *output);
    if (in >= 0)
        close(in);
    if (pid < 0 && *output >= 0) {
        close(*output);
        *output = -1;
    }
    return pid;
}

/* Reads the end of what it said, as a string. */
static void
read_end(int output, char *text, size_t size)
{
    off_t all = lseek(output, 0, SEEK_END), room = (off_t)size - 1;
    ssize_t len = pread(output, text, size - 1, all > room ? all - room : 0);

    text[len > 0 ? len : 0] = '\0';
    for (len = (ssize_t)strlen(text); len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r');)
        text[--len] = '\0';
}

size_t
engine_last_words(int output, char words[static ENGINE_REASON])
{
    char text[4096], *line, *part, *tag, *rest;
    unsigned long number = SIZE_MAX;
    size_t i;

    read_end(output, text, sizeof(text));
    line = strrchr(text, '\n') != NULL ? strrchr(text, '\n') + 1 : text;
    if ((tag = strstr(line, TAG)) != NULL) {
        number = strtoul(tag + strlen(TAG), &rest, 10);
        if (rest == tag + strlen(TAG))
            number = SIZE_MAX;
    }
    while ((part = strstr(line, " > ")) != NULL)
        line = part + 3;
    snprintf(words, ENGINE_REASON, "%.*s", ENGINE_REASON - 1, line);
    for (i = 0; words[i] != '\0'; i++)
        if ((unsigned char)(words[i] - ' ') > '~' - ' ')
            words[i] = '?';
    return number;
}
