/*
 * judge.h over hours of a fleet: a seeded simulation of nodes that die, come back and are hard to
 * reach, asked when judge_next says so.
 */
#include "unit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "judge.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

enum { MOST = 50, ROUND_TRIP = 50, REFUSED = 1 };

static struct fleet {
    struct judge_rules rules;
    struct judge judges[MOST];
    struct node {
        int64_t began;
        int64_t at; /* when the probe under way ends, else when the next one begins */
        bool is_probed, is_dead, is_mute; /* mute: every result is silent */
        int64_t died, revived;            /* of kill_one_by_one; 0: not now */
        enum judge_result result;         /* of the probe under way */
    } nodes[MOST];
    size_t count;
    int64_t now, timeout;
    unsigned loss;           /* probes lost, in percent */
    bool is_refused;         /* the dead refuse at once; else, and when lost, it takes a timeout */
    uint64_t random, chance; /* of the world, and of judge_next */
    unsigned falls, rises, deaths; /* so far */
} fleet;

static uint32_t
draw(uint32_t bound)
{
    fleet.random = fleet.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((fleet.random >> 33) % bound);
}

static int64_t
next(size_t i)
{
    return judge_next(&fleet.judges[i], &fleet.rules, &fleet.chance);
}

static void
start(size_t count, uint32_t interval, uint64_t seed)
{
    size_t i;

    memset(&fleet, 0, sizeof(fleet));
    judge_rules_init(&fleet.rules, interval);
    fleet.count = count;
    fleet.timeout = interval * 8 / 30;
    fleet.random = fleet.chance = seed;
    for (i = 0; i < count; i++) {
        judge_init(&fleet.judges[i], &fleet.rules, HEALTH_UNKNOWN, 0, 0);
        fleet.nodes[i].at = next(i);
    }
}

/* What is so when a probe begins is what it finds. */
static void
begin(struct node *node)
{
    bool is_lost = draw(100) < fleet.loss;

    node->is_probed = true;
    node->began = fleet.now;
    node->result = node->is_mute ? JUDGE_SILENT : node->is_dead || is_lost ? JUDGE_BAD : JUDGE_GOOD;
    node->at = fleet.now + (node->result != JUDGE_BAD      ? ROUND_TRIP
                            : fleet.is_refused && !is_lost ? REFUSED
                                                           : fleet.timeout);
}

static void
end(size_t i)
{
    struct node *node = &fleet.nodes[i];

    if (judge_hear(fleet.judges, fleet.count, i, &fleet.rules, node->result, node->began,
                   fleet.now)) {
        fleet.falls += fleet.judges[i].state == HEALTH_DOWN;
        fleet.deaths += fleet.judges[i].state == HEALTH_DEAD;
        fleet.rises += fleet.judges[i].state == HEALTH_ALIVE;
        assert_int_equal(fleet.now, fleet.judges[i].since);
    }
    node->is_probed = false;
    node->at = fleet.now + next(i);
}

/* Lets time go by. */
static void
run(int64_t time)
{
    int64_t until = fleet.now + time;
    size_t i, first;

    for (;;) {
        for (first = 0, i = 1; i < fleet.count; i++)
            if (fleet.nodes[i].at < fleet.nodes[first].at)
                first = i;
        if (fleet.nodes[first].at > until)
            break;
        fleet.now = fleet.nodes[first].at;
        if (fleet.nodes[first].is_probed)
            end(first);
        else
            begin(&fleet.nodes[first]);
    }
    fleet.now = until;
}

/* The nodes from one on to before another die, or come back. */
static void
kill_nodes(size_t from, size_t to, bool is_dead)
{
    for (; from < to; from++)
        fleet.nodes[from].is_dead = is_dead;
}

static size_t
how_many(enum health_state state)
{
    size_t i, count = 0;

    for (i = 0; i < fleet.count; i++)
        count += fleet.judges[i].state == state;
    return count;
}

/* How long it takes until so many nodes are in a state: INT64_MAX, longer than the limit. */
static int64_t
time_until(size_t count, enum health_state state, int64_t limit)
{
    int64_t began = fleet.now;

    while (how_many(state) != count && fleet.now <= began + limit)
        run(1);
    return how_many(state) == count ? fleet.now - began : INT64_MAX;
}

static void
test_no_flap_with_a_fifth_of_probes_lost(void **state)
{
    (void)state;
    start(4, 30000, 1);
    fleet.loss = 20;
    run(1000 * 30 * SECOND);
    assert_int_equal(4, fleet.rises); /* from unknown */
    assert_int_equal(0, fleet.falls);
    assert_int_equal(4, how_many(HEALTH_ALIVE));
}

/* The same over many worlds: nine failures in a row come once in two million probes. */
static void
test_a_fifth_lost_moves_hardly_any_fleet(void **state)
{
    unsigned fleets = 0, falls = 0;
    uint64_t seed;

    (void)state;
    for (seed = 1; seed <= 1000; seed++) {
        start(4, 30000, seed);
        fleet.loss = 20;
        run(1000 * 30 * SECOND);
        fleets += fleet.falls > 0;
        falls += fleet.falls;
        assert_int_equal(0, fleet.deaths);
        assert_int_equal(4 + fleet.falls, fleet.rises + how_many(HEALTH_DOWN));
    }
    print_message("%u falls, in %u fleets of 1,000, in 1,000 rounds\n", falls, fleets);
    if (fleets > 10)
        fail_msg("%u fleets of 1,000", fleets);
}

/* That the above could be seen: 0.35 to the ninth for each probe. Still, none is ever dead. */
static void
test_more_lost_moves_some_and_removes_none(void **state)
{
    (void)state;
    start(40, 30000, 2);
    fleet.loss = 35;
    run(5000 * 30 * SECOND);
    if (fleet.falls < 3 || fleet.falls > 26)
        fail_msg("%u falls in 200,000 rounds; about 10 are to be expected", fleet.falls);
    assert_int_equal(0, fleet.deaths);
    assert_true(how_many(HEALTH_ALIVE) >= 38);
}

/* (fall + 1) * interval + timeout */
static int64_t
longest_detection(void)
{
    return (fleet.rules.fall + 1) * (int64_t)fleet.rules.interval + fleet.timeout;
}

/* Kills one of a fleet at any time, and revives it; the others stay as they are. */
static void
kill_and_revive(size_t count, uint32_t interval, uint64_t seed, bool is_refused, int64_t *worst)
{
    int64_t time, back;

    start(count, interval, seed);
    fleet.is_refused = is_refused;
    run(4 * (int64_t)interval + draw(4 * interval));
    assert_int_equal(count, how_many(HEALTH_ALIVE));
    kill_nodes(0, 1, true);
    time = time_until(1, HEALTH_DOWN, 100 * (int64_t)interval);
    if (time > longest_detection())
        fail_msg("seed %" PRIu64 ": %" PRId64 " ms of %" PRId64, seed, time, longest_detection());
    assert_int_equal(HEALTH_DOWN, fleet.judges[0].state);
    *worst = time > *worst ? time : *worst;
    /* Back, when the hold-down is over: two successes, after what is left of the last failure. */
    fleet.rules.hold = 0;
    fleet.judges[0].held_until = fleet.now + 2 * interval;
    run(2 * (int64_t)interval + draw(2 * interval));
    kill_nodes(0, 1, false);
    back = time_until(count, HEALTH_ALIVE, 100 * (int64_t)interval);
    assert_true(back <= (fleet.rules.rise + 1) * (int64_t)interval + fleet.timeout);
    assert_int_equal(1, fleet.falls);
    assert_int_equal(count + 1, fleet.rises);
}

static void
test_a_death_is_seen_in_time(void **state)
{
    static const size_t counts[] = {1, 2, 3, 4, 10};
    int64_t worst = 0;
    uint64_t seed;
    size_t i;

    (void)state;
    for (seed = 1; seed <= 50; seed++)
        for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            kill_and_revive(counts[i], 30000, seed, seed % 2 == 0, &worst);
            kill_and_revive(counts[i], 600, seed, seed % 2 == 0, &worst);
        }
    /* The bound is not an idle one. */
    assert_true(worst > 100 * SECOND);
    print_message("at the latest after %.1f s\n", (double)worst / 1000);
}

/* What becomes of a node that has died, or is back. Returns whether it is over. */
static bool
watch(size_t i, int64_t *worst)
{
    const struct judge *judge = &fleet.judges[i];
    struct node *node = &fleet.nodes[i];
    int64_t from, limit = (fleet.rules.rise + 1) * (int64_t)fleet.rules.interval + fleet.timeout;

    if (node->is_dead && judge->state == HEALTH_DOWN && node->revived == 0) {
        if (judge->since - node->died > longest_detection() + ROUND_TRIP)
            fail_msg("node %zu: %" PRId64 " ms", i, judge->since - node->died);
        *worst = judge->since - node->died > *worst ? judge->since - node->died : *worst;
        node->revived = fleet.now + draw(5 * MINUTE);
    }
    if (node->is_dead && node->revived != 0 && fleet.now >= node->revived) {
        node->revived = fleet.now;
        node->is_dead = false;
    }
    if (node->is_dead || node->revived == 0)
        return false;
    from = judge->held_until > node->revived ? judge->held_until : node->revived;
    if (judge->state != HEALTH_ALIVE)
        assert_true(fleet.now <= from + limit);
    return judge->state == HEALTH_ALIVE;
}

/* Fifty nodes of which any may die at any time, three in five at once at most. */
static void
kill_one_by_one(uint64_t seed, int64_t timeout, int64_t *worst)
{
    unsigned kills = 0, dead = 0;
    size_t i;

    start(50, 30000, seed);
    fleet.is_refused = seed % 2 == 0;
    fleet.timeout = timeout;
    run(5 * MINUTE);
    assert_int_equal(50, how_many(HEALTH_ALIVE));
    while (kills < 200 || dead > 0) {
        run(1 + draw(2 * SECOND));
        i = draw(50);
        if (kills < 200 && dead < 30 && fleet.nodes[i].died == 0) {
            fleet.nodes[i].is_dead = true;
            fleet.nodes[i].died = fleet.now;
            kills++;
            dead++;
        }
        for (i = 0; i < 50; i++)
            if (fleet.nodes[i].died != 0 && watch(i, worst)) {
                fleet.nodes[i].died = fleet.nodes[i].revived = 0;
                dead--;
            }
    }
    /* Nobody else has fallen, and every one is back. */
    assert_int_equal(kills, fleet.falls);
    assert_int_equal(50 + kills, fleet.rises);
    assert_int_equal(50, how_many(HEALTH_ALIVE));
}

static void
test_each_death_in_a_large_fleet_is_seen_in_time(void **state)
{
    int64_t worst = 0;
    uint64_t seed;

    (void)state;
    for (seed = 1; seed <= 10; seed++) {
        kill_one_by_one(seed, 8 * SECOND, &worst);
        kill_one_by_one(seed, 9 * SECOND, &worst); /* 0.3 intervals: the longest that is in time */
    }
    print_message("at the latest after %.1f s\n", (double)worst / 1000);
}

static void
test_dead_for_ten_minutes_is_removed_and_comes_back(void **state)
{
    int64_t fallen;

    (void)state;
    start(4, 30000, 3);
    run(10 * MINUTE);
    kill_nodes(0, 1, true);
    assert_true(time_until(1, HEALTH_DOWN, HOUR) <= longest_detection());
    fallen = fleet.now;
    assert_true(time_until(1, HEALTH_DEAD, HOUR) < HOUR);
    assert_true(fleet.now - fallen >= 10 * MINUTE);
    assert_true(fleet.now - fallen <= 10 * MINUTE + 36 * SECOND + fleet.timeout);
    run(HOUR);
    assert_int_equal(1, how_many(HEALTH_DEAD));
    kill_nodes(0, 1, false);
    assert_true(time_until(4, HEALTH_ALIVE, HOUR) <= 2 * 36 * SECOND + fleet.timeout + 100);
    assert_int_equal(1, fleet.deaths);
}

/* A node that flaps: the time that it is trusted again grows rarer. */
static void
test_a_flapping_node_is_held_down_longer(void **state)
{
    int64_t last = 0, held;
    int i;

    (void)state;
    start(4, 30000, 4);
    run(10 * MINUTE);
    for (i = 0; i < 6; i++) {
        kill_nodes(0, 1, true);
        assert_true(time_until(1, HEALTH_DOWN, HOUR) <= longest_detection());
        kill_nodes(0, 1, false);
        held = time_until(4, HEALTH_ALIVE, HOUR);
        assert_true(held >= (i < 5 ? i + 1 : 5) * MINUTE);
        assert_true(held <= (i < 5 ? i + 1 : 5) * MINUTE + 60 * SECOND);
        assert_true(held > last || i == 5);
        last = held;
    }
}

/* All at once, for a while: the checker's own way out. Nothing happens, then or later. */
static void
test_an_outage_of_the_checker_moves_nothing(void **state)
{
    static const size_t counts[] = {3, 4, 5, 10, 40};
    uint64_t seed;
    size_t i;

    (void)state;
    for (seed = 1; seed <= 60; seed++)
        for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            start(counts[i], 30000, seed);
            fleet.is_refused = seed % 2 == 0;
            run(2 * MINUTE + draw(MINUTE));
            kill_nodes(0, counts[i], true);
            run(draw(140 * SECOND));
            kill_nodes(0, counts[i], false);
            run(10 * MINUTE);
            if (fleet.falls > 0)
                fail_msg("seed %" PRIu64 ", %zu nodes: %u fell", seed, counts[i], fleet.falls);
        }
}

static void
test_what_stays_is_believed_in_the_end(void **state)
{
    static const struct {
        size_t count, dead;
        bool is_mass;
    } cases[] = {
        {1, 1, false},  {2, 1, false},   {2, 2, false},  {3, 2, false},
        {3, 3, true},   {4, 3, false},   {4, 4, true},   {5, 3, false},
        {5, 4, true},   {10, 7, false},  {10, 8, true},  {10, 9, true},
        {10, 10, true}, {40, 31, false}, {40, 32, true}, {40, 40, true},
    };
    int64_t time;
    size_t i;
    int mode;

    (void)state;
    for (mode = 0; mode < 2; mode++)
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            start(cases[i].count, 30000, 100 + i);
            fleet.is_refused = mode == 1;
            run(5 * MINUTE);
            kill_nodes(0, cases[i].dead, true);
            time = time_until(cases[i].dead, HEALTH_DOWN, HOUR);
            if (cases[i].is_mass ? time < 150 * SECOND || time > 400 * SECOND
                                 : time > longest_detection())
                fail_msg("%zu of %zu: %" PRId64 " ms", cases[i].dead, cases[i].count, time);
            /* The others are in no danger, and success is believed at once. */
            run(HOUR);
            assert_int_equal(cases[i].dead, fleet.falls);
            kill_nodes(0, cases[i].dead, false);
            assert_true(time_until(cases[i].count, HEALTH_ALIVE, HOUR) <= 100 * SECOND);
        }
}

/* Nodes of which nothing can be said, or that have been down, are no witnesses. */
static void
test_the_mute_and_the_fallen_do_not_count(void **state)
{
    size_t i;

    (void)state;
    start(20, 30000, 5);
    fleet.rules.remove_after = 100 * HOUR;
    for (i = 10; i < 16; i++)
        fleet.nodes[i].is_mute = true;
    kill_nodes(16, 20, true);
    run(10 * MINUTE);
    assert_int_equal(4, fleet.falls);
    assert_int_equal(6, how_many(HEALTH_UNKNOWN));
    /* Of ten that are left, three are enough; of twenty they would not be. */
    kill_nodes(0, 7, true);
    assert_true(time_until(11, HEALTH_DOWN, HOUR) <= longest_detection());
    run(HOUR);
    kill_nodes(0, 7, false);
    run(10 * MINUTE);
    assert_int_equal(10, how_many(HEALTH_ALIVE));
    kill_nodes(0, 10, true);
    run(140 * SECOND);
    assert_int_equal(11, fleet.falls);
    /* Silence instead of failures: for as long as the self-check fails, nothing happens. */
    for (i = 0; i < 20; i++)
        fleet.nodes[i].is_mute = true;
    run(50 * MINUTE);
    assert_int_equal(11, fleet.falls);
    assert_int_equal(10, how_many(HEALTH_ALIVE));
}

/* A program that asks everybody at once, and ends when it is open of nobody. */
static void
test_one_run_finds_who_is_dead(void **state)
{
    uint64_t seed;
    size_t i;

    (void)state;
    for (seed = 1; seed <= 500; seed++) {
        start(5, 30000, seed);
        fleet.is_refused = seed % 2 == 0;
        kill_nodes(0, 1, true);
        for (i = 0; i < 5; i++)
            fleet.nodes[i].at = 0;
        do
            run(100);
        while (!fleet.judges[0].is_asked || judge_is_open(&fleet.judges[0], &fleet.rules));
        assert_int_equal(HEALTH_DOWN, fleet.judges[0].state);
        assert_true(fleet.now <= 2 * MINUTE);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_flap_with_a_fifth_of_probes_lost),
        cmocka_unit_test(test_a_fifth_lost_moves_hardly_any_fleet),
        cmocka_unit_test(test_more_lost_moves_some_and_removes_none),
        cmocka_unit_test(test_a_death_is_seen_in_time),
        cmocka_unit_test(test_each_death_in_a_large_fleet_is_seen_in_time),
        cmocka_unit_test(test_dead_for_ten_minutes_is_removed_and_comes_back),
        cmocka_unit_test(test_a_flapping_node_is_held_down_longer),
        cmocka_unit_test(test_an_outage_of_the_checker_moves_nothing),
        cmocka_unit_test(test_what_stays_is_believed_in_the_end),
        cmocka_unit_test(test_one_run_finds_who_is_dead),
        cmocka_unit_test(test_the_mute_and_the_fallen_do_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
