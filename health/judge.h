/*
 * When a node counts as alive and when it does not: what a row of probe results means. No clock,
 * no input, no output; times are milliseconds of any clock that does not run backwards, and may be
 * negative (before the program began).
 *
 *     state      becomes    when
 *     unknown    alive      one probe succeeds
 *     unknown,   down       `fall` checks in a row fail: the fall. A check is a probe and, while it
 *     alive                 fails, up to two more soon after; it fails when all three do. And the
 *                           fall is believed (below)
 *     down,      alive      `rise` probes in a row succeed, the last of them not before the
 *     dead                  hold-down of the fall ends
 *     down       dead       it has been down for `remove_after` and at least the last `fall` probes
 *                           failed
 *     any        unknown    nothing has been heard of it for `forget`
 *
 * What is not up and succeeds is asked again soon, until it has done so `rise` times.
 *
 * A result that says nothing (no engine, the target down for everybody, the self-check failed) is
 * told too; it changes nothing, unless there has been nothing else for `forget`.
 *
 * Why three probes in a check: polls are hours apart, and the probe's own loss must not move a
 * node. With 20 % of probes lost, three in a row fail once in 125 rounds or so; nine in a row, once
 * in two million. A death is still seen within (fall + 1) * interval + timeout while a timeout is
 * at most 0.3 intervals: since what fails at once is asked again after a while, and what takes a
 * timeout right away, with the defaults of 30 s and a timeout of 8 s it takes 36 s until the next
 * probe and then nine of them with a second between, 116 s, or what is refused 94 s.
 *
 * Hold-down, with an interval of 30 s or more: 60 s times the recent falls, at most 300 s. Each
 * whole hour alive takes one of them away (after Envoy's outlier ejection; facts/operations.md
 * section 1).
 *
 * A fall is believed when others got through meanwhile, else what fails may be our own way out:
 * more than a fifth of the nodes that are up (alive or unknown, the last result not silent) must
 * have been reached after the first failure of the one that falls and before its last probe began
 * (a probe that began while our way was cut may well end after that). So when 80 % or more fail
 * together, none of them falls: once a node has failed for long enough that every other has been
 * asked, its failures are dropped. When the same comes out JUDGE_ROUNDS times in a row, it is
 * believed. With fewer than JUDGE_CROWD nodes up, every fall is believed. Only falls are guarded:
 * success is no illusion, and what is down has been believed. How many fall at a time has no other
 * limit: what is down is still served, and no device loses more than half of its list by the dead.
 */
#ifndef SIGNPOST_JUDGE_H
#define SIGNPOST_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "health.h"

enum {
    JUDGE_PROBES = 3, /* of a check that fails */
    JUDGE_CROWD = 3,
    JUDGE_ROUNDS = 3,
    JUDGE_INTERVAL_MAX = 24 * 3600 * 1000
};

/* Milliseconds, but fall and rise. */
struct judge_rules {
    uint32_t interval;    /* between checks, +-20 % */
    uint32_t retry;       /* between the beginnings of checks while they fail, +-20 % */
    uint32_t recheck;     /* between the beginnings of the probes of a check; while one rises */
    uint32_t pause;       /* at least, from the end of a probe to the next of these */
    unsigned fall, rise;  /* at least 1 */
    int64_t remove_after; /* down -> dead */
    int64_t hold, hold_max;
    int64_t calm;   /* alive for so long: one fall less; at least 1 */
    int64_t forget; /* nothing heard for so long: unknown */
};

/*
 * The defaults for an interval in ms, 1 to JUDGE_INTERVAL_MAX; 30,000 where nothing is set. retry
 * 20 s, recheck 5 s, pause 1 s, hold 60 s up to 300 s, calm 1 h, each as much less as the interval
 * is less than 30 s; fall 3, rise 2, remove_after 10 min, forget 1 h or, if that is more, 10
 * intervals.
 */
void judge_rules_init(struct judge_rules *rules, uint32_t interval);

enum judge_result {
    JUDGE_SILENT, /* the probe says nothing about the node */
    JUDGE_GOOD,
    JUDGE_BAD,
};

/* What is known of one node. */
struct judge {
    enum health_state state;       /* never HEALTH_BLOCKED: that takes two vantages */
    int64_t since;                 /* when the state began */
    bool is_asked;                 /* there has been a result */
    bool is_silent;                /* the last one was silent, or there was none */
    unsigned good, bad;            /* in a row, of those that say something; one of them is 0 */
    int64_t heard;                 /* the last result that said something */
    int64_t good_since, last_good; /* the last row of successes; INT64_MAX: none yet */
    int64_t failing_since;         /* the first of the failures in a row */
    int64_t check_began;           /* with the first probe of the check that fails */
    int64_t probe_began;           /* the last one that failed */
    unsigned falls;                /* recent ones */
    unsigned dropped;              /* falls in a row that were not believed */
    int64_t held_until;            /* not alive again before */
};

/*
 * Begins with a node of which nothing is known or, after a restart, with what an earlier program
 * wrote down of it (in a file that still counts: health_head_is_fresh); since is when that state
 * began, not after now, which is when the program begins. A node that was down needs only one more
 * failure to be dead, if its time is up: what asks once at a time gets there too.
 */
void judge_init(struct judge *judge, const struct judge_rules *rules, enum health_state state,
                int64_t since, int64_t now);

/*
 * Takes the result of a probe of the node at index i of all count nodes, from its begin to now.
 * Returns whether the node's state has changed. Costs little, but count steps when a node is about
 * to fall.
 */
bool judge_hear(struct judge *judges, size_t count, size_t i, const struct judge_rules *rules,
                enum judge_result result, int64_t began, int64_t now);

/*
 * When to probe the node again: milliseconds from the end of the last probe; from now for one that
 * has not been asked (somewhere within an interval, so that the fleet is spread over it). random is
 * the state of a generator that the caller seeds with anything and keeps.
 */
uint32_t judge_next(const struct judge *judge, const struct judge_rules *rules, uint64_t *random);

/*
 * Whether more probes, now, are to tell if the node falls or comes back: it is up and has not been
 * well since a failure, or it is not up but well, though not for `rise` probes yet. Not while
 * probes say nothing, and not for the end of a hold-down. A program that asks only once asks each
 * node until this is not so.
 */
bool judge_is_open(const struct judge *judge, const struct judge_rules *rules);

#endif
