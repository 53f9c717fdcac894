/*
 * Writes a state file of nodes' health in which every endpoint of a snapshot is alive, and as many
 * others.
 *
 *     health_file SNAPSHOT FILE OTHERS
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "health.h"
#include "set.h"
#include "snapshot.h"

static struct health_entry *entries;
static size_t count;

static int
compare(const void *a, const void *b)
{
    uint64_t x = ((const struct health_entry *)a)->key, y = ((const struct health_entry *)b)->key;

    return x < y ? -1 : x > y;
}

static int
add(uint64_t key)
{
    struct health_entry *more = realloc(entries, (count + 1) * sizeof(*entries));

    if (more == NULL)
        return -1;
    entries = more;
    entries[count++] = (struct health_entry){.key = key,
                                             .state = HEALTH_ALIVE,
                                             .spoke = HEALTH_NATIVE,
                                             .name = "203.0.113.1:443 tcp tls"};
    return 0;
}

static int
add_endpoints(struct snapshot *snapshot)
{
    struct set *set = malloc(sizeof(*set));
    const uint8_t *bytes;
    uint32_t number, i;
    size_t len;
    int rc = set != NULL ? 0 : -1;

    for (number = 0; rc == 0 && snapshot_get_set(snapshot, number, SET_LINKS, &bytes, &len) == 1;
         number++) {
        rc = set_decode(bytes, len, set);
        for (i = 0; rc == 0 && i < set->count; i++)
            rc = add(set->entries[i].config);
    }
    free(set);
    return rc;
}

int
main(int argc, char **argv)
{
    struct health_head head = {
        .generated = (int64_t)time(NULL), .ttl = HEALTH_TTL_MAX, .vantage = "bench"};
    struct snapshot snapshot;
    struct error error;
    uint64_t i, others, key = 1;
    size_t n, kept = 0;

    if (argc != 4 || snapshot_open(&snapshot, argv[1], &error) != 0) {
        fputs("usage: health_file SNAPSHOT FILE OTHERS\n", stderr);
        return 2;
    }
    others = strtoul(argv[3], NULL, 10);
    head.sequence = health_next_sequence(NULL, head.generated);
    if (add_endpoints(&snapshot) != 0)
        return 1;
    for (i = 0; i < others; i++)
        if (add(key *= UINT64_C(0x9e3779b97f4a7c15)) != 0)
            return 1;
    qsort(entries, count, sizeof(*entries), compare);
    for (n = 0; n < count; n++)
        if (kept == 0 || entries[kept - 1].key != entries[n].key)
            entries[kept++] = entries[n];
    if (health_write(argv[2], &head, entries, kept, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    free(entries);
    snapshot_close(&snapshot);
    return 0;
}
