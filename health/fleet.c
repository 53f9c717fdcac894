#include "fleet.h"

#include <stdlib.h>
#include <string.h>

#include "link_read.h"
#include "probe.h"
#include "set.h"

enum { ONCE_INTERVAL = 30 };

void
fleet_init(struct fleet *fleet, const struct health_settings *settings, bool once, uint64_t seed)
{
    unsigned interval = settings->interval;

    *fleet = (struct fleet){.random = seed};
    if (once && interval > ONCE_INTERVAL)
        interval = ONCE_INTERVAL;
    judge_rules_init(&fleet->rules, interval * 1000);
    fleet->rules.fall = settings->fall;
    fleet->rules.rise = settings->rise;
    fleet->rules.remove_after = (int64_t)settings->remove_after * 1000;
}

static void
free_node(struct entry_node *node)
{
    if (node != NULL)
        pool_release(&node->pool);
    free(node);
}

void
fleet_release(struct fleet *fleet)
{
    struct entry_node *node;
    size_t i;

    for (i = 0; i < fleet->count; i++)
        free_node(fleet->nodes[i]);
    while ((node = fleet->gone) != NULL) {
        fleet->gone = node->next;
        free_node(node);
    }
    free(fleet->nodes);
    free(fleet->judges);
    free(fleet->engine_nodes);
    *fleet = (struct fleet){.count = 0};
}

bool
fleet_forget(struct fleet *fleet, struct entry_node *node)
{
    struct entry_node **at;

    for (at = &fleet->gone; *at != NULL; at = &(*at)->next)
        if (*at == node) {
            *at = node->next;
            free_node(node);
            return true;
        }
    return false;
}

static int
compare_nodes(const void *a, const void *b)
{
    const struct entry_node *x = *(struct entry_node *const *)a;
    const struct entry_node *y = *(struct entry_node *const *)b;

    return x->config < y->config ? -1 : x->config > y->config;
}

/* The node of a fleet with that configuration, or NULL. */
static struct entry_node *
find(const struct fleet *fleet, uint64_t config)
{
    struct entry_node wanted = {.config = config}, *key = &wanted, **found;

    if (fleet->count == 0)
        return NULL;
    found = bsearch(&key, fleet->nodes, fleet->count, sizeof(struct entry_node *), compare_nodes);
    return found != NULL ? *found : NULL;
}

/* The UUID to probe a node with: by the node's address, else by the host of its link. */
static const struct uuid *
uuid_of(const struct health_settings *settings, const struct set_entry *entry, const char *host)
{
    const struct uuid *uuid = &settings->uuid;
    size_t i;

    for (i = 0; i < settings->user_count; i++) {
        if (set_node_key(settings->users[i].node) == entry->node)
            return &settings->users[i].uuid;
        if (strcmp(settings->users[i].node, host) == 0)
            uuid = &settings->users[i].uuid;
    }
    return uuid;
}

/* Makes a node of an entry. Returns it, or NULL with error filled. */
static struct entry_node *
make_node(const struct set_entry *entry, const struct health_settings *settings,
          struct error *error)
{
    struct entry_node *node = calloc(1, sizeof(*node));

    if (node == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    pool_init(&node->pool);
    node->config = entry->config;
    if (link_read_middle(entry->middle, entry->middle_len, &node->client, &node->pool, error) !=
        0) {
        free_node(node);
        return NULL;
    }
    node->uuid = *uuid_of(settings, entry, node->client.address);
    node->needs = probe_unsupported(&node->client);
    node->name = pool_printf(&node->pool, "%s:%u %s %s", node->client.address, node->client.port,
                             transport_name(node->client.type),
                             security_name(node->client.security));
    if (node->name != NULL)
        return node;
    error_set(error, "out of memory");
    free_node(node);
    return NULL;
}

/* Nodes in the making. */
struct listing {
    const struct fleet *old;
    const struct health_settings *settings;
    struct entry_node **nodes;
    size_t count, room;
    bool is_other; /* than the old ones */
};

static bool
is_listed(const struct listing *listing, uint64_t config)
{
    size_t i;

    for (i = 0; i < listing->count; i++)
        if (listing->nodes[i]->config == config)
            return true;
    return false;
}

/* Lists the node of an entry: the one that is there, or a new one. */
static int
list_entry(struct listing *listing, const struct set_entry *entry, struct error *error)
{
    struct entry_node *node = find(listing->old, entry->config);

    if (node != NULL ? node->is_kept : is_listed(listing, entry->config))
        return 0;
    if (listing->count == listing->room) {
        size_t room = listing->room * 2 + 64;
        struct entry_node **nodes = realloc(listing->nodes, room * sizeof(*nodes));

        if (nodes == NULL)
            return error_set(error, "out of memory");
        listing->nodes = nodes;
        listing->room = room;
    }
    if (node != NULL) {
        node->is_kept = true;
    } else {
        listing->is_other = true;
        node = make_node(entry, listing->settings, error);
        if (node == NULL)
            return -1;
    }
    listing->nodes[listing->count++] = node;
    return 0;
}

/* Lists the nodes of every set. */
static int
list(struct listing *listing, struct snapshot *snapshot, struct error *error)
{
    struct set *set = calloc(1, sizeof(*set));
    const uint8_t *bytes;
    uint32_t number, i;
    size_t len;
    int rc = 0, got = 1;

    if (set == NULL)
        return error_set(error, "out of memory");
    for (number = 0; rc == 0 && got == 1; number++) {
        got = snapshot_get_set(snapshot, number, SET_LINKS, &bytes, &len);
        if (got < 0 || (got == 1 && set_decode(bytes, len, set) != 0))
            rc = error_set(error, "the snapshot is damaged");
        for (i = 0; rc == 0 && got == 1 && i < set->count; i++)
            rc = list_entry(listing, &set->entries[i], error);
    }
    free(set);
    return rc;
}

/* A clock that was ahead said what is yet to come. */
static int64_t
not_after(int64_t wall, int64_t time)
{
    return time < wall ? time : wall;
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
        /* By what it fell is not written down. */
        node->owes_large = entry->state == HEALTH_DOWN || entry->state == HEALTH_DEAD;
        node->since = not_after(wall, entry->since);
        node->last_success = not_after(wall, entry->last_success);
        node->last_try = not_after(wall, entry->last_try);
        judge_init(judge, rules, entry->state, now - (wall - node->since) * 1000, now);
        node->round_trip = entry->round_trip;
        node->spoke = entry->spoke;
        node->lets_anybody = strcmp(entry->reason, HEALTH_LETS_ANYBODY) == 0;
        strncpy(node->reason, entry->reason, sizeof(node->reason) - 1);
    }
}

/* The judges of the nodes that are listed. Returns them, or NULL. */
static struct judge *
make_judges(struct fleet *fleet, const struct listing *listing, const struct health_report *report,
            int64_t now, int64_t wall)
{
    struct judge *judges = calloc(listing->count + 1, sizeof(*judges));
    size_t i;

    for (i = 0; judges != NULL && i < listing->count; i++) {
        struct entry_node *node = listing->nodes[i];

        if (node->is_kept) {
            judges[i] = fleet->judges[node->index];
            continue;
        }
        judge_init(&judges[i], &fleet->rules, HEALTH_UNKNOWN, now, now);
        node->since = wall;
        node->due = now + judge_next(&judges[i], &fleet->rules, &fleet->random);
        if (report != NULL)
            restore(node, &judges[i], &fleet->rules, report, now, wall);
    }
    return judges;
}

/* Lists those that take an engine. Returns them, or NULL. */
static struct engine_node *
make_engine_nodes(const struct listing *listing, size_t *count)
{
    struct engine_node *nodes = calloc(listing->count + 1, sizeof(*nodes));
    size_t i;

    *count = 0;
    for (i = 0; nodes != NULL && i < listing->count; i++) {
        const struct entry_node *node = listing->nodes[i];

        if (node->needs != NULL)
            nodes[(*count)++] = (struct engine_node){.client = &node->client, .uuid = node->uuid};
    }
    return nodes;
}

static bool
is_same_engine(const struct fleet *fleet, const struct engine_node *nodes, size_t count)
{
    size_t i;

    if (count != fleet->engine_count)
        return false;
    for (i = 0; i < count; i++)
        if (nodes[i].client != fleet->engine_nodes[i].client)
            return false;
    return true;
}

/* Takes over what has been made: from here on nothing fails. */
static void
take_over(struct fleet *fleet, const struct listing *listing, struct judge *judges,
          struct engine_node *engine_nodes, size_t engine_count)
{
    size_t i, n = 0;

    for (i = 0; i < fleet->count; i++) {
        struct entry_node *node = fleet->nodes[i];

        if (!node->is_kept && node->is_probing) {
            node->next = fleet->gone;
            fleet->gone = node;
        } else if (!node->is_kept) {
            free_node(node);
        }
    }
    free(fleet->nodes);
    free(fleet->judges);
    fleet->nodes = listing->nodes;
    fleet->judges = judges;
    fleet->count = listing->count;
    if (is_same_engine(fleet, engine_nodes, engine_count)) {
        free(engine_nodes);
    } else {
        free(fleet->engine_nodes);
        fleet->engine_nodes = engine_nodes;
        fleet->engine_count = engine_count;
        fleet->is_engine_new = true;
    }
    for (i = 0; i < fleet->count; i++) {
        fleet->nodes[i]->index = i;
        fleet->nodes[i]->is_kept = false;
        if (fleet->nodes[i]->needs != NULL)
            fleet->nodes[i]->in_engine = n++;
    }
}

/* Drops what has been made. */
static void
drop(struct fleet *fleet, const struct listing *listing)
{
    size_t i;

    for (i = 0; i < listing->count; i++)
        if (!listing->nodes[i]->is_kept)
            free_node(listing->nodes[i]);
    free(listing->nodes);
    for (i = 0; i < fleet->count; i++)
        fleet->nodes[i]->is_kept = false;
}

int
fleet_load(struct fleet *fleet, struct snapshot *snapshot, const struct health_settings *settings,
           const struct health_report *report, int64_t now, int64_t wall, struct error *error)
{
    struct listing listing = {.old = fleet, .settings = settings};
    struct engine_node *engine_nodes;
    struct judge *judges;
    size_t engine_count;
    int rc = list(&listing, snapshot, error);

    if (rc != 0 || (!listing.is_other && listing.count == fleet->count)) {
        drop(fleet, &listing);
        return rc;
    }
    if (listing.count > 0)
        qsort(listing.nodes, listing.count, sizeof(struct entry_node *), compare_nodes);
    judges = make_judges(fleet, &listing, report, now, wall);
    engine_nodes = make_engine_nodes(&listing, &engine_count);
    if (judges == NULL || engine_nodes == NULL) {
        free(judges);
        free(engine_nodes);
        drop(fleet, &listing);
        return error_set(error, "out of memory");
    }
    take_over(fleet, &listing, judges, engine_nodes, engine_count);
    return 1;
}

void
fleet_hurry(struct fleet *fleet)
{
    size_t i;

    for (i = 0; i < fleet->count; i++)
        if (!fleet->judges[i].is_asked) {
            fleet->nodes[i]->due = 0;
            fleet->nodes[i]->owes_large = true;
        }
}

bool
fleet_is_settled(struct fleet *fleet)
{
    bool is_settled = true;
    size_t i;

    for (i = 0; i < fleet->count; i++) {
        const struct judge *judge = &fleet->judges[i];

        fleet->nodes[i]->is_settled |= judge->is_asked && !judge_is_open(judge, &fleet->rules);
        is_settled &= fleet->nodes[i]->is_settled;
    }
    return is_settled;
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
        const struct entry_node *node = fleet->nodes[i];

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
