/* signpost-health: asks every node whether it lets clients through, and writes it down. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon.h"

static const char help[] =
    "usage: signpost-health [-c FILE] [--once]\n"
    "\n"
    "Probes every node that the snapshot in service can serve, through VLESS, and writes\n"
    "what it finds to the file health in the state directory. The responder moves nodes\n"
    "that are down to the end of every list, and leaves out those that stay so.\n"
    "\n"
    "  -c FILE   settings (health: uuid, target, …; see signpost.conf(5))\n"
    "  --once    ask everybody, and again whoever fails, then end: for cron\n"
    "\n"
    "Exit status: 0 after a signal or --once, 2 it cannot work.\n";

enum { EXIT_TROUBLE = 2 };

static int
trouble(const char *text)
{
    fprintf(stderr, "signpost-health: %s\n", text);
    return EXIT_TROUBLE;
}

/* A descriptor that becomes readable when it is time to end. */
static int
catch_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"once", no_argument, NULL, 'o'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    struct config config;
    struct error error;
    const char *file = NULL;
    bool once = false;
    int c, rc;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'o':
            once = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'v':
            puts("signpost-health " SIGNPOST_VERSION);
            return 0;
        default:
            return trouble("see `signpost-health --help`");
        }
    }
    if (argc != optind)
        return trouble("see `signpost-health --help`");
    rc = config_load(&config, file, &error);
    if (rc == 0)
        rc = daemon_run(&config, catch_signals(), once, &error);
    config_release(&config);
    return rc == 0 ? 0 : trouble(error.text);
}
