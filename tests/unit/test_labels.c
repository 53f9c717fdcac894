/*
 * Labels (policy.h): what tells endpoints apart for people. Apps remember a server by its name, so
 * a label is unique among those of its core and does not change when another endpoint comes or
 * goes. Archived ones do not count.
 */
#include "unit.h"

#include "sample.h"

#define ROUTE_2    "entry_" ENTRY_2 "_core_" CORE
#define LOCATED    ACTIVE ", \"location\": \"Moscow\"}"
#define AT(entry)  ACTIVE ", \"node_ip\": \"" entry "\"}"
#define OFF(entry) "{\"status\": \"inactive\", \"node_ip\": \"" entry "\"}"

struct fixture {
    struct registry registry;
    struct policy policy;
};

static void
resolve(struct fixture *f, bool all_domains)
{
    struct policy_options options = {.all_domains = all_domains};
    struct error error;

    assert_int_equal(0, policy_init(&f->policy, &f->registry, &options, &error));
}

static void
setup(struct fixture *f, const struct sample_file *changes, bool all_domains)
{
    sample_registry(&f->registry, changes);
    resolve(f, all_domains);
}

static void
teardown(struct fixture *f)
{
    policy_release(&f->policy);
    registry_release(&f->registry);
}

static void
check(const struct fixture *f, const char *id, const char *label)
{
    assert_string_equal(label, sample_endpoint(&f->policy, id)->label);
}

/* Two entries in one place, each with a domain; the second route and domain may be changed. */
static void
setup_two(struct fixture *f, const char *route, const char *domain, bool all_domains)
{
    setup(f,
          FILES({KIND_NODE, ENTRY ".json", LOCATED}, {KIND_NODE, ENTRY_2 ".json", LOCATED},
                {KIND_ROUTE, ROUTE_2 ".json", route}, {KIND_DOMAIN, "b.example.org.json", domain}),
          all_domains);
}

static void
test_takes_name_then_location_then_address(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f, sample_base, false);
    check(&f, ROUTE, "shop.example.org");
    teardown(&f);
    setup(&f, FILES({KIND_NODE, ENTRY ".json", LOCATED}), false);
    check(&f, ROUTE, "Moscow");
    teardown(&f);
    setup(&f,
          FILES({KIND_NODE, ENTRY ".json", LOCATED},
                {KIND_ROUTE, ROUTE ".json", ACTIVE_ROUTE ", \"name\": \"Fast\"}"}),
          false);
    check(&f, ROUTE, "Fast");
    teardown(&f);
    setup(&f, FILES({KIND_DOMAIN, "shop.example.org.json", NULL}), false);
    check(&f, ROUTE, ROUTE);
    teardown(&f);
    setup(&f,
          FILES({KIND_ENDPOINT, "e.json",
                 ACTIVE_ROUTE ", \"address\": \"203.0.113.9\", \"node_ip\": \"" ENTRY "\"}"},
                {KIND_ENDPOINT, "f.json", ACTIVE_ROUTE ", \"address\": \"203.0.113.9\"}"},
                {KIND_NODE, ENTRY ".json", LOCATED}),
          false);
    check(&f, "e", "Moscow");
    check(&f, "f", "203.0.113.9");
    teardown(&f);
}

static void
test_adds_the_address_to_equal_labels(void **state)
{
    struct fixture f;

    (void)state;
    setup_two(&f, ACTIVE_ROUTE "}", AT(ENTRY_2), false);
    check(&f, ROUTE, "Moscow shop.example.org");
    check(&f, ROUTE_2, "Moscow b.example.org");
    teardown(&f);
    setup_two(&f, ACTIVE_ROUTE "}", AT(ENTRY), true);
    check(&f, ROUTE " shop.example.org", "Moscow shop.example.org");
    check(&f, ROUTE " b.example.org", "Moscow b.example.org");
    teardown(&f);
}

static void
test_numbers_what_is_still_equal(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f,
          FILES({KIND_ENDPOINT, "p.json", ACTIVE_ROUTE ", \"address\": \"e.example\"}"},
                {KIND_ENDPOINT, "q.json",
                 ACTIVE_ROUTE ", \"address\": \"e.example\", \"port\": 8443, \"priority\": 1}"},
                {KIND_ENDPOINT, "r.json",
                 ACTIVE_ROUTE ", \"address\": \"e.example\", \"port\": 2053}"}),
          false);
    check(&f, "p", "e.example");
    check(&f, "q", "e.example 2");
    check(&f, "r", "e.example 3");
    teardown(&f);
}

static void
test_looks_at_one_core_at_a_time(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f,
          FILES({KIND_NODE, ENTRY ".json", LOCATED},
                {KIND_ROUTE, "entry_" ENTRY "_core_" CORE_2 ".json", ACTIVE_ROUTE "}"}),
          false);
    check(&f, ROUTE, "Moscow");
    check(&f, "entry_" ENTRY "_core_" CORE_2, "Moscow");
    teardown(&f);
}

static void
test_stays_when_another_route_goes(void **state)
{
    static const char *const routes[] = {
        ACTIVE_ROUTE "}",
        "{\"status\": \"inactive\"}",
        "{\"status\": \"blocked\"}",
        "{\"status\": \"typo\"}",
        "{}",
        "{",
    };
    static const char *const domains[] = {AT(ENTRY_2), OFF(ENTRY_2), NULL};
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < 18; i++) {
        setup_two(&f, routes[i / 3], domains[i % 3], false);
        check(&f, ROUTE, "Moscow shop.example.org");
        teardown(&f);
    }
    /* Archived is gone for good, as if there had never been one. */
    setup_two(&f, "{\"status\": \"archived\"}", AT(ENTRY_2), false);
    check(&f, ROUTE, "Moscow");
    teardown(&f);
    setup_two(&f, NULL, AT(ENTRY_2), false);
    check(&f, ROUTE, "Moscow");
    teardown(&f);
}

/* With `domains: all`, each domain of an entry makes an endpoint: it comes and goes like others. */
static void
test_stays_when_another_domain_goes(void **state)
{
    struct fixture f;

    (void)state;
    setup_two(&f, NULL, AT(ENTRY), true);
    check(&f, ROUTE " shop.example.org", "Moscow shop.example.org");
    teardown(&f);
    setup_two(&f, NULL, OFF(ENTRY), true);
    check(&f, ROUTE " shop.example.org", "Moscow shop.example.org");
    teardown(&f);
}

/* An operator's own names may look like what is made here. */
static void
test_is_unique_beside_names_that_look_made(void **state)
{
    struct fixture f;
    size_t i, n;

    (void)state;
    setup(&f,
          FILES({KIND_ENDPOINT, "p.json", ACTIVE_ROUTE ", \"address\": \"e.example\"}"},
                {KIND_ENDPOINT, "q.json",
                 ACTIVE_ROUTE ", \"address\": \"e.example\", \"port\": 8443}"},
                {KIND_ENDPOINT, "r.json",
                 ACTIVE_ROUTE ", \"address\": \"f.example\", \"name\": \"e.example 2\"}"},
                {KIND_ENDPOINT, "s.json",
                 ACTIVE_ROUTE ", \"address\": \"f.example\", \"name\": \"A\"}"},
                {KIND_ENDPOINT, "t.json",
                 ACTIVE_ROUTE ", \"address\": \"g.example\", \"name\": \"A\"}"},
                {KIND_ENDPOINT, "u.json",
                 ACTIVE_ROUTE ", \"address\": \"h.example\", \"name\": \"A f.example\"}"}),
          false);
    for (i = 0; i < f.policy.count; i++)
        for (n = 0; n < i; n++)
            if (f.policy.endpoints[i].core == NULL && f.policy.endpoints[n].core == NULL)
                assert_string_not_equal(f.policy.endpoints[n].label, f.policy.endpoints[i].label);
    teardown(&f);
}

enum { RANDOM_ENDPOINTS = 30 };

/* Random endpoints of few names and addresses; the status of one may be changed. */
static void
setup_random(struct fixture *f, uint32_t seed, int changed, const char *status)
{
    static const char *const names[] = {"DE", "NL", "", "Москва", "a.example"};
    char file[20], text[300];
    int i;

    registry_init(&f->registry);
    for (i = 0; i < RANDOM_ENDPOINTS; i++) {
        unsigned address = sample_random(&seed) % 3, name = sample_random(&seed) % 5;

        snprintf(file, sizeof(file), "e%02d.json", i);
        snprintf(text, sizeof(text),
                 "{\"status\": \"%s\", \"address\": \"%c.example\", \"name\": \"%s\", "
                 "\"client_service_name\": \"s\", \"priority\": %u}",
                 i == changed ? status : "active", 'a' + (int)address, names[name],
                 sample_random(&seed) % 4);
        sample_add(&f->registry, KIND_ENDPOINT, file, text);
    }
    registry_sort(&f->registry, NULL);
    resolve(f, false);
}

static void
test_is_unique_and_stable_for_random_fleets(void **state)
{
    static const char *const statuses[] = {"active", "inactive", "blocked", "?"};
    struct fixture f, g;
    uint32_t seed;
    size_t i, n;

    (void)state;
    for (seed = 1; seed <= 30; seed++) {
        setup_random(&f, seed, -1, "");
        for (i = 0; i < f.policy.count; i++)
            for (n = 0; n < i; n++)
                assert_string_not_equal(f.policy.endpoints[n].label, f.policy.endpoints[i].label);
        setup_random(&g, seed, (int)seed % RANDOM_ENDPOINTS, statuses[seed % 4]);
        for (i = 0; i < f.policy.count; i++)
            check(&g, f.policy.endpoints[i].id, f.policy.endpoints[i].label);
        teardown(&f);
        teardown(&g);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_name_then_location_then_address),
        cmocka_unit_test(test_adds_the_address_to_equal_labels),
        cmocka_unit_test(test_numbers_what_is_still_equal),
        cmocka_unit_test(test_looks_at_one_core_at_a_time),
        cmocka_unit_test(test_stays_when_another_route_goes),
        cmocka_unit_test(test_stays_when_another_domain_goes),
        cmocka_unit_test(test_is_unique_beside_names_that_look_made),
        cmocka_unit_test(test_is_unique_and_stable_for_random_fleets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
