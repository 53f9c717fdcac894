/* judge.h: each rule to the millisecond. test_judge_fleet.c runs it as a whole. */
#include "unit.h"

#include <stdlib.h>

#include "judge.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static struct judge_rules rules;
static struct judge judges[40];
static int64_t now;

static int
set_up(void **state)
{
    (void)state;
    judge_rules_init(&rules, 30000);
    now = -7 * MINUTE;
    judge_init(&judges[0], &rules, HEALTH_UNKNOWN, now, now);
    return 0;
}

static bool
hear(enum judge_result result)
{
    return judge_hear(judges, 1, 0, &rules, result, now, now);
}

static void
hear_times(int times, enum judge_result result)
{
    while (times-- > 0)
        (void)hear(result);
}

static enum judge_result
result_of(char letter)
{
    return letter == 'g' ? JUDGE_GOOD : letter == 'b' ? JUDGE_BAD : JUDGE_SILENT;
}

/* Results of a lone node, 30 s apart, and its state after each: unknown, alive, down, dead (X). */
static void
test_rows_of_results(void **state)
{
    static const struct {
        const char *results, *states;
        unsigned fall, rise;
    } cases[] = {
        {"g", "a", 3, 2},
        {".", "?", 3, 2},
        {"b", "?", 3, 2},
        {"bg", "?a", 3, 2},
        {"bbbbbbbbb", "????????D", 3, 2},
        {"gbbbbbbbbb", "aaaaaaaaaD", 3, 2},
        {"gbbbbbbbbgbbbbbbbbg", "aaaaaaaaaaaaaaaaaaa", 3, 2},
        {"gbbbbbbbbgbbbbbbbbb", "aaaaaaaaaaaaaaaaaaD", 3, 2},
        /* Silence neither counts nor makes a row of failures another. */
        {"g............", "aaaaaaaaaaaaa", 3, 2},
        {"gb.b.b...b.b.b.bbb", "aaaaaaaaaaaaaaaaaD", 3, 2},
        {"bbbbbbbb.....g", "?????????????a", 3, 2},
        {"gbbbbbbbbb....", "aaaaaaaaaDDDDD", 3, 2},
        {"gbbbbbbbbbg.g", "aaaaaaaaaDDDa", 3, 2},
        {"gbbbbbbbbb.g.g.", "aaaaaaaaaDDDDaa", 3, 2},
        /* Rise: two in a row. */
        {"gbbbbbbbbbgg", "aaaaaaaaaDDa", 3, 2},
        {"gbbbbbbbbbgbgbgbgg", "aaaaaaaaaDDDDDDDDa", 3, 2},
        {"bbbbbbbbbgg", "????????DDa", 3, 2},
        {"bbbbbbbbbggg", "????????DDDa", 3, 3},
        /* One: but the hold-down of a minute is not over after 30 s. */
        {"gbbbbbbbbbgg", "aaaaaaaaaDDa", 3, 1},
        {"gbbb", "aaaD", 1, 1},
        {"gbbbbbb", "aaaaaaD", 2, 2},
        {"gbbbbbbbbbbbbbbb", "aaaaaaaaaaaaaaaD", 5, 2},
        /* Dead after 20 more probes: ten minutes. */
        {"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "????????DDDDDDDDDDDDDDDDDDDDXX", 3, 2},
        {"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbgg", "????????DDDDDDDDDDDDDDDDDDDDXXXa", 3, 2},
        {"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbgbgbbbbbgg", "????????DDDDDDDDDDDDDDDDDDDDXXXXXXXXXXXa", 3,
         2},
    };
    size_t i, at;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(state);
        rules.fall = cases[i].fall;
        rules.rise = cases[i].rise;
        for (at = 0; cases[i].states[at] != '\0'; at++) {
            enum health_state before = judges[0].state;
            bool is_changed = hear(result_of(cases[i].results[at]));

            if ("?aDX"[judges[0].state] != cases[i].states[at])
                fail_msg("case %zu: %s, result %zu: %c, not %c", i, cases[i].results, at + 1,
                         "?aDX"[judges[0].state], cases[i].states[at]);
            assert_int_equal(before != judges[0].state, is_changed);
            if (is_changed)
                assert_int_equal(now, judges[0].since);
            now += 30 * SECOND;
        }
    }
}

static void
fall_now(void)
{
    assert_int_equal(HEALTH_ALIVE, judges[0].state);
    hear_times(9, JUDGE_BAD);
    assert_int_equal(HEALTH_DOWN, judges[0].state);
}

/* Comes back as soon as it may; returns how long that took. */
static int64_t
rise_again(void)
{
    int64_t start = now;

    while (judges[0].state == HEALTH_DOWN) {
        (void)hear(JUDGE_GOOD);
        now++;
    }
    assert_int_equal(HEALTH_ALIVE, judges[0].state);
    return now - 1 - start;
}

static void
test_hold_down_grows_and_is_forgiven(void **state)
{
    static const int minutes[] = {1, 2, 3, 4, 5, 5, 5};
    size_t i;

    (void)state;
    (void)hear(JUDGE_GOOD);
    for (i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
        fall_now();
        assert_int_equal(minutes[i] * MINUTE, rise_again());
    }
    /* Alive for less than an hour: nothing is forgiven; each whole hour, one. */
    now = judges[0].since + HOUR - 1;
    fall_now();
    assert_int_equal(5 * MINUTE, rise_again());
    now = judges[0].since + HOUR;
    fall_now();
    assert_int_equal(5 * MINUTE, rise_again()); /* 5 - 1 + 1 */
    now = judges[0].since + 3 * HOUR - 1;
    fall_now();
    assert_int_equal(4 * MINUTE, rise_again()); /* 5 - 2 + 1 */
    now = judges[0].since + 1000 * HOUR;
    fall_now();
    assert_int_equal(1 * MINUTE, rise_again());
    /* Down is not alive: hours of it forgive nothing. */
    fall_now();
    now += 5 * HOUR;
    assert_int_equal(0, hear(JUDGE_GOOD));
    assert_int_equal(1, hear(JUDGE_GOOD));
    fall_now();
    assert_int_equal(3 * MINUTE, rise_again());
    /* No hold-down. */
    rules.hold = 0;
    fall_now();
    assert_int_equal(1, rise_again());
}

static void
test_dead_takes_its_time_and_evidence(void **state)
{
    int64_t fallen;

    (void)state;
    (void)hear(JUDGE_GOOD);
    fall_now();
    fallen = now;
    now = fallen + 10 * MINUTE - 1;
    assert_false(hear(JUDGE_BAD));
    now = fallen + 10 * MINUTE;
    assert_false(hear(JUDGE_SILENT));
    assert_true(hear(JUDGE_BAD));
    assert_int_equal(HEALTH_DEAD, judges[0].state);
    /* Flapping is not being dead, however long. */
    set_up(state);
    (void)hear(JUDGE_GOOD);
    fall_now();
    for (fallen = now; now < fallen + 2 * HOUR; now += 30 * SECOND) {
        assert_false(hear(JUDGE_GOOD));
        assert_false(hear(JUDGE_BAD));
        assert_false(hear(JUDGE_BAD));
    }
    assert_false(hear(JUDGE_SILENT));
    assert_true(hear(JUDGE_BAD));
    assert_int_equal(HEALTH_DEAD, judges[0].state);
    assert_false(hear(JUDGE_GOOD));
    assert_true(hear(JUDGE_GOOD));
    assert_int_equal(HEALTH_ALIVE, judges[0].state);
}

static void
test_long_silence_is_forgetting(void **state)
{
    int64_t heard;

    (void)state;
    (void)hear(JUDGE_GOOD);
    fall_now();
    heard = now;
    for (; now < heard + HOUR; now += MINUTE)
        assert_false(hear(JUDGE_SILENT));
    now = heard + HOUR - 1;
    assert_false(hear(JUDGE_SILENT));
    now = heard + HOUR;
    assert_true(hear(JUDGE_SILENT));
    assert_int_equal(HEALTH_UNKNOWN, judges[0].state);
    assert_int_equal(now, judges[0].since);
    now += HOUR;
    assert_false(hear(JUDGE_SILENT));
    /* From the beginning; but its falls are not forgotten. */
    hear_times(8, JUDGE_BAD);
    assert_int_equal(HEALTH_UNKNOWN, judges[0].state);
    assert_true(hear(JUDGE_BAD));
    assert_int_equal(HEALTH_DOWN, judges[0].state);
    assert_int_equal(2 * MINUTE, rise_again());
}

/*
 * Three nodes are up, so one witness is enough. The third only fails. The first fails every four
 * seconds, in probes of one second; the second has a row of successes, from one time to another
 * after the first's first failure. Returns whether the first has fallen, with its last failure when
 * it is told.
 */
static bool
falls_beside(int64_t good_from, int64_t good_to, int64_t last)
{
    int i;

    for (i = 0; i < 3; i++)
        judge_init(&judges[i], &rules, HEALTH_ALIVE, -HOUR, -HOUR);
    now = 0;
    (void)judge_hear(judges, 3, 1, &rules, JUDGE_GOOD, good_from - 1, good_from);
    (void)judge_hear(judges, 3, 1, &rules, JUDGE_GOOD, good_to - 1, good_to);
    (void)judge_hear(judges, 3, 2, &rules, JUDGE_BAD, -1, 0);
    for (i = 0; i < 8; i++)
        assert_false(judge_hear(judges, 3, 0, &rules, JUDGE_BAD, i * 4000 - 1000, i * 4000));
    return judge_hear(judges, 3, 0, &rules, JUDGE_BAD, last - 1000, last);
}

static void
test_who_is_a_witness(void **state)
{
    (void)state;
    assert_true(falls_beside(-60000, 15000, 30000));
    assert_true(falls_beside(15000, 45000, 30000));
    assert_true(falls_beside(-60000, 45000, 30000));
    /* Between the first failure and the beginning of the last probe, both included. */
    assert_true(falls_beside(-60000, 0, 30000));
    assert_false(falls_beside(-60000, -1, 30000));
    assert_true(falls_beside(29000, 29001, 30000));
    assert_false(falls_beside(29001, 29002, 30000));
    /* Not believed: dropped, when others have had the time to be asked. */
    assert_false(falls_beside(-60000, -1, 35999));
    assert_int_equal(9, judges[0].bad);
    assert_false(falls_beside(-60000, -1, 36000));
    assert_int_equal(0, judges[0].bad);
    assert_int_equal(1, judges[0].dropped);
    /* The third time, it is believed; one success in between, and it is not. */
    judges[0].dropped = 2;
    for (now = 40000; now < 48000; now += 1000)
        assert_false(judge_hear(judges, 3, 0, &rules, JUDGE_BAD, now, now));
    assert_true(judge_hear(judges, 3, 0, &rules, JUDGE_BAD, now, now));
    assert_int_equal(HEALTH_DOWN, judges[0].state);
    assert_false(falls_beside(-60000, -1, 36000));
    assert_false(judge_hear(judges, 3, 0, &rules, JUDGE_GOOD, 40000, 40000));
    assert_int_equal(0, judges[0].dropped);
}

static void
test_a_restart_goes_on_with_what_was_known(void **state)
{
    (void)state;
    now = 0;
    judge_init(&judges[0], &rules, HEALTH_ALIVE, -HOUR, now);
    hear_times(8, JUDGE_BAD);
    assert_int_equal(HEALTH_ALIVE, judges[0].state);
    assert_true(hear(JUDGE_BAD));
    judge_init(&judges[0], &rules, HEALTH_DOWN, -30 * SECOND, now);
    assert_int_equal(30 * SECOND, rise_again());
    fall_now();
    assert_int_equal(2 * MINUTE, rise_again());
    judge_init(&judges[0], &rules, HEALTH_DOWN, now - 10 * MINUTE + 1, now);
    assert_false(hear(JUDGE_BAD));
    now++;
    assert_true(hear(JUDGE_BAD));
    assert_int_equal(HEALTH_DEAD, judges[0].state);
    judge_init(&judges[0], &rules, HEALTH_BLOCKED, now - HOUR, now);
    assert_int_equal(HEALTH_DEAD, judges[0].state);
    assert_false(hear(JUDGE_BAD));
    assert_false(hear(JUDGE_GOOD));
    assert_true(hear(JUDGE_GOOD));
    /* What was written down long ago is not forgotten at once: the program has just begun. */
    judge_init(&judges[0], &rules, HEALTH_DEAD, now - 100 * HOUR, now);
    assert_false(hear(JUDGE_SILENT));
    now += HOUR;
    assert_true(hear(JUDGE_SILENT));
}

/* Every draw is within, and they reach both ends. */
static void
assert_next(uint32_t low, uint32_t high)
{
    uint32_t least = UINT32_MAX, most = 0, next;
    uint64_t random = 1;
    int i;

    for (i = 0; i < 20000; i++) {
        next = judge_next(&judges[0], &rules, &random);
        least = next < least ? next : least;
        most = next > most ? next : most;
    }
    if (least < low || most > high || least - low > (high - low) / 100 ||
        high - most > (high - low) / 100)
        fail_msg("%u to %u, not %u to %u", least, most, low, high);
}

/* A failure that took so long. */
static void
fail_after(int64_t ms)
{
    now += ms;
    assert_false(judge_hear(judges, 1, 0, &rules, JUDGE_BAD, now - ms, now));
}

static void
test_when_it_is_asked_again(void **state)
{
    (void)state;
    assert_next(0, 29999);
    (void)hear(JUDGE_SILENT);
    assert_next(24000, 36000);
    (void)hear(JUDGE_GOOD);
    assert_next(24000, 36000);
    /* Refused: a probe every 5 s, a check every 16 to 24 s. */
    fail_after(0);
    assert_next(5000, 5000);
    now += 5000;
    fail_after(2000);
    assert_next(3000, 3000);
    now += 3000;
    fail_after(10);
    assert_next(5990, 13990); /* 10,010 ms have gone by */
    /* Timeouts: the next after a second. */
    now += 6000;
    fail_after(4001);
    assert_next(1000, 1000);
    fail_after(8000);
    assert_next(1000, 1000);
    /* Nobody to ask: not sooner. */
    (void)hear(JUDGE_SILENT);
    assert_next(16000, 24000);
    fail_after(8000);
    assert_next(1000, 3999);
    fail_after(8000);
    fail_after(8000);
    (void)hear(JUDGE_BAD);
    assert_int_equal(HEALTH_DOWN, judges[0].state);
    assert_next(24000, 36000);
    (void)hear(JUDGE_BAD);
    assert_next(24000, 36000);
    /* Once it is well, soon; not when nobody can say, or when only the hold-down is missing. */
    rules.rise = 3;
    (void)hear(JUDGE_GOOD);
    assert_next(5000, 5000);
    (void)hear(JUDGE_SILENT);
    assert_next(24000, 36000);
    (void)hear(JUDGE_GOOD);
    assert_next(5000, 5000);
    (void)hear(JUDGE_GOOD);
    assert_int_equal(HEALTH_DOWN, judges[0].state);
    assert_next(24000, 36000);
}

/* What a program that asks only once does after each result: go on (o), or end. */
static void
assert_open(const char *results, const char *open)
{
    size_t i;

    for (i = 0; results[i] != '\0'; i++) {
        (void)hear(result_of(results[i]));
        if (judge_is_open(&judges[0], &rules) != (open[i] == 'o'))
            fail_msg("%s, result %zu: not %c", results, i + 1, open[i]);
    }
}

static void
test_when_it_is_open(void **state)
{
    assert_open(".g.", "---");
    assert_open("bg.", "o--");
    /* Nobody can say: another time. */
    assert_open("b.b.g", "o-o--");
    assert_open("bbbbbbbbb", "oooooooo-");
    assert_int_equal(HEALTH_DOWN, judges[0].state);
    /* It comes back, but for the hold-down; that is nothing to wait for. */
    assert_open("bgbg.g", "-o-o--");
    assert_int_equal(HEALTH_DOWN, judges[0].state);
    now += MINUTE;
    assert_open("g", "-");
    assert_int_equal(HEALTH_ALIVE, judges[0].state);
    /* As it was written down. */
    judge_init(&judges[0], &rules, HEALTH_DEAD, now - HOUR, now);
    assert_open("gg", "o-");
    assert_int_equal(HEALTH_ALIVE, judges[0].state);
    set_up(state);
    rules.rise = 1;
    judge_init(&judges[0], &rules, HEALTH_DOWN, now - HOUR, now);
    assert_open("g", "-");
    assert_int_equal(HEALTH_ALIVE, judges[0].state);
    /* A fall that is not believed, yet or at all. */
    assert_false(falls_beside(-60000, -1, 35999));
    assert_true(judge_is_open(&judges[0], &rules));
    assert_false(falls_beside(-60000, -1, 36000));
    assert_true(judge_is_open(&judges[0], &rules));
    assert_open(".g", "--");
}

static void
test_rules_of_other_intervals(void **state)
{
    static const struct {
        uint32_t interval, retry, recheck, pause;
        int64_t forget;
    } cases[] = {
        {30000, 20000, 5000, 1000, HOUR},
        {60000, 20000, 5000, 1000, HOUR},
        {3600000, 20000, 5000, 1000, 10 * HOUR},
        {1000, 666, 166, 33, HOUR},
        {300, 200, 50, 10, HOUR},
        {1, 0, 0, 0, HOUR},
        {JUDGE_INTERVAL_MAX, 20000, 5000, 1000, 240 * HOUR},
    };
    uint64_t random = 7;
    size_t i;
    int n;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        judge_rules_init(&rules, cases[i].interval);
        assert_int_equal(cases[i].retry, rules.retry);
        assert_int_equal(cases[i].recheck, rules.recheck);
        assert_int_equal(cases[i].pause, rules.pause);
        assert_true(rules.forget == cases[i].forget);
        for (n = 0; n < 3; n++) {
            uint32_t next;

            judge_init(&judges[0], &rules, HEALTH_ALIVE, 0, 0);
            next = judge_next(&judges[0], &rules, &random);
            assert_true(next <= cases[i].interval);
            (void)hear(JUDGE_GOOD);
            next = judge_next(&judges[0], &rules, &random);
            assert_true(next >= cases[i].interval / 5 * 4);
            assert_true(next <= cases[i].interval + cases[i].interval / 5);
        }
    }
}

#define with_node(test) cmocka_unit_test_setup(test, set_up)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_node(test_rows_of_results),
        with_node(test_hold_down_grows_and_is_forgiven),
        with_node(test_dead_takes_its_time_and_evidence),
        with_node(test_long_silence_is_forgetting),
        with_node(test_who_is_a_witness),
        with_node(test_a_restart_goes_on_with_what_was_known),
        with_node(test_when_it_is_asked_again),
        with_node(test_when_it_is_open),
        with_node(test_rules_of_other_intervals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
