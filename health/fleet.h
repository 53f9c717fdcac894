/*
 * Every node that the snapshot can serve, and what is known of it: nodes with the same
 * configuration are one, in however many sets of endpoints they stand.
 */
#ifndef SIGNPOST_FLEET_H
#define SIGNPOST_FLEET_H

#include "client.h"
#include "engine.h"
#include "health.h"
#include "judge.h"
#include "liveness.h"
#include "pool.h"
#include "snapshot.h"

struct entry_node {
    uint64_t config;      /* of its set entry: the key of the state file */
    const char *name;     /* for people: "host:port transport security" */
    struct client client; /* as its link says */
    struct uuid uuid;     /* of the probe device */
    const char *needs;    /* what about it takes an engine; NULL: nothing does */
    size_t in_engine;     /* then: its index in the fleet's engine_nodes */
    int64_t due;          /* ms, by the monotonic clock: when to probe it again */
    int64_t began;        /* ms: of the probe under way */
    bool is_probing;
    unsigned long probes; /* so far */
    /* As the state file has it; times in seconds since the epoch. */
    int64_t since, last_success, last_try;
    uint32_t round_trip;
    enum health_speaker spoke;
    char reason[HEALTH_REASON_MAX + 1];
};

struct fleet {
    struct judge_rules rules;
    struct entry_node *nodes; /* ascending by config */
    struct judge *judges;     /* of the nodes, likewise */
    size_t count;
    struct engine_node *engine_nodes;
    size_t engine_count;
    struct pool pool; /* holds what nodes point to */
    uint64_t random;
};

void fleet_init(struct fleet *fleet, const struct health_settings *settings, uint64_t seed);
void fleet_release(struct fleet *fleet);

/*
 * Takes the nodes of a snapshot: what is known of those that stay is kept, and none is being probed
 * then. What an earlier program wrote down of others (report; NULL: nothing) is taken over. now is
 * in ms by the monotonic clock, wall in seconds since the epoch. Returns 1; 0 when the nodes are
 * the same, and nothing has changed: probes may go on; or -1 with error filled and the fleet as it
 * was.
 */
int fleet_load(struct fleet *fleet, struct snapshot *snapshot,
               const struct health_settings *settings, const struct health_report *report,
               int64_t now, int64_t wall, struct error *error);

/* Writes down what is known. Returns as health_write. */
int fleet_write(const struct fleet *fleet, const char *path, const struct health_head *head,
                struct error *error);

#endif
