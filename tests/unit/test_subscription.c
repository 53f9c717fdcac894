/* subscription.h: the order of a device's endpoints, the cap on them, expiry. */
#include "unit.h"

#include "format.h"
#include "sample.h"
#include "subscription.h"

enum { MOST = 60, MANY = 2000 };

/* Large. */
static struct subscription subscription;
static struct snapshot snapshot;

/* Puts count endpoints of one rank into the set; ids need not be special. */
static void
fill(uint32_t count)
{
    uint32_t i;

    memset(&subscription, 0, sizeof(subscription));
    subscription.set.count = count;
    for (i = 0; i < count; i++) {
        subscription.set.entries[i].id = i + 1;
        subscription.set.entries[i].rank = 100;
    }
}

static void
order_for(uint32_t device)
{
    uint32_t seed = device * 2654435761U + 1;
    int i;

    for (i = 0; i < 16; i++)
        subscription.uuid.bytes[i] = (uint8_t)(sample_random(&seed) >> 8);
    subscription_order(&subscription, FEATURES_ALL, NULL, 0);
}

static uint64_t
id_at(uint32_t place)
{
    assert_true(place < subscription.count);
    assert_true(subscription.order[place] < subscription.set.count);
    return subscription.set.entries[subscription.order[place]].id;
}

/* Each of the set's endpoints stands in the order once. */
static void
check_complete(void)
{
    bool seen[SET_MAX] = {false};
    uint32_t i;

    assert_int_equal(subscription.set.count, subscription.count);
    for (i = 0; i < subscription.count; i++) {
        assert_true(subscription.order[i] < subscription.set.count);
        assert_false(seen[subscription.order[i]]);
        seen[subscription.order[i]] = true;
    }
}

static void
test_orders_every_number_of_endpoints(void **state)
{
    static const uint32_t counts[] = {0, 1, 2, 3, 15, 16, 17, 18, 100, SET_MAX - 1, SET_MAX};
    size_t i;
    uint32_t n;

    (void)state;
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        fill(counts[i]);
        order_for(1);
        check_complete();
        for (n = 0; n < counts[i]; n++)
            subscription.set.entries[n].rank = n % 7;
        order_for(2);
        check_complete();
        for (n = 1; n < counts[i]; n++)
            assert_true(subscription.set.entries[subscription.order[n - 1]].rank <=
                        subscription.set.entries[subscription.order[n]].rank);
    }
}

static void
test_is_the_same_for_a_device_every_time(void **state)
{
    uint64_t ids[MOST];
    uint32_t device, i;

    (void)state;
    for (device = 0; device < 20; device++) {
        fill(MOST);
        order_for(device);
        for (i = 0; i < MOST; i++)
            ids[i] = id_at(i);
        /* Where they stand in the set does not matter. */
        for (i = 0; i < MOST; i++)
            subscription.set.entries[i].id = MOST - i;
        order_for(device);
        for (i = 0; i < MOST; i++)
            assert_true(id_at(i) == ids[i]);
    }
}

/* An endpoint that goes leaves the others as they were, over the limits of any sorting too. */
static void
test_keeps_the_rest_when_one_goes(void **state)
{
    uint64_t ids[MOST];
    uint32_t count, i, n;

    (void)state;
    fill(MOST);
    order_for(9);
    for (i = 0; i < MOST; i++)
        ids[i] = id_at(i);
    for (count = MOST - 1; count > 0; count--) {
        fill(count);
        order_for(9);
        for (i = n = 0; i < MOST; i++)
            if (ids[i] <= count)
                assert_true(id_at(n++) == ids[i]);
        assert_int_equal(count, n);
    }
}

static uint32_t
factorial_index(void)
{
    /* The place of a permutation of 1, 2, 3, 4 among the 24. */
    return (uint32_t)((id_at(0) - 1) * 6 + (id_at(1) - 1 - (id_at(1) > id_at(0))) * 2 +
                      (id_at(2) > id_at(3)));
}

/* A pure function of the UUID, so the bounds are not a matter of luck. */
static void
test_spreads_devices_evenly(void **state)
{
    unsigned first[10] = {0}, orders[24] = {0};
    uint32_t device, i;

    (void)state;
    for (device = 0; device < MANY; device++) {
        fill(10);
        order_for(device);
        first[id_at(0) - 1]++;
        fill(4);
        order_for(device);
        orders[factorial_index()]++;
    }
    for (i = 0; i < 10; i++)
        if (first[i] < MANY / 10 * 7 / 10 || first[i] > MANY / 10 * 13 / 10)
            fail_msg("endpoint %u is first for %u of %d devices", i, first[i], MANY);
    for (i = 0; i < 24; i++)
        if (orders[i] < MANY / 24 / 2 || orders[i] > MANY / 24 * 2)
            fail_msg("order %u is that of %u of %d devices", i, orders[i], MANY);
}

/* UUIDs that differ in one bit only are as different as any. */
static void
test_spreads_by_every_bit_of_the_uuid(void **state)
{
    unsigned equal = 0;
    uint64_t first;
    int bit;

    (void)state;
    fill(16);
    order_for(3);
    first = id_at(0);
    for (bit = 0; bit < 128; bit++) {
        order_for(3);
        subscription.uuid.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        subscription_order(&subscription, FEATURES_ALL, NULL, 0);
        equal += id_at(0) == first;
    }
    assert_true(equal < 24);
}

static void
test_puts_priority_before_spread(void **state)
{
    uint32_t device, i;

    (void)state;
    for (device = 0; device < 200; device++) {
        fill(9);
        for (i = 0; i < 9; i++)
            subscription.set.entries[i].rank = (uint64_t)(8 - i) / 3 << 32;
        order_for(device);
        for (i = 0; i < 9; i++)
            assert_int_equal(2 - i / 3, (id_at(i) - 1) / 3);
    }
}

static void
test_orders_by_name_when_told(void **state)
{
    uint32_t device, i;

    (void)state;
    for (device = 0; device < 50; device++) {
        fill(MOST);
        subscription.set.by_name = true;
        order_for(device);
        for (i = 0; i < MOST; i++)
            assert_int_equal(i, subscription.order[i]);
        for (i = 0; i < MOST; i++)
            subscription.set.entries[i].rank = i % 2;
        order_for(device);
        for (i = 0; i < MOST; i++)
            assert_int_equal(i < MOST / 2 ? 2 * i : 2 * i - MOST + 1, subscription.order[i]);
    }
}

static void
test_caps_what_a_device_learns(void **state)
{
    static const uint32_t caps[] = {0, 1, 2, MOST - 1, MOST, MOST + 1, UINT32_MAX};
    uint64_t ids[MOST];
    uint32_t i;
    size_t n;

    (void)state;
    fill(MOST);
    order_for(4);
    for (i = 0; i < MOST; i++)
        ids[i] = id_at(i);
    for (n = 0; n < sizeof(caps) / sizeof(caps[0]); n++) {
        subscription.set.max_links = caps[n];
        order_for(4);
        assert_int_equal(caps[n] == 0 || caps[n] > MOST ? MOST : caps[n], subscription.count);
        for (i = 0; i < subscription.count; i++)
            assert_true(id_at(i) == ids[i]);
    }
    /* One that goes is replaced by the next. */
    subscription.set.max_links = 3;
    for (i = 0; i < MOST; i++)
        if (subscription.set.entries[i].id == ids[1])
            break;
    subscription.set.entries[i] = subscription.set.entries[--subscription.set.count];
    order_for(4);
    assert_int_equal(3, subscription.count);
    assert_true(id_at(0) == ids[0] && id_at(1) == ids[2] && id_at(2) == ids[3]);
}

/* From here on by a whole registry and snapshot. */

static enum refusal
find(const char *text, int64_t now)
{
    struct uuid uuid = sample_uuid(text);

    assert_int_equal(0,
                     subscription_find(&snapshot, &uuid, now, FEATURES_ALL, NULL, &subscription));
    if (subscription.refusal == REFUSAL_NONE)
        assert_memory_equal(&uuid, &subscription.uuid, sizeof(uuid));
    else
        assert_int_equal(0, subscription.count);
    return subscription.refusal;
}

static void
open_sample(const struct sample_file *changes, const struct policy_options *options)
{
    struct registry registry;

    sample_registry(&registry, changes);
    sample_open(&registry, options, &snapshot);
    registry_release(&registry);
}

static void
test_expires_at_the_second(void **state)
{
    (void)state;
    open_sample(FILES({KIND_USER, "7.json", USER ", \"expires\": \"2026-03-01T00:00:00Z\"}"}),
                NULL);
    assert_int_equal(REFUSAL_NONE, find(DEVICE, INT64_MIN));
    assert_int_equal(REFUSAL_NONE, find(DEVICE, 1772323200 - 1));
    assert_int_equal(REFUSAL_EXPIRED, find(DEVICE, 1772323200));
    assert_int_equal(REFUSAL_EXPIRED, find(DEVICE, 1772323200 + 1));
    assert_int_equal(REFUSAL_EXPIRED, find(DEVICE, INT64_MAX));
    assert_int_equal(REFUSAL_NONE, find(DEVICE, 0));
    assert_int_equal(REFUSAL_UNKNOWN, find(UNKNOWN, 0));
    snapshot_close(&snapshot);
    open_sample(sample_base, NULL);
    assert_int_equal(REFUSAL_NONE, find(DEVICE, INT64_MAX - 1));
    assert_int_equal(5, subscription.device.name_len);
    assert_memory_equal("phone", subscription.device.name, 5);
    assert_int_equal(1, subscription.count);
    snapshot_close(&snapshot);
}

/* The whole way: priorities, labels and settings of a registry end up in the order. */
static void
test_follows_priorities_and_settings(void **state)
{
#define ENDPOINT(name, more)                                                                     \
    {                                                                                            \
        KIND_ENDPOINT, name ".json", ACTIVE_ROUTE ", \"address\": \"" name ".example\"" more "}" \
    }
    static const struct sample_file changes[] = {
        {KIND_ROUTE, ROUTE ".json", NULL},
        ENDPOINT("a", ", \"name\": \"Z\""),
        ENDPOINT("b", ", \"name\": \"Y\""),
        ENDPOINT("c", ", \"name\": \"X\""),
        ENDPOINT("d", ", \"priority\": -1"),
        ENDPOINT("e", ", \"priority\": 101"),
        {KIND_USER, NULL, NULL},
    };
    struct policy_options options = {.by_name = true};
    static const char names[] = "dcbae";
    char middle[16];
    struct buf links;
    uint32_t i;

    (void)state;
    open_sample(changes, &options);
    assert_int_equal(REFUSAL_NONE, find(DEVICE, 0));
    assert_int_equal(5, subscription.count);
    for (i = 0; i < 5; i++) {
        snprintf(middle, sizeof(middle), "@%c.example:", names[i]);
        assert_memory_equal(middle, subscription.set.entries[subscription.order[i]].middle, 11);
    }
    snapshot_close(&snapshot);
    options.by_name = false;
    options.max_links = 2;
    open_sample(changes, &options);
    assert_int_equal(REFUSAL_NONE, find(DEVICE, 0));
    assert_int_equal(2, subscription.count);
    assert_memory_equal("@d.example:", subscription.set.entries[subscription.order[0]].middle, 11);
    buf_init(&links, 4096);
    format_links(&links, &subscription);
    assert_non_null(memchr(links.data, '\n', links.len));
    assert_ptr_equal(memchr(links.data, '\n', links.len), memrchr(links.data, '\n', links.len));
    buf_release(&links);
    snapshot_close(&snapshot);
}

/*
 * A domain's priority chooses among the domains of one entry (policy.h); it puts no entry before
 * another: those are equals by the priorities of their routes, and equals are spread.
 */
static void
check_spread_over_entries(bool all_domains)
{
    struct policy_options options = {.all_domains = all_domains};
    int device, shop = 0;

    open_sample(FILES({KIND_ROUTE, "entry_" ENTRY_2 "_core_" CORE ".json", ACTIVE_ROUTE "}"},
                      {KIND_DOMAIN, "other.example.org.json",
                       ACTIVE ", \"node_ip\": \"" ENTRY_2 "\", \"priority\": 50}"}),
                &options);
    assert_int_equal(REFUSAL_NONE, find(DEVICE, 0));
    assert_int_equal(2, subscription.count);
    for (device = 0; device < 200; device++) {
        order_for((uint32_t)device);
        shop += memcmp("@shop.", subscription.set.entries[subscription.order[0]].middle, 6) == 0;
    }
    snapshot_close(&snapshot);
    if (shop < 60 || shop > 140)
        fail_msg("the entry of shop.example.org is first for %d of 200 devices", shop);
}

static void
test_spreads_entries_whatever_their_domains(void **state)
{
    (void)state;
    check_spread_over_entries(false);
}

static void
test_spreads_entries_with_all_their_domains(void **state)
{
    (void)state;
    check_spread_over_entries(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_every_number_of_endpoints),
        cmocka_unit_test(test_is_the_same_for_a_device_every_time),
        cmocka_unit_test(test_keeps_the_rest_when_one_goes),
        cmocka_unit_test(test_spreads_devices_evenly),
        cmocka_unit_test(test_spreads_by_every_bit_of_the_uuid),
        cmocka_unit_test(test_puts_priority_before_spread),
        cmocka_unit_test(test_orders_by_name_when_told),
        cmocka_unit_test(test_caps_what_a_device_learns),
        cmocka_unit_test(test_expires_at_the_second),
        cmocka_unit_test(test_follows_priorities_and_settings),
        cmocka_unit_test(test_spreads_entries_whatever_their_domains),
        cmocka_unit_test(test_spreads_entries_with_all_their_domains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
