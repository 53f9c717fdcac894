/*
 * Probes links, for the tests of health/probe.h:
 *
 *     probe_links [OPTION…] LINK…
 *     -t, -s, -l URL=STATUS[,BYTES]   the target, the second and the large one
 *     -c FILE  certificates to trust   -m MS  timeout   -n N  at once
 *     -L       ask for the large one   -D     ask directly, too
 *     -e XRAY  by this engine, with its socket in the directory -S DIR
 *
 * As each ends, a line: its number from 0, verdict, ms, reason; with tabs between. The last line
 * has the seconds of CPU that all of it took, the engine's included.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "link_read.h"
#include "probe.h"

static const char *const verdicts[] = {
    [PROBE_ALIVE] = "alive",
    [PROBE_FAILED] = "failed",
    [PROBE_TARGET_DOWN] = "target down",
    [PROBE_UNSUPPORTED] = "unsupported",
    [PROBE_UNKNOWN] = "unknown",
};

static void
print(void *context, void *cookie, const struct probe_result *result)
{
    (void)context;
    printf("%d\t%s\t%u\t%s\n", *(int *)cookie, verdicts[result->verdict], result->ms,
           result->reason);
    fflush(stdout);
}

/* Reads "URL=STATUS[,BYTES]", as tests write it. */
static int
read_target(char *text, struct target *target, struct pool *pool, struct error *error)
{
    char *status = strrchr(text, '='), *body;

    if (status == NULL)
        return error_set(error, "no status: %s", text);
    *status++ = '\0';
    body = strchr(status, ',');
    return target_parse(target, text, (unsigned)strtoul(status, NULL, 10),
                        body != NULL ? strtoul(body + 1, NULL, 10) : 0, pool, error);
}

/* All that the command line says. */
struct job {
    struct probe_options options;
    bool is_large, is_direct;
    const char *engine, *state; /* NULL: none */
    char **links;
    int count;
};

static int
read_options(int argc, char **argv, struct job *job, struct pool *pool, struct error *error)
{
    int option, rc = 0;

    while (rc == 0 && (option = getopt(argc, argv, "t:s:l:c:m:n:e:S:LD")) != -1)
        switch (option) {
        case 't':
            rc = read_target(optarg, &job->options.target, pool, error);
            break;
        case 's':
            rc = read_target(optarg, &job->options.second, pool, error);
            break;
        case 'l':
            rc = read_target(optarg, &job->options.large, pool, error);
            break;
        case 'c':
            job->options.ca_file = optarg;
            break;
        case 'm':
            job->options.timeout_ms = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'n':
            job->options.at_once = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'e':
            job->engine = optarg;
            break;
        case 'S':
            job->state = optarg;
            break;
        case 'L':
            job->is_large = true;
            break;
        case 'D':
            job->is_direct = true;
            break;
        default:
            return error_set(error, "unknown option");
        }
    job->links = argv + optind;
    job->count = argc - optind;
    return rc;
}

/* Reads "vless://UUID@host:port?…#name". */
static int
read_link(const char *link, struct engine_node *node, struct pool *pool, struct error *error)
{
    static const char scheme[] = "vless://";
    const char *uuid_at = link + sizeof(scheme) - 1, *end = strchr(link, '#');
    struct client *client = pool_alloc(pool, sizeof(*client));

    if (client == NULL || end == NULL || strncmp(link, scheme, sizeof(scheme) - 1) != 0 ||
        end - uuid_at < UUID_TEXT || uuid_parse(uuid_at, UUID_TEXT, &node->uuid) != 0)
        return error_set(error, "no link: %s", link);
    uuid_at += UUID_TEXT;
    node->client = client;
    return link_read_middle(uuid_at, (size_t)(end + 1 - uuid_at), client, pool, error);
}

/* Starts the engine and waits until it listens. */
static int
use_engine(struct engine *engine, const struct job *job, struct engine_node *nodes,
           struct error *error)
{
    static const struct timespec moment = {.tv_nsec = 5000000};
    int rc = 0;

    if (engine_init(engine, job->engine, job->state != NULL ? job->state : ".", error) != 0)
        return -1;
    rc = engine_use(engine, nodes, (size_t)job->count, 0, error);
    while (rc == 0 && engine_is_starting(engine)) {
        nanosleep(&moment, NULL);
        rc = engine_mind(engine, 0, error);
    }
    return rc;
}

static int
start_all(struct prober *prober, const struct job *job, struct engine *engine,
          struct engine_node *nodes, int *numbers, struct error *error)
{
    int i, rc = 0;

    for (i = 0; i < job->count && rc == 0; i++) {
        numbers[i] = i;
        if (job->engine == NULL) {
            rc = prober_start(prober, nodes[i].client, &nodes[i].uuid, job->is_large, &numbers[i],
                              error);
        } else if (nodes[i].is_refused) {
            printf("%d\trefused\t0\t%s\n", i, nodes[i].reason);
        } else {
            struct probe_via via = engine_via(engine, (size_t)i);

            rc = prober_start_via(prober, &via, job->is_large, &numbers[i], error);
        }
    }
    numbers[job->count] = job->count;
    if (rc == 0 && job->is_direct)
        rc = prober_start(prober, NULL, NULL, job->is_large, &numbers[job->count], error);
    return rc;
}

static int
work(const struct job *job, struct pool *pool, struct error *error)
{
    size_t places = (size_t)job->count + 1;
    struct engine_node *nodes = pool_alloc(pool, places * sizeof(*nodes));
    int *numbers = pool_alloc(pool, places * sizeof(*numbers)), i, rc = 0;
    struct engine engine = {.output = -1};
    struct prober *prober;

    if (nodes == NULL || numbers == NULL)
        return error_set(error, "out of memory");
    memset(nodes, 0, places * sizeof(*nodes));
    for (i = 0; rc == 0 && i < job->count; i++)
        rc = read_link(job->links[i], &nodes[i], pool, error);
    if (rc == 0 && job->engine != NULL)
        rc = use_engine(&engine, job, nodes, error);
    prober = rc == 0 ? prober_new(&job->options, print, NULL, error) : NULL;
    if (prober == NULL)
        rc = -1;
    if (rc == 0)
        rc = start_all(prober, job, &engine, nodes, numbers, error);
    while (rc == 0 && prober_count(prober) > 0)
        rc = prober_step(prober, 1000, error);
    prober_free(prober);
    engine_release(&engine);
    return rc;
}

static double
seconds(int who)
{
    struct rusage used;

    getrusage(who, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int
main(int argc, char **argv)
{
    struct job job = {.options = {.wake_fd = -1}};
    struct error error = {.text = ""};
    struct pool pool;
    int rc;

    pool_init(&pool);
    rc = read_options(argc, argv, &job, &pool, &error);
    if (rc == 0)
        rc = work(&job, &pool, &error);
    pool_release(&pool);
    if (rc != 0)
        fprintf(stderr, "%s\n", error.text);
    else
        printf("%.3f\n", seconds(RUSAGE_SELF) + seconds(RUSAGE_CHILDREN));
    return rc == 0 ? 0 : 1;
}
