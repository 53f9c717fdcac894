/* DESIGN.md section 3: which endpoints a user gets, and each refusal of an endpoint. */
#include "unit.h"

#include "sample.h"

static const struct policy_options no_options = {.core = NULL};

struct fixture {
    struct registry registry;
    struct policy policy;
};

static void
setup(struct fixture *f, const struct sample_file *changes, const struct policy_options *options)
{
    struct error error;

    sample_registry(&f->registry, changes);
    assert_int_equal(0, policy_init(&f->policy, &f->registry, options, &error));
}

static void
teardown(struct fixture *f)
{
    policy_release(&f->policy);
    registry_release(&f->registry);
}

static const struct user *
user_7(const struct fixture *f)
{
    const struct user *user = registry_user(&f->registry, 7);

    assert_non_null(user);
    return user;
}

static enum refusal
refusal_of(const struct fixture *f, const char *id)
{
    return policy_endpoint(&f->policy, user_7(f), sample_endpoint(&f->policy, id));
}

/* The ids that user 7 gets, in order, with a comma after each. */
static const char *
selected(const struct fixture *f)
{
    static char ids[1024];
    const struct endpoint *list[64];
    size_t count, i;

    assert_true(f->policy.count <= 64);
    count = policy_select(&f->policy, user_7(f), list);
    ids[0] = '\0';
    for (i = 0; i < count; i++) {
        strncat(ids, list[i]->id, sizeof(ids) - strlen(ids) - 1);
        strncat(ids, ",", sizeof(ids) - strlen(ids) - 1);
    }
    return ids;
}

/* Today's system: no client:, no nodes, no roles. */
static void
test_fills_the_defaults_of_a_plain_route(void **state)
{
    const struct endpoint *endpoint;
    struct fixture f;

    (void)state;
    setup(&f, sample_base, &no_options);
    assert_int_equal(1, f.policy.count);
    endpoint = &f.policy.endpoints[0];
    assert_string_equal(ROUTE, endpoint->id);
    assert_string_equal("routes/" ROUTE ".json", endpoint->path);
    assert_int_equal(STATUS_ACTIVE, endpoint->status);
    assert_string_equal(CORE, endpoint->core);
    assert_string_equal(ENTRY, endpoint->entry);
    assert_int_equal(0, endpoint->groups->count);
    assert_int_equal(100, endpoint->priority);
    assert_int_equal(REFUSAL_NONE, endpoint->refusal);
    assert_int_equal(TRANSPORT_GRPC, endpoint->client.type);
    assert_int_equal(SECURITY_TLS, endpoint->client.security);
    assert_int_equal(443, endpoint->client.port);
    assert_string_equal("shop.example.org", endpoint->client.address);
    assert_string_equal("shop.example.org", endpoint->client.sni);
    assert_string_equal("chrome", endpoint->client.fp);
    assert_string_equal("h2", endpoint->client.alpn);
    assert_string_equal(SERVICE, endpoint->client.service);
    assert_string_equal(ROUTE ",", selected(&f));
    teardown(&f);
}

/* One change to the base registry and what becomes of its one route. */
static void
test_refuses_endpoints_with_the_reason(void **state)
{
    static const struct {
        struct sample_file change;
        enum refusal expected;
    } cases[] = {
        {{KIND_ROUTE, ROUTE ".json", "{\"status\": \"inactive\"}"}, REFUSAL_STATUS},
        {{KIND_ROUTE, ROUTE ".json", "{\"status\": \"atcive\"}"}, REFUSAL_STATUS},
        {{KIND_ROUTE, ROUTE ".json", "{"}, REFUSAL_STATUS},
        {{KIND_ROUTE, ROUTE ".json", ACTIVE_ROUTE ", \"core_ip\": \"" CORE_2 "\"}"},
         REFUSAL_STATUS},
        {{KIND_ROUTE, ROUTE ".json", ACTIVE "}"}, REFUSAL_UNUSABLE},
        {{KIND_ROUTE, ROUTE ".json",
          ACTIVE_ROUTE ", \"client\": {\"security\": \"reality\", \"sni\": \"a.example\"}}"},
         REFUSAL_UNUSABLE},
        {{KIND_NODE, ENTRY ".json", ACTIVE "}"}, REFUSAL_NONE},
        {{KIND_NODE, ENTRY ".json", "{\"status\": \"blocked\"}"}, REFUSAL_ENTRY_STATUS},
        {{KIND_NODE, ENTRY ".json", "{}"}, REFUSAL_ENTRY_STATUS},
        {{KIND_ROLE, "entry_" ENTRY ".json", ACTIVE "}"}, REFUSAL_NONE},
        {{KIND_ROLE, "entry_" ENTRY ".json", "{\"status\": \"inactive\"}"}, REFUSAL_ENTRY_STATUS},
        {{KIND_ROLE, "core_" ENTRY ".json", "{\"status\": \"inactive\"}"}, REFUSAL_NONE},
        {{KIND_NODE, CORE ".json", "{\"status\": \"inactive\"}"}, REFUSAL_CORE_STATUS},
        {{KIND_ROLE, "core_" CORE ".json", "{\"status\": \"archived\"}"}, REFUSAL_CORE_STATUS},
        {{KIND_ROLE, "core_" CORE ".json", "not JSON"}, REFUSAL_CORE_STATUS},
        {{KIND_ROLE, "entry_" CORE ".json", "{\"status\": \"inactive\"}"}, REFUSAL_NONE},
        {{KIND_NODE, ENTRY_2 ".json", "{\"status\": \"inactive\"}"}, REFUSAL_NONE},
        {{KIND_DOMAIN, "other.example.org.json", "{\"status\": \"inactive\"}"}, REFUSAL_NONE},
        {{KIND_USER, "7.json", ACTIVE "}"}, REFUSAL_NOT_ON_CORE},
        {{KIND_USER, "7.json", ACTIVE ", \"core_nodes\": [\"" CORE_2 "\"]}"}, REFUSAL_NOT_ON_CORE},
        {{KIND_ROUTE, ROUTE ".json", ACTIVE_ROUTE ", \"groups\": [\"gold\"]}"}, REFUSAL_GROUP},
    };
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum refusal refusal;

        setup(&f, FILES(cases[i].change), &no_options);
        refusal = refusal_of(&f, ROUTE);
        if (refusal != cases[i].expected)
            fail_msg("%s %s: %s", cases[i].change.name, cases[i].change.text,
                     refusal_token(refusal));
        assert_string_equal(refusal == REFUSAL_NONE ? ROUTE "," : "", selected(&f));
        teardown(&f);
    }
    /* Node and role both have a say. */
    setup(&f,
          FILES({KIND_NODE, ENTRY ".json", ACTIVE "}"},
                {KIND_ROLE, "entry_" ENTRY ".json", "{\"status\": \"blocked\"}"}),
          &no_options);
    assert_int_equal(REFUSAL_ENTRY_STATUS, refusal_of(&f, ROUTE));
    teardown(&f);
}

static void
test_needs_an_active_domain_of_the_entry(void **state)
{
    static const char *const texts[] = {
        NULL,
        "{\"status\": \"inactive\", \"node_ip\": \"" ENTRY "\"}",
        "{\"status\": \"active\", \"node_ip\": \"" ENTRY_2 "\"}",
        "{\"status\": \"active\"}",
        "{",
    };
    struct policy_options all = {.all_domains = true};
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < 2 * sizeof(texts) / sizeof(texts[0]); i++) {
        setup(&f, FILES({KIND_DOMAIN, "shop.example.org.json", texts[i / 2]}),
              i % 2 ? &all : &no_options);
        assert_int_equal(1, f.policy.count);
        /* With all domains there is one endpoint for each, and it is the domain that is told. */
        assert_int_equal(i == 3 ? REFUSAL_DOMAIN_STATUS : REFUSAL_NO_DOMAIN,
                         policy_endpoint(&f.policy, user_7(&f), &f.policy.endpoints[0]));
        teardown(&f);
    }
}

/* The setting `core`, and without it every core of the user. */
static void
test_keeps_to_the_core_of_the_setting(void **state)
{
    static const struct sample_file second[] = {
        {KIND_USER, "7.json", ACTIVE ", \"core_nodes\": [\"" CORE "\", \"" CORE_2 "\"]}"},
        {KIND_ROUTE, "entry_" ENTRY "_core_" CORE_2 ".json", ACTIVE_ROUTE "}"},
        {KIND_ENDPOINT, "cdn.json", ACTIVE_ROUTE ", \"address\": \"cdn.example.net\"}"},
        {KIND_USER, NULL, NULL},
    };
    struct policy_options options = {.core = NULL};
    struct fixture f;

    (void)state;
    setup(&f, second, &options);
    assert_string_equal("cdn," ROUTE ",entry_" ENTRY "_core_" CORE_2 ",", selected(&f));
    teardown(&f);
    options.core = CORE_2;
    setup(&f, second, &options);
    assert_string_equal("cdn,entry_" ENTRY "_core_" CORE_2 ",", selected(&f));
    assert_int_equal(REFUSAL_OTHER_CORE, refusal_of(&f, ROUTE));
    teardown(&f);
    /* The setting does not replace the user's own list. */
    setup(&f, FILES({KIND_ROUTE, "entry_" ENTRY "_core_" CORE_2 ".json", ACTIVE_ROUTE "}"}),
          &options);
    assert_string_equal("", selected(&f));
    assert_int_equal(REFUSAL_NOT_ON_CORE, refusal_of(&f, "entry_" ENTRY "_core_" CORE_2));
    teardown(&f);
}

static void
test_chooses_domains_by_priority_then_name(void **state)
{
    static const struct sample_file domains[] = {
        {KIND_DOMAIN, "a.example.org.json",
         "{\"status\": \"inactive\", \"node_ip\": \"" ENTRY "\", \"priority\": 1}"},
        {KIND_DOMAIN, "b.example.org.json", ACTIVE ", \"node_ip\": \"" ENTRY_2 "\"}"},
        {KIND_DOMAIN, "z.example.org.json", ACTIVE ", \"node_ip\": \"" ENTRY "\"}"},
        {KIND_DOMAIN, "c.example.org.json",
         ACTIVE ", \"node_ip\": \"" ENTRY "\", \"priority\": 200}"},
        {KIND_USER, NULL, NULL},
    };
    struct policy_options all = {.all_domains = true};
    struct fixture f;

    (void)state;
    setup(&f, domains, &no_options);
    assert_string_equal("shop.example.org", sample_endpoint(&f.policy, ROUTE)->client.address);
    teardown(&f);
    setup(&f, domains, &all);
    assert_string_equal(ROUTE " shop.example.org," ROUTE " z.example.org," ROUTE " c.example.org,",
                        selected(&f));
    assert_string_equal("c.example.org",
                        sample_endpoint(&f.policy, ROUTE " c.example.org")->client.sni);
    teardown(&f);
    setup(&f,
          FILES({KIND_DOMAIN, "z.example.org.json",
                 ACTIVE ", \"node_ip\": \"" ENTRY "\", \"priority\": 99}"}),
          &no_options);
    /* The route is the same, and so is its place in a device's order. */
    assert_string_equal("z.example.org", sample_endpoint(&f.policy, ROUTE)->client.address);
    teardown(&f);
}

static void
test_needs_no_domain_for_an_address(void **state)
{
    struct policy_options all = {.all_domains = true};
    const struct endpoint *endpoint;
    struct fixture f;

    (void)state;
    setup(&f,
          FILES({KIND_DOMAIN, "shop.example.org.json", NULL},
                {KIND_ROUTE, ROUTE ".json",
                 ACTIVE_ROUTE ", \"client\": {\"address\": \"Front.Example.NET\", "
                              "\"port\": 8443}}"}),
          &all);
    assert_string_equal(ROUTE ",", selected(&f));
    endpoint = sample_endpoint(&f.policy, ROUTE);
    assert_string_equal("front.example.net", endpoint->client.address);
    assert_string_equal("front.example.net", endpoint->client.sni);
    assert_int_equal(8443, endpoint->client.port);
    teardown(&f);
    /* An address makes no TLS server name, and one that is given stays. */
    setup(&f,
          FILES({KIND_ROUTE, ROUTE ".json",
                 ACTIVE_ROUTE ", \"client\": {\"address\": \"203.0.113.99\"}}"},
                {KIND_ENDPOINT, "e.json",
                 ACTIVE_ROUTE ", \"address\": \"e.example.net\", \"sni\": \"f.example.net\"}"}),
          &all);
    assert_int_equal(2, f.policy.count);
    assert_string_equal("203.0.113.99", sample_endpoint(&f.policy, ROUTE)->client.address);
    assert_true(sample_endpoint(&f.policy, ROUTE)->client.sni == NULL ||
                strcmp(sample_endpoint(&f.policy, ROUTE)->client.sni, "203.0.113.99") != 0);
    assert_string_equal("f.example.net", sample_endpoint(&f.policy, "e")->client.sni);
    teardown(&f);
}

static void
test_gives_groups_to_those_who_share_one(void **state)
{
    static const struct {
        const char *user, *route;
        bool gets;
    } cases[] = {
        {"", "", true},
        {", \"groups\": [\"gold\"]", "", true},
        {"", ", \"groups\": []", true},
        {"", ", \"groups\": [\"gold\"]", false},
        {", \"groups\": [\"silver\"]", ", \"groups\": [\"gold\"]", false},
        {", \"groups\": [\"Gold\"]", ", \"groups\": [\"gold\"]", false},
        {", \"groups\": [\"gold\"]", ", \"groups\": [\"gold\"]", true},
        {", \"groups\": [\"a\", \"z\"]", ", \"groups\": [\"z\", \"b\"]", true},
        {", \"groups\": [\"a\", \"z\"]", ", \"groups\": [\"b\", \"y\"]", false},
    };
    char user[200], route[200], endpoint[200];
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(user, sizeof(user), USER "%s}", cases[i].user);
        snprintf(route, sizeof(route), ACTIVE_ROUTE "%s}", cases[i].route);
        snprintf(endpoint, sizeof(endpoint), ACTIVE_ROUTE ", \"address\": \"e.example\"%s}",
                 cases[i].route);
        setup(&f,
              FILES({KIND_USER, "7.json", user}, {KIND_ROUTE, ROUTE ".json", route},
                    {KIND_ENDPOINT, "e.json", endpoint}),
              &no_options);
        assert_int_equal(cases[i].gets ? REFUSAL_NONE : REFUSAL_GROUP, refusal_of(&f, ROUTE));
        assert_int_equal(cases[i].gets ? REFUSAL_NONE : REFUSAL_GROUP, refusal_of(&f, "e"));
        teardown(&f);
    }
}

static void
test_orders_by_priority_then_label(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f,
          FILES({KIND_ENDPOINT, "a.json",
                 ACTIVE_ROUTE ", \"address\": \"a.example\", \"name\": \"Z\"}"},
                {KIND_ENDPOINT, "z.json",
                 ACTIVE_ROUTE ", \"address\": \"z.example\", \"name\": \"A\"}"},
                {KIND_ENDPOINT, "n.json",
                 ACTIVE_ROUTE ", \"address\": \"n.example\", \"priority\": -5}"},
                {KIND_ENDPOINT, "l.json",
                 ACTIVE_ROUTE ", \"address\": \"l.example\", \"priority\": 1000000}"}),
          &no_options);
    assert_string_equal("n,z,a," ROUTE ",l,", selected(&f));
    teardown(&f);
}

/* The seventh kind: no core, no entry, but a node_ip that may say something. */
static void
test_serves_endpoints_without_a_core(void **state)
{
#define AT(node) ACTIVE_ROUTE ", \"address\": \"e.example\"" node "}"
    static const struct {
        const char *endpoint, *node, *role;
        enum refusal expected;
    } cases[] = {
        {AT(""), NULL, NULL, REFUSAL_NONE},
        {AT(", \"node_ip\": \"" ENTRY_2 "\""), NULL, NULL, REFUSAL_NONE},
        {AT(", \"node_ip\": \"" ENTRY_2 "\""), ACTIVE "}", ACTIVE "}", REFUSAL_NONE},
        {AT(", \"node_ip\": \"" ENTRY_2 "\""), "{}", ACTIVE "}", REFUSAL_ENTRY_STATUS},
        {AT(", \"node_ip\": \"" ENTRY_2 "\""), ACTIVE "}", "{}", REFUSAL_ENTRY_STATUS},
        {AT(""), "{}", "{}", REFUSAL_NONE},
        {"{\"status\": \"inactive\", \"address\": \"e.example\"}", NULL, NULL, REFUSAL_STATUS},
        {ACTIVE_ROUTE "}", NULL, NULL, REFUSAL_STATUS}, /* address is required */
        {ACTIVE ", \"address\": \"e.example\"}", NULL, NULL, REFUSAL_UNUSABLE},
    };
    struct policy_options other = {.core = CORE_2};
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setup(&f,
              FILES({KIND_ENDPOINT, "e.json", cases[i].endpoint},
                    {KIND_NODE, ENTRY_2 ".json", cases[i].node},
                    {KIND_ROLE, "entry_" ENTRY_2 ".json", cases[i].role},
                    {KIND_USER, "7.json", ACTIVE "}"}),
              &other);
        assert_null(sample_endpoint(&f.policy, "e")->core);
        assert_int_equal(cases[i].expected, refusal_of(&f, "e"));
        assert_string_equal(cases[i].expected == REFUSAL_NONE ? "e," : "", selected(&f));
        teardown(&f);
    }
}

static void
test_takes_an_empty_registry(void **state)
{
    const struct user *user;
    struct fixture f;

    (void)state;
    registry_init(&f.registry);
    registry_sort(&f.registry, NULL);
    assert_int_equal(0, policy_init(&f.policy, &f.registry, &no_options, NULL));
    assert_int_equal(0, f.policy.count);
    assert_int_equal(REFUSAL_UNKNOWN, policy_device(&f.policy, NULL, 0, &user));
    assert_null(user);
    teardown(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fills_the_defaults_of_a_plain_route),
        cmocka_unit_test(test_refuses_endpoints_with_the_reason),
        cmocka_unit_test(test_needs_an_active_domain_of_the_entry),
        cmocka_unit_test(test_keeps_to_the_core_of_the_setting),
        cmocka_unit_test(test_chooses_domains_by_priority_then_name),
        cmocka_unit_test(test_needs_no_domain_for_an_address),
        cmocka_unit_test(test_gives_groups_to_those_who_share_one),
        cmocka_unit_test(test_orders_by_priority_then_label),
        cmocka_unit_test(test_serves_endpoints_without_a_core),
        cmocka_unit_test(test_takes_an_empty_registry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
