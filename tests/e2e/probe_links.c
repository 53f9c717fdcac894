/*
 * Probes links, for the tests of health/probe.h:
 *
 *     probe_links [OPTION…] LINK…
 *     -t, -s, -l URL=STATUS[,BYTES]   the target, the second and the large one
 *     -c FILE  certificates to trust   -m MS  timeout   -n N  at once
 *     -L       ask for the large one   -D     ask directly, too
 *
 * As each ends, a line: its number from 0, verdict, ms, reason; with tabs between. The last line
 * has the seconds of CPU that all of it took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

static int
read_options(int argc, char **argv, struct probe_options *options, bool *is_large, bool *is_direct,
             struct pool *pool, struct error *error)
{
    int option, rc = 0;

    while (rc == 0 && (option = getopt(argc, argv, "t:s:l:c:m:n:LD")) != -1)
        switch (option) {
        case 't':
            rc = read_target(optarg, &options->target, pool, error);
            break;
        case 's':
            rc = read_target(optarg, &options->second, pool, error);
            break;
        case 'l':
            rc = read_target(optarg, &options->large, pool, error);
            break;
        case 'c':
            options->ca_file = optarg;
            break;
        case 'm':
            options->timeout_ms = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'n':
            options->at_once = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'L':
            *is_large = true;
            break;
        case 'D':
            *is_direct = true;
            break;
        default:
            return error_set(error, "unknown option");
        }
    return rc;
}

/* Starts a probe of "vless://UUID@host:port?…#name". */
static int
start_link(struct prober *prober, const char *link, bool is_large, int *number, struct pool *pool,
           struct error *error)
{
    static const char scheme[] = "vless://";
    const char *uuid_at = link + sizeof(scheme) - 1, *end = strchr(link, '#');
    struct client *client = pool_alloc(pool, sizeof(*client));
    struct uuid uuid;

    if (client == NULL || end == NULL || strncmp(link, scheme, sizeof(scheme) - 1) != 0 ||
        end - uuid_at < UUID_TEXT || uuid_parse(uuid_at, UUID_TEXT, &uuid) != 0)
        return error_set(error, "no link: %s", link);
    uuid_at += UUID_TEXT;
    if (link_read_middle(uuid_at, (size_t)(end + 1 - uuid_at), client, pool, error) != 0)
        return -1;
    return prober_start(prober, client, &uuid, is_large, number, error);
}

static int
start_all(struct prober *prober, char **links, int count, bool is_large, bool is_direct,
          struct pool *pool, struct error *error)
{
    int *numbers = pool_alloc(pool, ((size_t)count + 1) * sizeof(*numbers)), i, rc = 0;

    if (numbers == NULL)
        return error_set(error, "out of memory");
    for (i = 0; i < count && rc == 0; i++) {
        numbers[i] = i;
        rc = start_link(prober, links[i], is_large, &numbers[i], pool, error);
    }
    numbers[count] = count;
    if (rc == 0 && is_direct)
        rc = prober_start(prober, NULL, NULL, is_large, &numbers[count], error);
    return rc;
}

int
main(int argc, char **argv)
{
    struct probe_options options = {.wake_fd = -1};
    struct error error = {.text = ""};
    struct prober *prober = NULL;
    bool is_large = false, is_direct = false;
    struct pool pool;
    int rc;

    pool_init(&pool);
    rc = read_options(argc, argv, &options, &is_large, &is_direct, &pool, &error);
    if (rc == 0)
        prober = prober_new(&options, print, NULL, &error);
    if (prober == NULL)
        rc = -1;
    if (rc == 0)
        rc = start_all(prober, argv + optind, argc - optind, is_large, is_direct, &pool, &error);
    while (rc == 0 && prober_count(prober) > 0)
        rc = prober_step(prober, 1000, &error);
    prober_free(prober);
    pool_release(&pool);
    if (rc != 0)
        fprintf(stderr, "%s\n", error.text);
    else
        printf("%.3f\n", (double)clock() / CLOCKS_PER_SEC);
    return rc == 0 ? 0 : 1;
}
