/* signpost drain, undrain: nodes that are taken out of service by hand, until they are put back. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "drained.h"
#include "host.h"
#include "set.h"
#include "snapshot.h"
#include "state.h"

static const char help[] =
    "usage: signpost drain [-c FILE] [NODE]\n"
    "       signpost undrain [-c FILE] NODE\n"
    "\n"
    "Takes a node out of every device's links, until it is put back: with the next\n"
    "poll, without a change of the registry. NODE is the address of an entry node, or\n"
    "of an endpoint that names no node. A device that would keep fewer than half of its\n"
    "links keeps them all, those of drained nodes last. Without NODE: what is drained.\n"
    "\n"
    "  -c FILE   settings\n"
    "\n"
    "Exit status: 0 done or so already, 1 done, but no endpoint in service is on that\n"
    "node, 2 not done.\n";

/* Whether an endpoint of the snapshot in service is on the node; -1 when that cannot be told. */
static int
is_in_service(const char *state, const char *node)
{
    struct snapshot snapshot;
    struct set *set = calloc(1, sizeof(*set));
    const uint8_t *bytes;
    char path[PATH_MAX];
    struct error error;
    int found = -1;
    uint32_t number, i;
    size_t len;

    snapshot_init(&snapshot);
    if (set != NULL && state_snapshot_path(state, path, sizeof(path), &error) == 0 &&
        snapshot_open(&snapshot, path, &error) == 0)
        for (number = found = 0;
             found == 0 && snapshot_get_set(&snapshot, number, SET_LINKS, &bytes, &len) == 1;
             number++)
            for (i = 0; set_decode(bytes, len, set) == 0 && i < set->count; i++)
                found |= set->entries[i].node == set_node_key(node);
    snapshot_close(&snapshot);
    free(set);
    return found;
}

static int
list(const char *state)
{
    char path[PATH_MAX], text[PATH_MAX + sizeof(((struct error *)NULL)->text)];
    struct strings nodes;
    struct error error;
    struct pool pool;
    size_t i;
    int rc;

    if (state_path(state, DRAINED_FILE, path, sizeof(path), &error) != 0)
        return trouble("%s", error.text);
    pool_init(&pool);
    rc = drained_read(path, &pool, &nodes, &error);
    for (i = 0; rc == 0 && i < nodes.count; i++)
        printf("%s\n", nodes.items[i]);
    pool_release(&pool);
    return rc == 0 ? EXIT_OK : trouble("%s", error_string(&error, path, text, sizeof(text)));
}

static int
change(const char *state, const char *name, bool is_drained)
{
    char node[HOST_MAX];
    struct error error;
    int rc;

    if (host_parse(name, node) == HOST_BAD)
        return trouble("'%s' is no address of a node", name);
    rc = state_make(state, &error) == 0 ? drained_change(state, node, is_drained, &error) : -1;
    if (rc < 0)
        return trouble("%s", error.text);
    printf("%s is %s%s\n", node, rc == 0 ? "already " : "",
           is_drained ? "drained" : "not drained any more");
    if (is_in_service(state, node) != 0)
        return EXIT_OK;
    fprintf(stderr, "signpost: no endpoint in service is on %s; see `signpost explain UUID`\n",
            node);
    return EXIT_FOUND;
}

int
drain_main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    bool is_drained = strcmp(argv[0], "drain") == 0;
    struct config config;
    const char *file = NULL;
    int c, rc;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_OK;
        default:
            return usage_trouble(argv[0]);
        }
    }
    if (argc - optind > 1 || (argc == optind && !is_drained))
        return usage_trouble(argv[0]);
    if (load_settings(&config, file, NULL) != 0)
        return EXIT_TROUBLE;
    rc = argc > optind ? change(config.state, argv[optind], is_drained) : list(config.state);
    config_release(&config);
    return rc;
}
