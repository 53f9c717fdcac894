/* signpost compile: once, or again whenever the registry changes. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "cli.h"
#include "pass.h"
#include "snapshot.h"
#include "state.h"
#include "uuid.h"

static const char help[] =
    "usage: signpost compile [-c FILE] [--watch [--while-open FD]]\n"
    "\n"
    "Compiles the registry (setting `data`) into the snapshot that the responder\n"
    "answers from (in the directory of the setting `state`). The old snapshot serves\n"
    "until the new one is complete and synced to disk.\n"
    "\n"
    "  -c FILE           settings\n"
    "  --watch           stay, and compile again within a second of every change;\n"
    "                    when another process does that already, wait to take over\n"
    "  --while-open FD   with --watch: end when the other end of this pipe closes\n"
    "\n"
    "Exit status: 0 compiled, 1 compiled but errors were found, 2 not compiled (the\n"
    "old snapshot is still there).\n";

enum { WATCH_MS = 1000, RETRY_PASSES = 10 };

/* A background compile has no stderr (the responder gives it /dev/null): then it is syslog. */
static bool
has_stderr(void)
{
    struct stat null, err;

    if (fstat(STDERR_FILENO, &err) != 0)
        return false;
    return stat("/dev/null", &null) != 0 || null.st_rdev != err.st_rdev || !S_ISCHR(err.st_mode);
}

static void __attribute__((format(printf, 2, 3))) say(int priority, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (has_stderr()) {
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
    } else {
        vsyslog(priority, format, args);
    }
    va_end(args);
}

/* Logs outlive what they tell of, and a UUID is a credential: its first 8 digits must do here. */
static void
hide_uuids(char *text)
{
    struct uuid uuid;
    char *p;

    for (p = text; strlen(p) >= UUID_TEXT; p++)
        if (uuid_parse(p, UUID_TEXT, &uuid) == 0)
            memmove(p + 8, p + UUID_TEXT, strlen(p + UUID_TEXT) + 1);
}

static void
say_finding(void *context, const struct finding *finding)
{
    struct error error = {.line = finding->line, .column = finding->column};
    char text[800];

    (void)context;
    if (finding->level == FINDING_NOTICE)
        return;
    snprintf(error.text, sizeof(error.text), "%s: %s", level_name(finding->level), finding->text);
    error_string(&error, finding->path, text, sizeof(text));
    hide_uuids(text);
    say(finding->level == FINDING_ERROR ? LOG_ERR : LOG_WARNING, "%s", text);
}

static int
compile_and_say(const struct config *config)
{
    struct report report = {say_finding, NULL, {0}};
    struct compile_result result;
    char version[VERSION_MAX];
    struct error error;
    int lock = state_lock(config->state, STATE_LOCK, true, &error), rc;

    if (lock < 0) {
        say(LOG_ERR, "signpost: not compiled: %s", error.text);
        return EXIT_TROUBLE;
    }
    rc = pass_run(config, &report, version, &result, &error);
    close(lock);
    if (rc != 0) {
        say(LOG_ERR, "signpost: not compiled: %s", error.text);
        return EXIT_TROUBLE;
    }
    say(LOG_INFO,
        "signpost: compiled %s: %zu devices of %zu users, %zu endpoints; %zu errors, "
        "%zu warnings",
        version, result.devices, result.users, result.endpoints, report.counts[FINDING_ERROR],
        report.counts[FINDING_WARNING]);
    return report.counts[FINDING_ERROR] > 0 ? EXIT_FOUND : EXIT_OK;
}

/* Waits a moment; returns false when it is time to end. */
static bool
pause_open(int pipe)
{
    struct pollfd fd = {.fd = pipe, .events = POLLIN};

    return poll(&fd, 1, WATCH_MS) <= 0;
}

static int
wait_for_lock(const char *directory, int pipe)
{
    struct error error;
    int lock;

    for (;;) {
        lock = state_lock(directory, STATE_WATCH_LOCK, false, &error);
        if (lock >= 0)
            return lock;
        if (error.text[0] != '\0')
            say(LOG_ERR, "signpost: %s", error.text);
        if (!pause_open(pipe))
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

/* What the watcher saw when it last compiled. */
struct seen {
    bool is_done; /* something has been compiled from that fingerprint */
    bool is_lost; /* the registry could not be read, and that has been said */
    uint64_t fingerprint;
    int holdoff; /* passes to wait after a failure */
};

static void
look(const struct config *config, struct seen *seen)
{
    uint64_t fingerprint;
    struct error error;

    if (seen->holdoff > 0) {
        seen->holdoff--;
        return;
    }
    if (registry_fingerprint(config->data, &fingerprint, &error) != 0) {
        if (!seen->is_lost)
            say(LOG_ERR, "signpost: %s; the last snapshot stays in service", error.text);
        seen->is_lost = true;
        return;
    }
    if (seen->is_done && !seen->is_lost && fingerprint == seen->fingerprint &&
        is_in_place(config->state))
        return;
    seen->is_lost = false;
    seen->fingerprint = fingerprint;
    seen->is_done = compile_and_say(config) != EXIT_TROUBLE;
    seen->holdoff = seen->is_done ? 0 : RETRY_PASSES;
}

static int
watch(const struct config *config, int pipe)
{
    struct seen seen = {.is_done = false};
    int lock = wait_for_lock(config->state, pipe);

    if (lock < 0)
        return EXIT_OK;
    do
        look(config, &seen);
    while (pause_open(pipe));
    close(lock);
    return EXIT_OK;
}

static int
run(const char *file, bool is_watching, int pipe)
{
    struct config config;
    struct error error;
    int rc;

    if (load_settings(&config, file, NULL) != 0)
        return EXIT_TROUBLE;
    if (config.data == NULL) {
        rc = no_data();
    } else if (state_make(config.state, &error) != 0) {
        rc = trouble("%s", error.text);
    } else if (is_watching) {
        rc = watch(&config, pipe);
    } else {
        rc = compile_and_say(&config);
    }
    config_release(&config);
    return rc;
}

int
compile_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"watch", no_argument, NULL, 'w'},
        {"while-open", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    const char *file = NULL;
    bool is_watching = false;
    int c, pipe = -1;
    char *end;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'w':
            is_watching = true;
            break;
        case 'o':
            pipe = (int)strtol(optarg, &end, 10);
            if (*end != '\0' || fcntl(pipe, F_GETFD) < 0)
                return trouble("--while-open %s: not an open descriptor", optarg);
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_OK;
        default:
            return usage_trouble("compile");
        }
    }
    if (argc > optind || (pipe >= 0 && !is_watching))
        return usage_trouble("compile");
    openlog("signpost", LOG_PID, LOG_DAEMON);
    return run(file, is_watching, pipe);
}
