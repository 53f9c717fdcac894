#include "refresher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
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

/*
 * Starts the command with standard descriptors that lead nowhere and, unless child_end is -1, that
 * descriptor as CHILD_PIPE. Returns 0 with *pid, or an error number.
 */
static int
spawn(const char *command, const char *const *argv, int child_end, bool is_detached, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int fd, rc = 0;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                  (is_detached ? POSIX_SPAWN_SETSID : 0)));
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_init(&files);
    /* The pipe first: its number may be one that is opened over. */
    if (child_end >= 0)
        rc = posix_spawn_file_actions_adddup2(&files, child_end, CHILD_PIPE);
    for (fd = 0; fd < CHILD_PIPE && rc == 0; fd++)
        rc = posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&files, CHILD_PIPE + (child_end >= 0));
    /* posix_spawn does not change the strings. */
    if (rc == 0)
        rc = posix_spawn(pid, command, &files, &attributes, (char *const *)(uintptr_t)argv,
                         environ);
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
    rc = spawn(command, argv, ends[0], false, &refresher->pid);
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

void
refresher_rebuild(const struct refresher *refresher)
{
    if (refresher->pid != 0)
        (void)!write(refresher->pipe, "d", 1);
}

int
refresher_run(const char *config_file, enum refresher_run how, struct error *error)
{
    char command[PATH_MAX + 32];
    const char *argv[6] = {"signpost", "compile"};
    int i = 2, rc;
    pid_t pid;

    if (how == REFRESHER_BACKGROUND)
        argv[i++] = "--background";
    if (config_file != NULL) {
        argv[i++] = "-c";
        argv[i] = config_file;
    }
    find_command(command, sizeof(command));
    rc = spawn(command, argv, -1, how != REFRESHER_AWAITED, &pid);
    if (rc != 0)
        return error_set(error, "%s cannot be started: %s", command, strerror(rc));
    while (how == REFRESHER_AWAITED && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return 0;
}
