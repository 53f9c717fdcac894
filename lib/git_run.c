/* The half of git.h that runs git. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "git.h"

enum { SETTINGS_MAX = 1024 * 1024, ARGUMENTS = 48, OUT_BUFFER = 256 * 1024, MISSING_PROGRAM = 127 };

/* The words of a command: what every one starts with, then its own. */
struct command {
    const char *words[ARGUMENTS];
    size_t count;
    char directory[PATH_MAX + 16]; /* --git-dir=… */
    char top[PATH_MAX + 16];       /* --work-tree=… */
    char *settings;                /* more for the environment, each with its NUL; or NULL */
    size_t settings_len;
    char trees[2][GIT_HEX + PATH_MAX + 2];
};

static void
add(struct command *command, const char *word)
{
    if (command->count < ARGUMENTS - 1)
        command->words[command->count++] = word;
}

static void
begin(struct command *command, const struct git *git)
{
    /* Nothing that the repository's own configuration names is run, nothing is fetched. */
    static const char *const safe[] = {"git",
                                       "-c",
                                       "core.fsmonitor=false",
                                       "-c",
                                       "core.hooksPath=/dev/null",
                                       "-c",
                                       "protocol.allow=never",
                                       "-c",
                                       "core.quotePath=false"};
    size_t i;

    memset(command, 0, sizeof(*command));
    for (i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
        add(command, safe[i]);
    /* Given so, git does not ask whose the repository is: it may be another user's. */
    snprintf(command->directory, sizeof(command->directory), "--git-dir=%s", git->directory);
    add(command, command->directory);
    /* Else core.worktree makes paths relative to wherever we are. */
    snprintf(command->top, sizeof(command->top), "--work-tree=%s", git->top);
    add(command, command->top);
    add(command, "-C");
    add(command, git->top);
}

static void
add_tree(struct command *command, int i, const struct git *git, const char *commit)
{
    snprintf(command->trees[i], sizeof(command->trees[i]), "%s:%s", commit, git->prefix);
    add(command, command->trees[i]);
}

static void
add_paths(struct command *command, const char *const *paths)
{
    add(command, "--");
    for (; *paths != NULL; paths++)
        add(command, *paths);
}

/* The environment without what steers git, and with what keeps it quiet. Free the array only. */
static char **
make_environment(const struct command *command)
{
    static const char *const more[] = {
        "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",    "GIT_NO_LAZY_FETCH=1",
        "GIT_ALLOW_PROTOCOL=",  "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C"};
    size_t count = 0, n = 0, i;
    char **list;

    while (environ[count] != NULL)
        count++;
    for (i = 0; i < command->settings_len; i++)
        count += command->settings[i] == '\0';
    list = calloc(count + sizeof(more) / sizeof(more[0]) + 1, sizeof(*list));
    if (list == NULL)
        return NULL;
    for (i = 0; environ[i] != NULL; i++)
        if (strncmp(environ[i], "GIT_", 4) != 0 && strncmp(environ[i], "LC_ALL=", 7) != 0)
            list[n++] = environ[i];
    for (i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        list[n++] = (char *)(uintptr_t)more[i];
    for (i = 0; i < command->settings_len; i += strlen(command->settings + i) + 1)
        list[n++] = command->settings + i;
    return list;
}

/* Starts a command with the three descriptors. Returns 0 with *pid, or an error number. */
static int
spawn(const struct command *command, const int fds[3], pid_t *pid)
{
    char **environment = make_environment(command);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int i, rc;

    if (environment == NULL)
        return ENOMEM;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_init(&files);
    for (i = 0, rc = 0; i < 3 && rc == 0; i++)
        rc = posix_spawn_file_actions_adddup2(&files, fds[i], i);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&files, 3);
    if (rc == 0)
        rc = posix_spawnp(pid, "git", &files, &attributes, (char *const *)(uintptr_t)command->words,
                          environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    free(environment);
    return rc;
}

/* A pipe whose ends are none of the numbers that a child's descriptors get. */
static int
make_pipe(int ends[2])
{
    int low[2], i;

    if (pipe2(low, O_CLOEXEC) != 0)
        return -1;
    for (i = 0; i < 2; i++) {
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
        close(low[i]);
    }
    if (ends[0] >= 0 && ends[1] >= 0)
        return 0;
    for (i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return -1;
}

static int
open_null(void)
{
    int low = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

    if (low < 0)
        return -1;
    fd = fcntl(low, F_DUPFD_CLOEXEC, 3);
    close(low);
    return fd;
}

static void
close_all(int *fds, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/*
 * Starts one command, or two of which the second reads what the first writes. input is the first
 * one's, or -1.
 */
static int
start(struct git_stream *stream, const struct command *first, const struct command *second,
      int input, struct error *error)
{
    /* Reading and writing ends: output, complaints, between the two; the null device. */
    int ends[7] = {-1, -1, -1, -1, -1, -1, -1}, rc = 0;

    *stream = (struct git_stream){.errors = -1};
    ends[6] = open_null();
    if (ends[6] < 0 || make_pipe(ends) != 0 || make_pipe(ends + 2) != 0 ||
        (second != NULL && make_pipe(ends + 4) != 0)) {
        rc = errno;
    } else {
        int fds[3] = {input >= 0 ? input : ends[6], second != NULL ? ends[5] : ends[1], ends[3]};
        int more[3] = {ends[4], ends[1], ends[3]};

        /* Many complaints shall not stop them: nobody reads before the end. */
        (void)fcntl(ends[3], F_SETFL, O_NONBLOCK);
        rc = spawn(first, fds, &stream->pids[0]);
        if (rc == 0 && second != NULL)
            rc = spawn(second, more, &stream->pids[1]);
        stream->out = rc == 0 ? fdopen(ends[0], "r") : NULL;
        if (rc == 0 && stream->out == NULL)
            rc = errno;
        stream->errors = ends[2];
        if (stream->out != NULL) {
            setvbuf(stream->out, NULL, _IOFBF, OUT_BUFFER);
            ends[0] = -1;
        }
        ends[2] = -1;
    }
    close_all(ends, sizeof(ends) / sizeof(ends[0]));
    if (stream->out != NULL)
        return 0;
    git_close(stream, error);
    return error_set(error, "git cannot be started: %s%s", strerror(rc),
                     rc == ENOENT ? "; install it, or set `source: files`" : "");
}

int
git_open_head(const struct git *git, struct git_stream *stream, struct error *error)
{
    struct command command;

    begin(&command, git);
    add(&command, "rev-parse");
    add(&command, "--verify");
    add(&command, "-q");
    add(&command, "HEAD^{commit}");
    return start(stream, &command, NULL, -1, error);
}

static void
list_tree(struct command *command, const struct git *git, const char *commit,
          const char *const *paths)
{
    begin(command, git);
    add(command, "ls-tree");
    add(command, "-r");
    add(command, "--format=%(objectname) %(objectmode) %(path)");
    add_tree(command, 0, git, commit);
    add_paths(command, paths);
}

static void
cat_objects(struct command *command, const struct git *git)
{
    begin(command, git);
    add(command, "cat-file");
    add(command, "--batch=%(objectname) %(objecttype) %(objectsize) %(rest)");
    add(command, "--buffer");
}

int
git_open_tree(const struct git *git, const char *commit, const char *const *paths,
              struct git_stream *stream, struct error *error)
{
    struct command list, cat;

    list_tree(&list, git, commit, paths);
    cat_objects(&cat, git);
    return start(stream, &list, &cat, -1, error);
}

int
git_open_names(const struct git *git, const char *commit, const char *const *paths,
               struct git_stream *stream, struct error *error)
{
    struct command list;

    list_tree(&list, git, commit, paths);
    return start(stream, &list, NULL, -1, error);
}

int
git_open_objects(const struct git *git, int requests, struct git_stream *stream,
                 struct error *error)
{
    struct command cat;

    cat_objects(&cat, git);
    return start(stream, &cat, NULL, requests, error);
}

int
git_open_diff(const struct git *git, const char *old, const char *new, const char *const *paths,
              struct git_stream *stream, struct error *error)
{
    struct command command;

    begin(&command, git);
    add(&command, "diff-tree");
    add(&command, "-r");
    add(&command, "-z");
    add(&command, "--raw");
    add(&command, "--no-renames");
    add(&command, "--no-abbrev");
    add_tree(&command, 0, git, old);
    add_tree(&command, 1, git, new);
    add_paths(&command, paths);
    return start(stream, &command, NULL, -1, error);
}

/*
 * To compare a file git would run the filters that the repository configures, with our rights.
 * Settings in the environment take them away by their names.
 */
static int
disarm_filters(const struct git *git, struct buf *settings, struct error *error)
{
    struct git_stream stream;
    struct command command;
    char *name = NULL;
    size_t room = 0, count = 0;
    bool is_known;
    int status;

    begin(&command, git);
    add(&command, "config");
    add(&command, "--name-only");
    add(&command, "-z");
    add(&command, "--get-regexp");
    add(&command, "^filter\\.");
    if (start(&stream, &command, NULL, -1, error) != 0)
        return -1;
    while (git_read(&stream, &name, &room, '\0')) {
        bool is_switch = strlen(name) > 9 && strcmp(name + strlen(name) - 9, ".required") == 0;

        buf_printf(settings, "GIT_CONFIG_KEY_%zu=%s%c", count, name, '\0');
        buf_printf(settings, "GIT_CONFIG_VALUE_%zu=%s%c", count, is_switch ? "false" : "", '\0');
        count++;
    }
    free(name);
    buf_printf(settings, "GIT_CONFIG_COUNT=%zu%c", count, '\0');
    /* It fails where nothing is configured. */
    is_known = stream.failed == 0;
    status = git_close(&stream, error);
    return count > 0 || !is_known ? status : 0;
}

int
git_open_uncommitted(const struct git *git, const char *const *paths, struct git_stream *stream,
                     struct error *error)
{
    char inside[2 * PATH_MAX];
    struct command command;
    struct buf settings;
    int rc;

    buf_init(&settings, SETTINGS_MAX);
    if (disarm_filters(git, &settings, error) != 0 || settings.failed) {
        buf_release(&settings);
        return error_set(error, "%s: the filters in its configuration cannot be told", git->top);
    }
    begin(&command, git);
    command.settings = settings.data;
    command.settings_len = settings.len;
    snprintf(inside, sizeof(inside), "%s/%s", git->top, git->prefix);
    add(&command, "-C");
    add(&command, inside);
    add(&command, "status");
    add(&command, "--porcelain");
    add(&command, "-z");
    add(&command, "--no-renames");
    add(&command, "--untracked-files=all");
    add(&command, "--ignore-submodules=all");
    add_paths(&command, paths);
    rc = start(stream, &command, NULL, -1, error);
    buf_release(&settings);
    return rc;
}

/* The first line of what git said, without its "fatal: ". */
static void
read_complaint(int fd, char *text, size_t size)
{
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    size_t skip = 0;

    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (strncmp(text, "fatal: ", 7) == 0 || strncmp(text, "error: ", 7) == 0)
        skip = 7;
    memmove(text, text + skip, strlen(text + skip) + 1);
}

bool
git_read(struct git_stream *stream, char **piece, size_t *room, int end)
{
    ssize_t len;

    errno = 0;
    len = getdelim(piece, room, end, stream->out);
    /* A piece may be broken off; and without memory none of the two is set. */
    if (ferror(stream->out) || (len <= 0 && !feof(stream->out)))
        stream->failed = errno != 0 ? errno : EIO;
    return len > 0 && stream->failed == 0;
}

int
git_close(struct git_stream *stream, struct error *error)
{
    char complaint[300];
    int i, status, bad = 0, failed = stream->failed;

    if (stream->out != NULL)
        fclose(stream->out);
    for (i = 0; i < 2; i++) {
        if (stream->pids[i] == 0)
            continue;
        status = -1;
        while (waitpid(stream->pids[i], &status, 0) < 0 && errno == EINTR)
            ;
        if (status != 0)
            bad = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    read_complaint(stream->errors, complaint, sizeof(complaint));
    if (stream->errors >= 0)
        close(stream->errors);
    *stream = (struct git_stream){.errors = -1};
    if (failed != 0)
        return error_set(error, "what git says cannot be read: %s", strerror(failed));
    if (bad == 0)
        return 0;
    if (bad == MISSING_PROGRAM)
        return error_set(error, "git cannot be started; install it, or set `source: files`");
    return error_set(error, "git: %s (exit status %d)",
                     complaint[0] != '\0' ? complaint : "failed without a word", bad);
}
