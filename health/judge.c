#include "judge.h"

void
judge_rules_init(struct judge_rules *rules, uint32_t interval)
{
    const uint32_t second = 1000;
    /* What is said of 30 s is as much less for shorter intervals. */
    const int64_t beat = interval < 30 * second ? interval : 30 * second;

    *rules = (struct judge_rules){
        .interval = interval,
        .retry = (uint32_t)beat * 2 / 3,
        .recheck = (uint32_t)beat / 6,
        .pause = (uint32_t)beat / 30,
        .fall = 3,
        .rise = 2,
        .remove_after = 600 * second,
        .hold = 2 * beat,
        .hold_max = 10 * beat,
        .calm = 120 * beat,
        .forget = interval < 360 * second ? INT64_C(3600) * second : INT64_C(10) * interval,
    };
}

/* How many failures in a row make a fall: all probes of each check. */
static unsigned
failures(unsigned checks)
{
    return JUDGE_PROBES * checks;
}

static bool
is_up(const struct judge *judge)
{
    return judge->state == HEALTH_UNKNOWN || judge->state == HEALTH_ALIVE;
}

void
judge_init(struct judge *judge, const struct judge_rules *rules, enum health_state state,
           int64_t since, int64_t now)
{
    *judge = (struct judge){.state = state == HEALTH_BLOCKED ? HEALTH_DEAD : state,
                            .since = since,
                            .is_silent = true,
                            .heard = now,
                            .good_since = INT64_MAX,
                            .held_until = since};
    if (is_up(judge))
        return;
    /* As it was when it fell. */
    judge->bad = failures(rules->fall);
    judge->failing_since = since;
    judge->falls = 1;
    judge->held_until = since + rules->hold;
}

/* The longest that jitter makes of a time. */
static uint32_t
longest(uint32_t time)
{
    return time + time / 5;
}

static bool
become(struct judge *judge, enum health_state state, int64_t now)
{
    judge->state = state;
    judge->since = now;
    return true;
}

static bool
fall(struct judge *judge, const struct judge_rules *rules, int64_t now)
{
    int64_t calm = judge->state == HEALTH_ALIVE ? (now - judge->since) / rules->calm : 0;
    int64_t hold;

    judge->falls -= calm < judge->falls ? (unsigned)calm : judge->falls;
    /* Not counted past what the longest hold-down takes: it must be forgiven in time. */
    if (rules->hold * judge->falls < rules->hold_max)
        judge->falls++;
    hold = rules->hold * judge->falls;
    judge->held_until = now + (hold < rules->hold_max ? hold : rules->hold_max);
    return become(judge, HEALTH_DOWN, now);
}

/* Whether the failures of a node that is up, the last from a probe that began then, are its own. */
static bool
is_believed(const struct judge *judges, size_t count, const struct judge *judge, int64_t began)
{
    size_t up = 0, well = 0, i;

    if (judge->dropped + 1 >= JUDGE_ROUNDS)
        return true;
    for (i = 0; i < count; i++) {
        if (!is_up(&judges[i]) || judges[i].is_silent)
            continue;
        up++;
        well += judges[i].good_since <= began && judges[i].last_good >= judge->failing_since;
    }
    return up < JUDGE_CROWD || 5 * well > up;
}

static bool
hear_good(struct judge *judge, const struct judge_rules *rules, int64_t now)
{
    judge->bad = judge->dropped = 0;
    if (judge->good++ == 0)
        judge->good_since = now;
    judge->last_good = now;
    if (judge->state == HEALTH_UNKNOWN ||
        (!is_up(judge) && judge->good >= rules->rise && now >= judge->held_until))
        return become(judge, HEALTH_ALIVE, now);
    return false;
}

static bool
hear_bad(struct judge *judges, size_t count, struct judge *judge, const struct judge_rules *rules,
         int64_t began, int64_t now)
{
    judge->good = 0;
    judge->probe_began = began;
    if (judge->bad % JUDGE_PROBES == 0)
        judge->check_began = began;
    if (judge->bad++ == 0)
        judge->failing_since = now;
    if (is_up(judge)) {
        if (judge->bad < failures(rules->fall))
            return false;
        if (is_believed(judges, count, judge, began))
            return fall(judge, rules, now);
        /* Others may not have been asked since: then it is too early to say. */
        if (now - judge->failing_since >= longest(rules->interval)) {
            judge->bad = 0;
            judge->dropped++;
        }
        return false;
    }
    if (judge->state == HEALTH_DOWN && judge->bad >= rules->fall &&
        now - judge->since >= rules->remove_after)
        return become(judge, HEALTH_DEAD, now);
    return false;
}

bool
judge_hear(struct judge *judges, size_t count, size_t i, const struct judge_rules *rules,
           enum judge_result result, int64_t began, int64_t now)
{
    struct judge *judge = &judges[i];

    judge->is_asked = true;
    judge->is_silent = result == JUDGE_SILENT;
    if (!judge->is_silent) {
        judge->heard = now;
        return result == JUDGE_GOOD ? hear_good(judge, rules, now)
                                    : hear_bad(judges, count, judge, rules, began, now);
    }
    if (judge->state == HEALTH_UNKNOWN || now - judge->heard < rules->forget)
        return false;
    judge->good = judge->bad = judge->dropped = 0;
    return become(judge, HEALTH_UNKNOWN, now);
}

/* Whether it is up but in the middle of failing. */
static bool
is_shaky(const struct judge *judge, const struct judge_rules *rules)
{
    return is_up(judge) && judge->bad > 0 && judge->bad < failures(rules->fall);
}

/* Whether it is coming back, but has not been well often enough. */
static bool
is_rising(const struct judge *judge, const struct judge_rules *rules)
{
    return !is_up(judge) && judge->good > 0 && judge->good < rules->rise;
}

bool
judge_is_open(const struct judge *judge, const struct judge_rules *rules)
{
    if (judge->is_silent)
        return false;
    return is_rising(judge, rules) || (is_up(judge) && (judge->bad > 0 || judge->dropped > 0));
}

/* Below a bound: SplitMix64 (Steele, Lea and Flood 2014), which any seed suits. */
static uint32_t
below(uint64_t *random, uint32_t bound)
{
    uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (uint32_t)((z >> 32) * bound >> 32);
}

/* From 80 % to 120 % of a time. */
static uint32_t
jitter(uint32_t time, uint64_t *random)
{
    return time - time / 5 + below(random, 2 * (time / 5) + 1);
}

/* What is left of a time since something began, at the end of the last probe. */
static uint32_t
rest(const struct judge *judge, const struct judge_rules *rules, uint32_t time, int64_t began)
{
    int64_t left = began + time - judge->heard;

    return left < rules->pause ? rules->pause : (uint32_t)left;
}

uint32_t
judge_next(const struct judge *judge, const struct judge_rules *rules, uint64_t *random)
{
    if (!judge->is_asked)
        return below(random, rules->interval);
    if (is_rising(judge, rules) && !judge->is_silent)
        return rest(judge, rules, rules->recheck, judge->last_good);
    if (!is_shaky(judge, rules))
        return jitter(rules->interval, random);
    if (judge->is_silent)
        return jitter(rules->retry, random);
    if (judge->bad % JUDGE_PROBES != 0)
        return rest(judge, rules, rules->recheck, judge->probe_began);
    return rest(judge, rules, jitter(rules->retry, random), judge->check_began);
}
