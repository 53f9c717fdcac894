/* signpost compile --watch: a pass whenever the registry changes. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "cli.h"
#include "compile_parts.h"
#include "origin.h"
#include "snapshot.h"
#include "state.h"

enum {
    WATCH_MS = 1000,    /* between two looks, at least */
    RETRY_MS = 10000,   /* after a pass that failed */
    VERIFY_MS = 600000, /* between two looks at every byte of the snapshot */
};

/* Of a process that compiles, beside those of cli.h: it did not read what the watcher has seen. */
enum { EXIT_OTHER = EXIT_TROUBLE + 1 };

/* What the watcher knows, besides what lies in the state directory. */
struct watcher {
    const struct config *config;
    struct origin origin;
    bool is_open;           /* origin is */
    int pipe;               /* a byte: compile now, whatever was seen; its end: stop */
    char mark[VERSION_MAX]; /* of the last pass; "" if it shall be tried again */
    int64_t retry;          /* not before */
    int64_t verify;         /* when to look at every byte again */
    int64_t took;           /* the last look, in milliseconds */
    struct complaint *last; /* shared with the processes that compile */
};

/* Sleeps until the next look. Returns false when it is time to end. */
static bool
rest(struct watcher *watcher)
{
    struct pollfd fd = {.fd = watcher->pipe, .events = POLLIN};
    char byte;

    if (poll(&fd, 1, (int)compile_rest(watcher->took, WATCH_MS)) <= 0)
        return true;
    if (read(watcher->pipe, &byte, 1) != 1)
        return false;
    /* The responder has found the snapshot damaged. */
    watcher->mark[0] = '\0';
    watcher->verify = 0;
    return true;
}

static int
wait_for_lock(struct watcher *watcher)
{
    const char *directory = watcher->config->state;
    struct error error;
    int lock;

    for (;;) {
        lock = state_lock(directory, STATE_WATCH_LOCK, false, &error);
        if (lock >= 0)
            return lock;
        if (error.text[0] != '\0')
            compile_complain(watcher->last, LOG_ERR, "not watching", error.text);
        if (!rest(watcher))
            return -1;
    }
}

/* Whether the snapshot is there and sound as far as opening it tells. */
static bool
is_in_place(const char *directory)
{
    struct snapshot snapshot;
    struct error ignored;
    char path[PATH_MAX];

    if (state_snapshot_path(directory, path, sizeof(path), &ignored) != 0 ||
        snapshot_open(&snapshot, path, &ignored) != 0)
        return false;
    snapshot_close(&snapshot);
    return true;
}

/*
 * While a pass waits for its turn, a commit may give way to another, or a merge begin; and when the
 * first comes back, it looks as if it had been compiled.
 */
static int
compile_seen(const struct watcher *watcher, struct pass *pass)
{
    int rc = compile_pass(pass, watcher->last);
    bool is_other = watcher->origin.is_git && pass->version[0] != '\0' &&
                    strcmp(pass->version, watcher->mark) != 0;

    return is_other || pass->end == PASS_WAITING ? EXIT_OTHER : rc;
}

/* In a process of its own: whatever happens to it, the watcher lives. Returns the exit status. */
static int
compile_apart(struct watcher *watcher, struct pass *pass)
{
    pid_t parent = getpid(), pid = fork();
    struct complaint trouble;
    int status;

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(getppid() == parent ? compile_seen(watcher, pass) : EXIT_TROUBLE);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid > 0 && WIFEXITED(status))
        return WEXITSTATUS(status);
    if (pid < 0)
        snprintf(trouble.text, sizeof(trouble.text), "no process: %s", strerror(errno));
    else
        snprintf(trouble.text, sizeof(trouble.text), "ended by signal %d; it will be tried again",
                 WTERMSIG(status));
    compile_complain(watcher->last, LOG_ERR, "not compiled", trouble.text);
    return EXIT_TROUBLE;
}

static void
compile_again(struct watcher *watcher, const char *mark, int64_t now)
{
    struct report report = {compile_say_finding, NULL, {0}};
    /* What a new try finds has been told by the first one. */
    bool is_new = strcmp(watcher->mark, mark) != 0;
    struct pass pass = {.config = watcher->config,
                        .is_deep = now >= watcher->verify,
                        .report = is_new || watcher->last->text[0] == '\0' ? &report : NULL};
    int rc;

    snprintf(watcher->mark, sizeof(watcher->mark), "%s", mark);
    if (pass.is_deep)
        watcher->verify = now + VERIFY_MS;
    rc = compile_apart(watcher, &pass);
    watcher->retry = rc == EXIT_TROUBLE ? now + RETRY_MS : 0;
    if (rc == EXIT_OTHER)
        watcher->mark[0] = '\0';
}

static void
look(struct watcher *watcher)
{
    int64_t now = compile_clock();
    enum origin_look seen = ORIGIN_ERROR;
    struct error error = {.text = ""};
    char mark[VERSION_MAX];

    /* The directory may come, or become a checkout, while we watch. */
    watcher->is_open = watcher->is_open || origin_open(&watcher->origin, watcher->config->data,
                                                       watcher->config->source, &error) == 0;
    if (watcher->is_open)
        seen = origin_look(&watcher->origin, mark, &error);
    watcher->took = compile_clock() - now;
    if (seen != ORIGIN_SEEN) {
        watcher->is_open = false;
        compile_complain(watcher->last, seen == ORIGIN_BUSY ? LOG_NOTICE : LOG_ERR,
                         seen == ORIGIN_BUSY ? "waiting" : "the last snapshot stays in service",
                         error.text);
        return;
    }
    if (strcmp(mark, watcher->mark) == 0 && now < watcher->verify &&
        (watcher->retry == 0 ? is_in_place(watcher->config->state) : now < watcher->retry))
        return;
    compile_again(watcher, mark, now);
}

int
compile_watch(const struct config *config, int pipe)
{
    struct watcher watcher = {.config = config, .pipe = pipe};
    int lock;

    watcher.last = mmap(NULL, sizeof(*watcher.last), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (watcher.last == MAP_FAILED)
        return trouble("out of memory");
    lock = wait_for_lock(&watcher);
    if (lock < 0)
        return EXIT_OK;
    do
        look(&watcher);
    while (rest(&watcher));
    close(lock);
    return EXIT_OK;
}
