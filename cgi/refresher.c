#include "refresher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_PIPE = 3 };

/* The command beside this program, else where it is installed. */
static void
find_command(char *out, size_t size)
{
    char self[PATH_MAX], *slash;
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash != NULL) {
        *slash = '\0';
        if (snprintf(out, size, "%s/signpost", self) < (int)size && access(out, X_OK) == 0)
            return;
        if (snprintf(out, size, "%s/../bin/signpost", self) < (int)size && access(out, X_OK) == 0)
            return;
    }
    snprintf(out, size, "%s/signpost", SIGNPOST_BINDIR);
}

static int
spawn(struct refresher *refresher, const char *command, char *const *argv, int child_end)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int fd, rc;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_init(&files);
    /* The pipe first: its number may be one that is opened over. */
    posix_spawn_file_actions_adddup2(&files, child_end, CHILD_PIPE);
    for (fd = 0; fd < CHILD_PIPE; fd++)
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, CHILD_PIPE + 1);
    rc = posix_spawn(&refresher->pid, command, &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

int
refresher_start(struct refresher *refresher, const char *config_file, struct error *error)
{
    char command[PATH_MAX + 32];
    const char *argv[8] = {"signpost", "compile", "--watch", "--while-open", "3"};
    int ends[2], rc;

    refresher->pid = 0;
    if (config_file != NULL) {
        argv[5] = "-c";
        argv[6] = config_file;
    }
    find_command(command, sizeof(command));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(error, "no pipe: %s", strerror(errno));
    /* posix_spawn does not change the strings. */
    rc = spawn(refresher, command, (char *const *)(uintptr_t)argv, ends[0]);
    close(ends[0]);
    refresher->pipe = ends[1];
    if (rc == 0)
        return 0;
    close(ends[1]);
    refresher->pid = 0;
    return error_set(error, "%s cannot be started: %s", command, strerror(rc));
}

int
refresher_ended(struct refresher *refresher)
{
    pid_t pid = refresher->pid != 0 ? waitpid(refresher->pid, NULL, WNOHANG) : 0;

    if (pid == 0 || (pid < 0 && errno != ECHILD))
        return 0;
    refresher->pid = 0;
    close(refresher->pipe);
    return 1;
}

void
refresher_stop(struct refresher *refresher)
{
    if (refresher->pid == 0)
        return;
    close(refresher->pipe);
    /* It may be in the middle of a long compile, or stopped; it is safe to end it at any point. */
    kill(refresher->pid, SIGKILL);
    while (waitpid(refresher->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    refresher->pid = 0;
}
