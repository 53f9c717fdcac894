/* subscription.h with liveness.h: what is down comes last, what is dead is left out, never all. */
#include "unit.h"

#include <stdio.h>

#include "subscription.h"

enum { NOW = 1800000000 };

/* Large. */
static struct subscription subscription;

/*
 * Endpoints 'a', 'b', … by name, and what is known of them: a letter each, in that order: '.'
 * nothing, 'a'live, 'd'own, 'D'ead, 'B'locked, 'x' drained. Returns the order as letters.
 */
static const char *
order(const char *known, uint32_t max_links, int64_t now)
{
    static const enum health_state states[] = {
        ['.'] = HEALTH_UNKNOWN, ['a'] = HEALTH_ALIVE,   ['d'] = HEALTH_DOWN,
        ['D'] = HEALTH_DEAD,    ['B'] = HEALTH_BLOCKED, ['x'] = HEALTH_ALIVE};
    static char out[SET_MAX + 1];
    struct health_node nodes[64];
    uint64_t drained[64];
    struct vantage vantage = {.health = {.is_there = true,
                                         .head = {.generated = NOW, .ttl = 300},
                                         .nodes = nodes,
                                         .count = strlen(known)}};
    struct health_settings settings = {.has_uuid = false};
    struct liveness liveness = {
        .settings = &settings, .vantages = &vantage, .count = 1, .drained = {.keys = drained}};
    uint32_t i;

    memset(&subscription, 0, sizeof(subscription));
    subscription.set.by_name = true;
    subscription.set.max_links = max_links;
    subscription.set.count = (uint32_t)strlen(known);
    for (i = 0; i < subscription.set.count; i++) {
        /* Two by two of one priority; what is known counts before it. */
        subscription.set.entries[i].rank = i / 2;
        subscription.set.entries[i].config = 100 + i;
        subscription.set.entries[i].node = 200 + i;
        nodes[i] = (struct health_node){100 + i, NOW, states[(unsigned char)known[i]]};
        if (known[i] == 'x')
            drained[liveness.drained.count++] = 200 + i;
    }
    subscription_order(&subscription, FEATURES_ALL, &liveness, now);
    for (i = 0; i < subscription.count; i++)
        out[i] = (char)('a' + subscription.order[i]);
    out[i] = '\0';
    return out;
}

static void
test_what_is_dead_is_left_out_but_never_too_much(void **state)
{
    static const struct {
        const char *known;
        uint32_t max_links;
        const char *expected;
    } cases[] = {
        {"....", 0, "abcd"},
        {"aaaa", 0, "abcd"},
        {"daaa", 0, "bcda"},
        {"dada", 0, "bdac"},
        {"dddd", 0, "abcd"},
        {"Daaa", 0, "bcd"},
        {"Baaa", 0, "bcd"},
        {"xaaa", 0, "bcd"},
        {"D.D.", 0, "bd"},
        {"Ddad", 0, "cbd"},
        /* Half is enough, less is not; then the dead come last, behind what is down. */
        {"DaDa", 0, "bd"},
        {"DDaD", 0, "cabd"},
        {"DDdD", 0, "cabd"},
        {"DDDD", 0, "abcd"},
        {"xxxx", 0, "abcd"},
        {"DaD", 0, "bac"},
        {"Da", 0, "b"},
        {"D", 0, "a"},
        {"x", 0, "a"},
        {"d", 0, "a"},
        /* With a cap, a dead one is replaced by the next; half is half of the cap. */
        {"Daaa", 2, "bc"},
        {"DDDa", 2, "d"},
        {"DDDa", 1, "d"},
        {"DDDD", 2, "ab"},
        {"DDDDDDaa", 4, "gh"},
        {"DDDDDDDa", 4, "habc"},
        {"daaa", 2, "bc"},
        {"", 0, ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (strcmp(order(cases[i].known, cases[i].max_links, NOW), cases[i].expected) != 0)
            fail_msg("%s of %u: %s, not %s", cases[i].known, cases[i].max_links,
                     order(cases[i].known, cases[i].max_links, NOW), cases[i].expected);
}

/* An old file says nothing, nor does one from the future; what is drained stays so. */
static void
test_old_news_is_none(void **state)
{
    (void)state;
    assert_string_equal("bcd", order("Daaa", 0, NOW + 300));
    assert_string_equal("abcd", order("Daaa", 0, NOW + 301));
    assert_string_equal("bcd", order("Daaa", 0, NOW - 120));
    assert_string_equal("abcd", order("Daaa", 0, NOW - 121));
    assert_string_equal("acd", order("Dxaa", 0, NOW + 3600));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_dead_is_left_out_but_never_too_much),
        cmocka_unit_test(test_old_news_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
