/* signpost compile: once, or again whenever the registry changes. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "compile_parts.h"
#include "snapshot.h"
#include "state.h"
#include "uuid.h"

static const char help[] =
    "usage: signpost compile [-c FILE] [--force | --watch [--while-open FD] | --background]\n"
    "\n"
    "Compiles the registry (setting `data`) into the snapshot that the responder\n"
    "answers from (in the directory of the setting `state`). The old snapshot serves\n"
    "until the new one is complete and synced to disk. Only what has changed since the\n"
    "last compile is read. What is wrong is told once, when it is new; `signpost status`\n"
    "tells it again.\n"
    "\n"
    "  -c FILE           settings\n"
    "  --force           even if more vanishes at once than max_shrink allows\n"
    "  --watch           stay, and compile again within a second of every change;\n"
    "                    when another process does that already, wait to take over\n"
    "  --while-open FD   with --watch: end when the other end of this pipe closes\n"
    "  --background      unless somebody compiles or watches already (for CGI)\n"
    "\n"
    "Exit status: 0 compiled or nothing to do, 1 the same but there are errors, 2 not\n"
    "compiled (the old snapshot is still there).\n";

/* How long CGI programs trust that somebody watches. */
enum { WATCHED_MS = 60000 };

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

void
compile_say_finding(void *context, const struct finding *finding)
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

void
compile_complain(struct complaint *last, int priority, const char *what, const char *text)
{
    struct complaint now;

    snprintf(now.text, sizeof(now.text), "%s", text);
    hide_uuids(now.text);
    if (strcmp(last->text, now.text) != 0)
        say(priority, "signpost: %s: %s", what, now.text);
    *last = now;
}

static void
say_compiled(const struct pass *pass)
{
    say(LOG_INFO,
        "signpost: compiled %s: %zu devices of %zu users, %zu endpoints; %zu errors, "
        "%zu warnings%s",
        pass->version, pass->compiled.devices, pass->compiled.users, pass->compiled.endpoints,
        pass->counts[FINDING_ERROR], pass->counts[FINDING_WARNING],
        pass->counts[FINDING_ERROR] + pass->counts[FINDING_WARNING] > 0 ? " (`signpost status`)"
                                                                        : "");
}

int
compile_pass(struct pass *pass, struct complaint *last)
{
    struct error error = {.text = ""};
    int lock = state_lock(pass->config->state, STATE_LOCK, true, &error);
    enum pass_end end;

    if (lock < 0) {
        compile_complain(last, LOG_ERR, "not compiled", error.text);
        return EXIT_TROUBLE;
    }
    end = pass_run(pass, &error);
    close(lock);
    if (end == PASS_FAILED || end == PASS_WAITING) {
        compile_complain(last, end == PASS_FAILED ? LOG_ERR : LOG_NOTICE,
                         end == PASS_FAILED ? "not compiled" : "waiting", error.text);
        return EXIT_TROUBLE;
    }
    last->text[0] = '\0';
    if (end == PASS_COMPILED)
        say_compiled(pass);
    return pass->counts[FINDING_ERROR] > 0 ? EXIT_FOUND : EXIT_OK;
}

int64_t
compile_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
compile_rest(int64_t took_ms, int64_t least)
{
    return took_ms * 20 > least ? took_ms * 20 : least;
}

/* Once, as the operator or a timer asks for it. */
static int
compile_once(const struct config *config, bool is_forced)
{
    struct report report = {compile_say_finding, NULL, {0}};
    struct pass pass = {
        .config = config, .is_forced = is_forced, .is_deep = true, .report = &report};
    struct complaint last = {""};
    int rc = compile_pass(&pass, &last);

    if (pass.end == PASS_UNCHANGED)
        say(LOG_INFO, "signpost: %s is in service already; %zu errors, %zu warnings%s",
            pass.version, pass.counts[FINDING_ERROR], pass.counts[FINDING_WARNING],
            pass.counts[FINDING_ERROR] + pass.counts[FINDING_WARNING] > 0 ? " (`signpost status`)"
                                                                          : "");
    state_put_off(config->state, STATE_LOOK_MS);
    return rc;
}

/*
 * Once, for a CGI program that found the snapshot older than it should be; nobody listens. Where
 * somebody watches or compiles already, that is enough.
 */
static int
compile_in_background(const struct config *config)
{
    struct report report = {compile_say_finding, NULL, {0}};
    struct pass pass = {.config = config, .report = &report};
    struct complaint last = {""};
    int64_t started = compile_clock();
    struct error error;
    int lock, rc;

    if (state_is_watched(config->state)) {
        state_put_off(config->state, WATCHED_MS);
        return EXIT_OK;
    }
    lock = state_lock(config->state, STATE_BACK_LOCK, false, &error);
    if (lock < 0)
        return error.text[0] == '\0' ? EXIT_OK : trouble("%s", error.text);
    rc = compile_pass(&pass, &last);
    state_put_off(config->state, compile_rest(compile_clock() - started, STATE_LOOK_MS));
    close(lock);
    return rc;
}

enum mode { ONCE, FORCED, BACKGROUND, WATCHING };

static int
run(const char *file, enum mode mode, int pipe)
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
    } else if (mode == WATCHING) {
        rc = compile_watch(&config, pipe);
    } else if (mode == BACKGROUND) {
        rc = compile_in_background(&config);
    } else {
        rc = compile_once(&config, mode == FORCED);
    }
    config_release(&config);
    return rc;
}

int
compile_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"force", no_argument, NULL, 'f'},
        {"background", no_argument, NULL, 'b'},
        {"watch", no_argument, NULL, 'w'},
        {"while-open", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    const char *file = NULL;
    enum mode mode = ONCE;
    int c, pipe = -1;
    char *end;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'f':
            mode = FORCED;
            break;
        case 'b':
            mode = BACKGROUND;
            break;
        case 'w':
            mode = WATCHING;
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
    if (argc > optind || (pipe >= 0 && mode != WATCHING))
        return usage_trouble("compile");
    openlog("signpost", LOG_PID, LOG_DAEMON);
    return run(file, mode, pipe);
}
