#include "fleet.h"

#include <stdlib.h>
#include <string.h>

#include "link_read.h"
#include "probe.h"
#include "set.h"

void
fleet_init(struct fleet *fleet, const struct health_settings *settings, uint64_t seed)
{
    *fleet = (struct fleet){.random = seed};
    judge_rules_init(&fleet->rules, settings->interval * 1000);
    fleet->rules.fall = settings->fall;
    fleet->rules.rise = settings->rise;
    fleet->rules.remove_after = (int64_t)settings->remove_after * 1000;
    pool_init(&fleet->pool);
}

void
fleet_release(struct fleet *fleet)
{
    free(fleet->nodes);
    free(fleet->judges);
    free(fleet->engine_nodes);
    pool_release(&fleet->pool);
    *fleet = (struct fleet){.count = 0};
}

static int
compare_nodes(const void *a, const void *b)
{
    const struct entry_node *x = a, *y = b;

    return x->config < y->config ? -1 : x->config > y->config;
}

static const struct uuid *
uuid_of(const struct health_settings *settings, const char *address)
{
    size_t i;

    for (i = 0; i < settings->user_count; i++)
        if (strcmp(settings->users[i].node, address) == 0)
            return &settings->users[i].uuid;
    return &settings->uuid;
}

/* Makes a node of an entry. Returns 0, or -1 with error filled. */
static int
read_node(struct entry_node *node, const struct set_entry *entry,
          const struct health_settings *settings, struct pool *pool, struct error *error)
{
    *node = (struct entry_node){.config = entry->config};
    if (link_read_middle(entry->middle, entry->middle_len, &node->client, pool, error) != 0)
        return -1;
    node->uuid = *uuid_of(settings, node->client.address);
    node->needs = probe_unsupported(&node->client);
    node->name = pool_printf(pool, "%s:%u %s %s", node->client.address, node->client.port,
                             transport_name(node->client.type),
                             security_name(node->client.security));
    return node->name != NULL ? 0 : error_set(error, "out of memory");
}

/* Nodes in the making. */
struct listing {
    struct fleet *fresh;
    size_t room;
    const struct health_settings *settings;
};

static bool
is_listed(const struct fleet *fleet, uint64_t config)
{
    size_t i;

    for (i = 0; i < fleet->count; i++)
        if (fleet->nodes[i].config == config)
            return true;
    return false;
}

static int
list_set(struct listing *listing, const struct set *set, struct error *error)
{
    struct fleet *fresh = listing->fresh;
    uint32_t i;

    for (i = 0; i < set->count; i++) {
        if (is_listed(fresh, set->entries[i].config))
            continue;
        if (fresh->count == listing->room) {
            size_t room = listing->room * 2 + 64;
            struct entry_node *nodes = realloc(fresh->nodes, room * sizeof(*nodes));

            if (nodes == NULL)
                return error_set(error, "out of memory");
            fresh->nodes = nodes;
            listing->room = room;
        }
        if (read_node(&fresh->nodes[fresh->count], &set->entries[i], listing->settings,
                      &fresh->pool, error) != 0)
            return -1;
        fresh->count++;
    }
    return 0;
}

/* Lists the nodes of every set. */
static int
list_nodes(struct listing *listing, struct snapshot *snapshot, struct error *error)
{
    struct set *set = calloc(1, sizeof(*set));
    const uint8_t *bytes;
    uint32_t number;
    size_t len;
    int rc = 0, got = 1;

    if (set == NULL)
        return error_set(error, "out of memory");
    for (number = 0; rc == 0 && got == 1; number++) {
        got = snapshot_get_set(snapshot, number, SET_LINKS, &bytes, &len);
        if (got < 0 || (got == 1 && set_decode(bytes, len, set) != 0))
            rc = error_set(error, "the snapshot is damaged");
        else if (got == 1)
            rc = list_set(listing, set, error);
    }
    free(set);
    return rc;
}

/* Takes over what was known of a node before. */
static void
remember(const struct fleet *old, struct entry_node *node, struct judge *judge)
{
    const struct entry_node *known = old->count == 0 ? NULL
                                                     : bsearch(node, old->nodes, old->count,
                                                               sizeof(*old->nodes), compare_nodes);
    struct entry_node fresh = *node;

    if (known == NULL)
        return;
    *judge = old->judges[known - old->nodes];
    *node = *known;
    node->name = fresh.name;
    node->client = fresh.client;
    node->uuid = fresh.uuid;
    node->needs = fresh.needs;
    node->in_engine = fresh.in_engine;
    node->is_probing = false;
}

/* Takes over what an earlier program wrote down of it. */
static void
restore(struct entry_node *node, struct judge *judge, const struct judge_rules *rules,
        const struct health_report *report, int64_t now, int64_t wall)
{
    size_t i;

    for (i = 0; i < report->count; i++) {
        const struct health_entry *entry = &report->entries[i];

        if (entry->key != node->config)
            continue;
        judge_init(judge, rules, entry->state, now - (wall - entry->since) * 1000, now);
        node->since = entry->since;
        node->last_success = entry->last_success;
        node->last_try = entry->last_try;
        node->round_trip = entry->round_trip;
        node->spoke = entry->spoke;
        strncpy(node->reason, entry->reason, sizeof(node->reason) - 1);
    }
}

/* Lists those that take an engine. Returns 0, or -1 with error filled. */
static int
list_engine_nodes(struct fleet *fleet, struct error *error)
{
    size_t i;

    fleet->engine_nodes = calloc(fleet->count + 1, sizeof(*fleet->engine_nodes));
    if (fleet->engine_nodes == NULL)
        return error_set(error, "out of memory");
    for (i = 0; i < fleet->count; i++) {
        struct entry_node *node = &fleet->nodes[i];

        if (node->needs == NULL)
            continue;
        node->in_engine = fleet->engine_count++;
        fleet->engine_nodes[node->in_engine] = (struct engine_node){.client = &node->client,
                                                                    .uuid = node->uuid};
    }
    return 0;
}

static bool
is_same(const struct fleet *a, const struct fleet *b)
{
    size_t i;

    if (a->count != b->count)
        return false;
    for (i = 0; i < a->count; i++)
        if (a->nodes[i].config != b->nodes[i].config)
            return false;
    return true;
}

/* Lists the nodes of a snapshot. */
static int
list(struct fleet *fresh, struct snapshot *snapshot, const struct health_settings *settings,
     struct error *error)
{
    struct listing listing = {fresh, 0, settings};

    pool_init(&fresh->pool);
    if (list_nodes(&listing, snapshot, error) != 0)
        return -1;
    if (fresh->count > 0)
        qsort(fresh->nodes, fresh->count, sizeof(*fresh->nodes), compare_nodes);
    fresh->judges = calloc(fresh->count + 1, sizeof(*fresh->judges));
    if (fresh->judges == NULL)
        return error_set(error, "out of memory");
    return list_engine_nodes(fresh, error);
}

int
fleet_load(struct fleet *fleet, struct snapshot *snapshot, const struct health_settings *settings,
           const struct health_report *report, int64_t now, int64_t wall, struct error *error)
{
    struct fleet fresh = {.rules = fleet->rules, .random = fleet->random};
    int rc = list(&fresh, snapshot, settings, error);
    size_t i;

    if (rc != 0 || (fleet->count > 0 && is_same(fleet, &fresh))) {
        fleet_release(&fresh);
        return rc;
    }
    for (i = 0; i < fresh.count; i++) {
        struct entry_node *node = &fresh.nodes[i];

        judge_init(&fresh.judges[i], &fresh.rules, HEALTH_UNKNOWN, now, now);
        node->since = wall;
        node->due = now + judge_next(&fresh.judges[i], &fresh.rules, &fresh.random);
        if (report != NULL)
            restore(node, &fresh.judges[i], &fresh.rules, report, now, wall);
        remember(fleet, node, &fresh.judges[i]);
    }
    fleet_release(fleet);
    *fleet = fresh;
    return 1;
}

int
fleet_write(const struct fleet *fleet, const char *path, const struct health_head *head,
            struct error *error)
{
    struct health_entry *entries = calloc(fleet->count + 1, sizeof(*entries));
    size_t i;
    int rc;

    if (entries == NULL)
        return error_set(error, "out of memory");
    for (i = 0; i < fleet->count; i++) {
        const struct entry_node *node = &fleet->nodes[i];

        entries[i] = (struct health_entry){.key = node->config,
                                           .state = fleet->judges[i].state,
                                           .spoke = node->spoke,
                                           .since = node->since,
                                           .last_success = node->last_success,
                                           .last_try = node->last_try,
                                           .round_trip = node->round_trip,
                                           .name = node->name,
                                           .reason = node->reason};
    }
    rc = health_write(path, head, entries, fleet->count, error);
    free(entries);
    return rc;
}
