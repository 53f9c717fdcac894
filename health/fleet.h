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
    size_t index;         /* in the fleet */
    const char *name;     /* for people: "host:port transport security" */
    struct client client; /* as its link says */
    struct uuid uuid;     /* of the probe device */
    const char *needs;    /* what about it takes an engine; NULL: nothing does */
    size_t in_engine;     /* then: its index in the fleet's engine_nodes */
    int64_t due;          /* ms, by the monotonic clock: when to probe it again */
    int64_t began;        /* ms: of the probe under way */
    bool is_probing;
    bool is_large;        /* the probe under way asks for the large page */
    bool is_control;      /* the probe under way is the negative control, which must fail */
    bool lets_anybody;    /* the last of these did not */
    int64_t control_due;  /* ms, as due */
    bool owes_large;      /* every probe does, until one has given it */
    bool is_kept;         /* while a snapshot is taken over: it is in the new one, too */
    bool is_settled;      /* fleet_is_settled has found so */
    unsigned long probes; /* so far */
    /* As the state file has it; times in seconds since the epoch. */
    int64_t since, last_success, last_try;
    uint32_t round_trip;
    enum health_speaker spoke;
    char reason[HEALTH_REASON_MAX + 1];
    struct pool pool;        /* holds name and client */
    struct entry_node *next; /* of those that are gone */
};

struct fleet {
    struct judge_rules rules;
    struct entry_node **nodes; /* ascending by config; each stays where it is while it is here */
    struct judge *judges;      /* of the nodes, likewise */
    size_t count;
    struct entry_node *gone; /* no more in the snapshot, but a probe is under way */
    struct engine_node *engine_nodes;
    size_t engine_count;
    bool is_engine_new; /* fleet_load has changed engine_nodes; whoever has used them says false */
    uint64_t random;
};

/*
 * once: the rules are those of an interval of 30 seconds or less, however seldom cron asks, so that
 * a run tells who has fallen: others must be asked meanwhile.
 */
void fleet_init(struct fleet *fleet, const struct health_settings *settings, bool once,
                uint64_t seed);
void fleet_release(struct fleet *fleet);

/*
 * Takes the nodes of a snapshot: those that stay stay as they are, probes under way too; those that
 * go while one is are in gone. What an earlier program wrote down of new ones (report; NULL:
 * nothing) is taken over. now is in ms by the monotonic clock, wall in seconds since the epoch.
 * Returns 1; 0 when the nodes are the same; or -1 with error filled and the fleet as it was.
 */
int fleet_load(struct fleet *fleet, struct snapshot *snapshot,
               const struct health_settings *settings, const struct health_report *report,
               int64_t now, int64_t wall, struct error *error);

/*
 * With once, after each turn. fleet_hurry makes everything due that has not been asked, for the
 * large page to begin with (a run is too short for every n-th probe), and fleet_is_settled tells
 * whether each node has been asked until more probes had nothing to tell (judge_is_open); what
 * comes after that is for the next run, or a large fleet would never end.
 */
void fleet_hurry(struct fleet *fleet);
bool fleet_is_settled(struct fleet *fleet);

/* Whether the node, whose probe has ended, is gone; then it is freed. */
bool fleet_forget(struct fleet *fleet, struct entry_node *node);

/* Writes down what is known. Returns as health_write. */
int fleet_write(const struct fleet *fleet, const char *path, const struct health_head *head,
                struct error *error);

#endif
