/* signpost.fcgi, the responder: FastCGI on a listening socket, else CGI. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cgi.h"
#include "fastcgi.h"
#include "fault.h"
#include "log.h"
#include "refresher.h"
#include "sandbox.h"
#include "service.h"
#include "socket.h"
#include "state.h"

static const char help[] =
    "usage: signpost.fcgi [-c FILE] [-s PATH]\n"
    "\n"
    "Answers polls from the snapshot. Started by a web server or a supervisor, it finds\n"
    "a listening socket as its standard input (FastCGI) or a request in its environment\n"
    "(CGI) and needs no argument.\n"
    "\n"
    "  -c FILE   settings (else $SIGNPOST_CONFIG, else " CONFIG_DEFAULT_FILE ")\n"
    "  -s PATH   make and serve a UNIX socket (mode 0660), for a start by hand\n"
    "  --help    this text\n"
    "  --version the version\n"
    "\n"
    "See signpost.fcgi(8).\n";

enum { FIRST_SNAPSHOT_MS = 2000, DESCRIPTORS = 65536 };

struct options {
    const char *config;
    const char *socket;
};

/* All that the event loop's callbacks need. */
struct process {
    struct service service;
    struct refresher refresher;
};

/* So that no file or socket of ours ever becomes somebody's stdin or stderr. */
static void
open_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static int
is_listening(int fd)
{
    int accepts = 0;
    socklen_t len = sizeof(accepts);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) == 0 && accepts;
}

static int
parse(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:s:h", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            options->config = optarg;
            break;
        case 's':
            options->socket = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        case 'v':
            printf("signpost.fcgi %s\n", SIGNPOST_VERSION);
            exit(0);
        default:
            return -1;
        }
    }
    return argc == optind ? 0 : -1;
}

static int64_t
monotonic_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
answer(void *context, const struct request *request, struct buf *out)
{
    struct process *process = context;

    service_answer(&process->service, request, out);
    if (process->service.wants_rebuild) {
        process->service.wants_rebuild = false;
        refresher_rebuild(&process->refresher);
    }
}

static void
turn(void *context, int64_t now_ms)
{
    service_look(&((struct process *)context)->service, now_ms);
}

static void
child(void *context)
{
    struct process *process = context;

    if (refresher_ended(&process->refresher))
        log_say(LOG_ERR, "the refresher has ended; the snapshot is not kept fresh any more (its "
                         "own words are in syslog and `signpost status`; setting `refresh`)");
}

static void
start_refresher(struct process *process, const char *config_file)
{
    struct config *config = &process->service.config;
    struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    struct error error;
    sigset_t pending;
    int waited;

    if (config->data == NULL || !config->refresh)
        return;
    if (refresher_start(&process->refresher, config_file, &error) != 0) {
        log_say(LOG_ERR, "%s; the snapshot is not kept fresh", error.text);
        return;
    }
    /* At the very first start, a moment's patience spares the first clients a 503. */
    for (waited = 0; waited < FIRST_SNAPSHOT_MS && !process->service.snapshot.is_open &&
                     access(process->service.path, F_OK) != 0;
         waited += 10) {
        sigpending(&pending);
        if (sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT))
            return;
        if (refresher_ended(&process->refresher)) {
            log_say(LOG_ERR, "the refresher ended at once; run `signpost compile` to see why");
            return;
        }
        nanosleep(&moment, NULL);
    }
}

static void
raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Gives up all that serving does not take. Returns 0, or -1 when that cannot be done. */
static int
enter_sandbox(struct process *process, const char *socket)
{
    char paths[SERVICE_READABLE_MAX][PATH_MAX];
    const char *readable[SERVICE_READABLE_MAX];
    struct sandbox sandbox = {readable, 0, socket, process->refresher.pid};
    struct error error;
    size_t i;

    if (!process->service.config.sandbox) {
        log_say(LOG_WARNING, "the sandbox is off (setting `sandbox`): who takes over this process "
                             "can do all that its user may");
        return 0;
    }
    sandbox.readable_count = service_readable(&process->service, paths);
    for (i = 0; i < sandbox.readable_count; i++)
        readable[i] = paths[i];
    switch (sandbox_enter(&sandbox, &error)) {
    case SANDBOX_FAILED:
        log_say(LOG_ERR,
                "the sandbox cannot be entered: %s; on a kernel without it, the setting "
                "`sandbox: off` does without",
                error.text);
        return -1;
    case SANDBOX_WITHOUT_LANDLOCK:
        log_say(LOG_NOTICE, "this kernel has no Landlock: the sandbox limits system calls, but not "
                            "which files are read");
        return 0;
    default:
        return 0;
    }
}

static int
serve_socket(struct process *process, int listener, const struct options *options)
{
    struct fastcgi_app app = {process, answer, turn, child};
    struct error error;
    int rc;

    start_refresher(process, options->config);
    raise_descriptor_limit();
    process->service.is_to_stay = true;
    service_look(&process->service, monotonic_ms());
    rc = enter_sandbox(process, options->socket);
    if (rc == 0 && (rc = fastcgi_run(listener, &app, &error)) != 0)
        log_say(LOG_ERR, "%s", error.text);
    refresher_stop(&process->refresher);
    return rc == 0 ? 0 : 1;
}

static int
serve_by_hand(struct process *process, const struct options *options)
{
    struct error error;
    int listener, rc;

    /* Before anybody can find us: an end must find the socket's name to remove. */
    fastcgi_block_signals();
    listener = socket_listen(options->socket, &error);
    if (listener < 0) {
        log_say(LOG_ERR, "%s", error.text);
        return 1;
    }
    rc = serve_socket(process, listener, options);
    socket_remove(options->socket);
    close(listener);
    return rc;
}

/* One request. Without any daemon, somebody who polls has to see to it that all is fresh. */
static int
serve_cgi(struct process *process, const struct options *options)
{
    struct service *service = &process->service;
    bool keeps_fresh = service->config.data != NULL && service->config.refresh;
    struct error error;
    int rc;

    /* What is not there yet is no trouble before it has been made. */
    service->is_quiet = keeps_fresh;
    service_look(service, monotonic_ms());
    service->is_quiet = false;
    if (keeps_fresh && !service->snapshot.is_open) {
        if (refresher_run(options->config, REFRESHER_AWAITED, &error) != 0)
            log_say(LOG_ERR, "%s", error.text);
        service_look(service, monotonic_ms() + SERVICE_LOOK_MS);
        keeps_fresh = false;
    }
    rc = cgi_run(service);
    if (keeps_fresh && state_is_due(service->config.state) &&
        refresher_run(options->config,
                      service->wants_rebuild ? REFRESHER_REPAIR : REFRESHER_BACKGROUND,
                      &error) != 0)
        log_say(LOG_ERR, "%s", error.text);
    return rc;
}

static int
serve(struct process *process, const struct options *options)
{
    if (options->socket != NULL)
        return serve_by_hand(process, options);
    if (is_listening(STDIN_FILENO)) {
        fastcgi_block_signals();
        return serve_socket(process, STDIN_FILENO, options);
    }
    return serve_cgi(process, options);
}

int
main(int argc, char **argv)
{
    static struct process process;
    struct options options = {NULL, NULL};
    struct error error;
    int rc;

    open_standard_descriptors();
    log_open();
    fault_watch();
    sandbox_keep_memory();
    /* A CGI program's arguments come from the query (RFC 3875 4.4): they are the client's words. */
    if (getenv("GATEWAY_INTERFACE") == NULL && parse(argc, argv, &options) != 0) {
        fputs("signpost.fcgi: see `signpost.fcgi --help`\n", stderr);
        return 2;
    }
    if (options.socket == NULL && !is_listening(STDIN_FILENO) && getenv("REQUEST_METHOD") == NULL) {
        fputs("signpost.fcgi: no listening socket as standard input and no CGI request; "
              "-s PATH makes a socket (see --help)\n",
              stderr);
        return 2;
    }
    if (service_init(&process.service, options.config, &error) != 0) {
        log_say(LOG_ERR, "%s", error.text);
        /* A web server waits for an answer even then. */
        if (options.socket == NULL && !is_listening(STDIN_FILENO))
            return cgi_run(&process.service);
        service_release(&process.service);
        return 2;
    }
    rc = serve(&process, &options);
    service_release(&process.service);
    return rc;
}
