/* The engine's process; see engine.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "file.h"

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

    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(0077);
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

int
engine_wait(pid_t pid, int ms, int stop_fd)
{
    int fd = pidfd_open(pid, 0), status = -1;
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    int ready = -1;

    if (fd >= 0) {
        do
            ready = poll(fds, 2, ms);
        while (ready < 0 && errno == EINTR);
        close(fd);
    }
    if (ready > 0 && fds[0].revents != 0)
        return waitpid(pid, &status, 0) == pid ? status : -1;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

void
engine_last_words(int output, char words[static ENGINE_REASON])
{
    char text[4096];
    off_t size = lseek(output, 0, SEEK_END);
    ssize_t len = pread(output, text, sizeof(text) - 1,
                        size >= (off_t)sizeof(text) ? size - (off_t)sizeof(text) + 1 : 0);
    char *line, *part;
    size_t i;

    text[len > 0 ? len : 0] = '\0';
    for (i = strlen(text); i > 0 && (text[i - 1] == '\n' || text[i - 1] == '\r'); i--)
        text[i - 1] = '\0';
    line = strrchr(text, '\n') != NULL ? strrchr(text, '\n') + 1 : text;
    while ((part = strstr(line, " > ")) != NULL)
        line = part + 3;
    snprintf(words, ENGINE_REASON, "%.*s", ENGINE_REASON - 1, line);
    for (i = 0; words[i] != '\0'; i++)
        if ((unsigned char)(words[i] - ' ') > '~' - ' ')
            words[i] = '?';
}
