#include "unit.h"

#include "policy.h"
#include "reading.h"

static void
test_user(void **state)
{
    static const char *const cores[] = {"198.51.100.10", "198.51.100.11"};
    static const char *const groups[] = {"1", "eu", "premium"}, *const normal = "2001:db8::1";
    const struct user *user;

    (void)state;
    user = read_one(KIND_USER, "7.json",
                    "{\"id\": 7, \"username\": \"Ivan\", \"status\": \"active\", \"hash\": null,\n"
                    " \"email\": null, \"telegram\": \"@ivan\", \"hash_telegram_id\": null,\n"
                    " \"encrypted_telegram_id\": null, \"core_nodes\": [\"198.51.100.10\"],\n"
                    " \"created\": \"2026-02-11\"}\n");
    assert_nothing_found();
    assert_int_equal(STATUS_ACTIVE, user->record.status);
    assert_string_equal("users/7.json", user->record.path);
    assert_true(user->id == 7);
    assert_true(user->expires == EXPIRES_NEVER);
    assert_string_equal("Ivan", user->username);
    assert_items(&user->cores, 1, cores);
    assert_int_equal(0, user->groups.count);

    user = read_one(KIND_USER, "8.yaml",
                    "id: 8\nusername: Мария 🌷\nstatus: active\nexpires: 2026-12-31\n"
                    "core_nodes:\n- 198.51.100.11\n- 198.51.100.10\n- 198.51.100.11\n"
                    "groups: [premium, eu, premium, 1]\ntraffic_limit: 107374182400\n");
    assert_nothing_found();
    assert_string_equal("Мария 🌷", user->username);
    assert_true(user->expires == 1798761599);
    assert_items(&user->cores, 2, cores);
    assert_items(&user->groups, 3, groups);

    user = read_one(KIND_USER, "9.yml",
                    "status: active\ncore_nodes: ['2001:0DB8::1']\nexpires: ~\n");
    assert_nothing_found();
    assert_int_equal(STATUS_ACTIVE, user->record.status);
    assert_null(user->username);
    assert_items(&user->cores, 1, &normal);
    user = read_one(KIND_USER, "10.json", "{\"status\": \"active\", \"core_nodes\": []}");
    assert_nothing_found();
    assert_int_equal(0, user->cores.count);
}

/* struct strings is sorted and without duplicates, and core_nodes are in normal form. */
static void
test_cores_are_a_list_of_normal_forms(void **state)
{
    static const char *const cores[] = {"198.51.100.10", "2001:db8::1", "2001:db8::2"};
    const struct user *user = read_one(
        KIND_USER, "7.yaml",
        "status: active\ncore_nodes: ['2001:0db8::2', '2001:db8::1', '2001:DB8:0::1',\n"
        "  '[2001:db8::1]', 198.51.100.10]\n");

    (void)state;
    assert_int_equal(STATUS_ACTIVE, user->record.status);
    assert_items(&user->cores, 3, cores);
}

static void
test_device(void **state)
{
    static const uint8_t bytes[16] = {0x8f, 0x3c, 0x5d, 0x1e, 0x63, 0x24, 0x4d, 0x53,
                                      0xad, 0x4f, 0x8c, 0xda, 0x48, 0xb3, 0x08, 0x11};
    static const char *const names[] = {"8f3c5d1e-6324-4d53-ad4f-8cda48b30811.json",
                                        "8F3C5D1E-6324-4D53-AD4F-8CDA48B30811.json"};
    static const char *const inner[] = {"8f3c5d1e-6324-4d53-ad4f-8cda48b30811",
                                        "8F3C5D1E-6324-4D53-AD4F-8CDA48B30811"};
    const struct device *device;
    char text[300];
    size_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        snprintf(text, sizeof(text),
                 "{\"uuid\": \"%s\", \"user_id\": 7, \"device\": \"mobile_006\",\n"
                 " \"status\": \"active\", \"created\": \"2026-02-11\"}",
                 inner[i % 2]);
        device = read_one(KIND_DEVICE, names[i / 2], text);
        assert_nothing_found();
        assert_int_equal(STATUS_ACTIVE, device->record.status);
        assert_memory_equal(bytes, device->uuid.bytes, 16);
        assert_true(device->user_id == 7);
        assert_string_equal("mobile_006", device->name);
    }
    assert_ptr_equal(device, registry_device(&registry, &device->uuid));
}

static void
test_node_role_and_domain(void **state)
{
    const struct node *node;
    const struct role *role;
    const struct domain *domain;

    (void)state;
    node = read_one(KIND_NODE, "203.0.113.21.json",
                    "{\"ip\": \"203.0.113.21\", \"hostname\": \"entry-a\", \"location\":\n"
                    " \"Moscow\", \"status\": \"inactive\"}");
    assert_nothing_found();
    assert_int_equal(STATUS_INACTIVE, node->record.status);
    assert_string_equal("203.0.113.21", node->ip);
    assert_string_equal("Moscow", node->location);
    node = read_one(KIND_NODE, "2001:0DB8::10.yaml", "ip: 2001:db8:0:0::10\nstatus: active\n");
    assert_nothing_found();
    assert_string_equal("2001:db8::10", node->ip);
    assert_ptr_equal(node, registry_node(&registry, "2001:db8::10"));
    assert_null(node->location);

    role = read_one(KIND_ROLE, "entry_203.0.113.21.json",
                    "{\"node_ip\": \"203.0.113.21\", \"status\": \"active\"}");
    assert_nothing_found();
    assert_string_equal("entry_203.0.113.21", role->id);
    assert_ptr_equal(role, registry_role(&registry, "entry", "203.0.113.21"));
    assert_null(registry_role(&registry, "core", "203.0.113.21"));
    role = read_one(KIND_ROLE, "core_2001:DB8::0:10.yaml",
                    "node_ip: \"[2001:db8::10]\"\nstatus: archived\n");
    assert_nothing_found();
    assert_string_equal("core_2001:db8::10", role->id);
    assert_int_equal(STATUS_ARCHIVED, role->record.status);

    domain = read_one(KIND_DOMAIN, "Shop.example.org.json",
                      "{\"domain\": \"shop.Example.org.\", \"node_ip\": \"203.0.113.21\",\n"
                      " \"status\": \"active\"}");
    assert_nothing_found();
    assert_string_equal("shop.example.org", domain->name);
    assert_string_equal("203.0.113.21", domain->node_ip);
    assert_int_equal(PRIORITY_DEFAULT, domain->priority);
    domain = read_one(KIND_DOMAIN, "a.yaml",
                      "node_ip: 2001:DB8::1\nstatus: active\npriority: -3\n");
    assert_nothing_found();
    assert_string_equal("2001:db8::1", domain->node_ip);
    assert_int_equal(-3, domain->priority);
}

static void
test_route(void **state)
{
    static const char *const groups[] = {"eu"};
    const struct route *route;

    (void)state;
    route = read_one(KIND_ROUTE, "entry_203.0.113.21_core_198.51.100.10.json",
                     "{\"entry_ip\": \"203.0.113.21\", \"core_ip\": \"198.51.100.10\",\n"
                     " \"status\": \"active\", \"last_rotation\": \"2026-03-01\",\n"
                     " \"client_service_name\": \"api.v2.rpc.0123456789abcdef\",\n"
                     " \"core_service_name\": \"api.v2.rpc.fedcba9876543210\"}");
    assert_nothing_found();
    assert_string_equal("entry_203.0.113.21_core_198.51.100.10", route->id);
    assert_string_equal("203.0.113.21", route->entry_ip);
    assert_string_equal("198.51.100.10", route->core_ip);
    assert_int_equal(PRIORITY_DEFAULT, route->priority);
    assert_null(route->name);
    assert_true(route->is_usable);
    assert_int_equal(TRANSPORT_GRPC, route->client.type);
    assert_int_equal(SECURITY_TLS, route->client.security);
    assert_int_equal(443, route->client.port);
    assert_null(route->client.address);
    assert_string_equal("api.v2.rpc.0123456789abcdef", route->client.service);
    assert_string_equal("chrome", route->client.fp);
    assert_string_equal("h2", route->client.alpn);

    route = read_one(KIND_ROUTE, "entry_2001:DB8::1_core_2001:db8:0::2.yaml",
                     "entry_ip: 2001:0db8::1\ncore_ip: \"[2001:db8::2]\"\nstatus: active\n"
                     "priority: 5\nname: Москва\ngroups: [eu]\n"
                     "client:\n  type: ws\n  path: /live\n  port: 8443\n");
    assert_nothing_found();
    assert_string_equal("entry_2001:db8::1_core_2001:db8::2", route->id);
    assert_int_equal(5, route->priority);
    assert_string_equal("Москва", route->name);
    assert_items(&route->groups, 1, groups);
    assert_true(route->is_usable);
    assert_int_equal(TRANSPORT_WS, route->client.type);
    assert_int_equal(8443, route->client.port);
    assert_string_equal("/live", route->client.path);

    route = read_one(KIND_ROUTE, "entry_203.0.113.21_core_198.51.100.10.yaml", "status: active\n");
    assert_int_equal(STATUS_ACTIVE, route->record.status);
    assert_false(route->is_usable);
    assert_found(FINDING_ERROR, "routes/entry_203.0.113.21_core_198.51.100.10.yaml", 0, 0,
                 "client_service_name");
}

static void
test_endpoint(void **state)
{
    static const char *const texts[] = {
        "status: active\nname: Front\npriority: 1\nnode_ip: 203.0.113.21\n"
        "client: {address: '[2001:DB8::10]', type: ws, path: /ws}\n",
        "status: active\nname: Front\npriority: 1\nnode_ip: 203.0.113.21\n"
        "address: 2001:db8:0::10\ntype: ws\npath: /ws\n"};
    const struct endpoint_record *endpoint;
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        endpoint = read_one(KIND_ENDPOINT, "front end.yaml", texts[i]);
        assert_nothing_found();
        assert_int_equal(STATUS_ACTIVE, endpoint->record.status);
        assert_string_equal("front end", endpoint->id);
        assert_string_equal("Front", endpoint->name);
        assert_string_equal("203.0.113.21", endpoint->node_ip);
        assert_int_equal(1, endpoint->priority);
        assert_true(endpoint->is_usable);
        assert_string_equal("2001:db8::10", endpoint->client.address);
        assert_string_equal("/ws", endpoint->client.path);
    }
    endpoint = read_one(KIND_ENDPOINT, "b.yaml", "status: active\nclient: {type: ws}\n");
    assert_int_equal(STATUS_UNREADABLE, endpoint->record.status);
    assert_found(FINDING_ERROR, "endpoints/b.yaml", 0, 0, "address");
}

static void
test_status_words(void **state)
{
    static const struct {
        const char *text;
        enum status status;
    } cases[] = {{"status: active\n", STATUS_ACTIVE},
                 {"status: inactive\n", STATUS_INACTIVE},
                 {"status: archived\n", STATUS_ARCHIVED},
                 {"status: blocked\n", STATUS_BLOCKED},
                 {"status: Active\n", STATUS_WRONG},
                 {"status: ' active'\n", STATUS_WRONG},
                 {"status: actve\n", STATUS_WRONG},
                 {"status: unknown\n", STATUS_WRONG},
                 {"status: unreadable\n", STATUS_WRONG},
                 {"status: ''\n", STATUS_WRONG},
                 {"status: true\n", STATUS_WRONG},
                 {"status: 1\n", STATUS_WRONG},
                 {"status: 0\n", STATUS_WRONG},
                 {"status: [active]\n", STATUS_WRONG},
                 {"status:\n", STATUS_WRONG},
                 {"ip: 203.0.113.21\n", STATUS_WRONG},
                 {"status: {active: 1}\n", STATUS_WRONG},
                 {"{}\n", STATUS_WRONG}};
    const struct node *node;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        node = read_one(KIND_NODE, "203.0.113.21.yaml", cases[i].text);
        if (node->record.status != cases[i].status)
            fail_msg("%sis %s", cases[i].text, status_name(node->record.status));
        if (cases[i].status != STATUS_WRONG)
            assert_nothing_found();
        else if (findings_look(&findings, FINDING_ERROR, "status") == NULL)
            fail_msg("%snothing is said", cases[i].text);
    }
    read_one(KIND_NODE, "203.0.113.21.yaml", "ip: 203.0.113.21\nstatus: actve\n");
    assert_found(FINDING_ERROR, "nodes/203.0.113.21.yaml", 2, 1, "'actve'");
    assert_string_equal("unknown", status_name(STATUS_WRONG));
    assert_string_equal("unreadable", status_name(STATUS_UNREADABLE));
    assert_string_equal("blocked", status_name(STATUS_BLOCKED));
}

#define UUID  "8f3c5d1e-6324-4d53-ad4f-8cda48b30811"
#define ROUTE "entry_203.0.113.21_core_198.51.100.10"

static void
test_two_files_for_one_record(void **state)
{
    static const struct {
        enum kind kind;
        const char *first, *second, *text;
    } cases[] = {
        {KIND_USER, "7.json", "7.yaml", "{\"status\": \"active\"}"},
        {KIND_USER, "7.yaml", "7.yml", "{\"status\": \"blocked\"}"},
        {KIND_DEVICE, UUID ".json", "8F3C5D1E-6324-4d53-AD4F-8CDA48B30811.json",
         "{\"status\": \"active\", \"user_id\": 7}"},
        {KIND_NODE, "2001:db8::1.json", "2001:DB8:0::1.json", "{\"status\": \"active\"}"},
        {KIND_ROLE, "core_2001:db8::1.json", "core_[2001:db8::1].json", "{\"status\": \"active\"}"},
        {KIND_DOMAIN, "a.example.json", "A.example.json",
         "{\"status\": \"active\", \"node_ip\": \"203.0.113.21\"}"},
        {KIND_ROUTE, ROUTE ".json", ROUTE ".yaml",
         "{\"status\": \"active\", \"client_service_name\": \"a\"}"},
        {KIND_ENDPOINT, "a.json", "a.yaml",
         "{\"status\": \"active\", \"address\": \"a.example\", \"type\": \"ws\"}"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_one(cases[i].kind, cases[i].first, cases[i].text);
        add(cases[i].kind, cases[i].second, cases[i].text);
        registry_sort(&registry, &findings.report);
        assert_int_equal(1, registry.kinds[cases[i].kind].count);
        /* That one of them says "not active" is an order. */
        assert_int_equal(i == 1 ? STATUS_BLOCKED : STATUS_UNREADABLE,
                         status_of(registry_at(&registry, cases[i].kind, 0)));
        assert_null(registry_at(&registry, cases[i].kind, 1));
        assert_int_equal(1, findings.report.counts[FINDING_ERROR]);
        assert_non_null(findings_look(&findings, FINDING_ERROR, "same record"));
    }
}

/* What is known to be there but not understood lets nothing through. */
static void
test_a_node_or_role_that_is_not_active_closes_the_way(void **state)
{
    static const struct {
        enum kind kind;
        const char *name, *text;
        enum refusal refusal;
    } cases[] = {
        {KIND_NODE, "203.0.113.22.yaml", "status: blocked\n", REFUSAL_NONE},
        {KIND_NODE, "203.0.113.21.yaml", "status: active\n", REFUSAL_NONE},
        {KIND_NODE, "203.0.113.21.yaml", "status: active\nlocation: [a]\n", REFUSAL_ENTRY_STATUS},
        {KIND_NODE, "203.0.113.21.yaml", "status: active\n  x\n", REFUSAL_ENTRY_STATUS},
        {KIND_NODE, "203.0.113.21.yaml", "", REFUSAL_ENTRY_STATUS},
        {KIND_NODE, "203.0.113.21.json", "status: active\n", REFUSAL_ENTRY_STATUS},
        {KIND_NODE, "203.0.113.21.yaml", "status: actve\n", REFUSAL_ENTRY_STATUS},
        {KIND_NODE, "203.0.113.21.yaml", "location: a\n", REFUSAL_ENTRY_STATUS},
        {KIND_NODE, "203.0.113.21.yaml", "status: inactive\n", REFUSAL_ENTRY_STATUS},
        {KIND_NODE, "198.51.100.10.yaml", "status: [\n", REFUSAL_CORE_STATUS},
        {KIND_ROLE, "entry_203.0.113.21.yaml", "status: active\nnode_ip: 1\n",
         REFUSAL_ENTRY_STATUS},
        {KIND_ROLE, "core_203.0.113.21.yaml", "status: blocked\n", REFUSAL_NONE},
        {KIND_ROLE, "core_198.51.100.10.yaml", "status: archived\n", REFUSAL_CORE_STATUS},
        {KIND_ROUTE, "entry_203.0.113.22_core_198.51.100.10.yaml", "x: [\n", REFUSAL_NONE},
        {KIND_DOMAIN, "a.example.yaml", "node_ip: 203.0.113.21\nx\n", REFUSAL_NO_DOMAIN},
        {KIND_DOMAIN, "a.example.yaml", "node_ip: 203.0.113.21\n", REFUSAL_NO_DOMAIN},
        {KIND_DOMAIN, "a.example.yaml", "status: active\nnode_ip: 203.0.113.22\n",
         REFUSAL_NO_DOMAIN},
        {KIND_DOMAIN, "a.example.json", "{\"status\": \"active\", \"node_ip\": \"203.0.113.21\"}",
         REFUSAL_NONE},
    };
    const struct policy_options options = {.core = NULL};
    struct policy policy;
    struct error error;
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_one(cases[i].kind, cases[i].name, cases[i].text);
        if (cases[i].kind != KIND_DOMAIN)
            add(KIND_DOMAIN, "a.example.yaml", "status: active\nnode_ip: 203.0.113.21\n");
        add(KIND_ROUTE, ROUTE ".yaml", "status: active\nclient_service_name: a\n");
        registry_sort(&registry, &findings.report);
        assert_int_equal(0, policy_init(&policy, &registry, &options, &error));
        for (n = 0; strncmp(policy.endpoints[n].id, ROUTE, sizeof(ROUTE) - 1) != 0; n++)
            ;
        if (policy.endpoints[n].refusal != cases[i].refusal)
            fail_msg("%s: %srefused: %s", cases[i].name, cases[i].text,
                     refusal_text(policy.endpoints[n].refusal));
        policy_release(&policy);
    }
}

static void
test_sorted_and_found_by_identity(void **state)
{
    static const char *const names[] = {"10.json", "9.json", "100.json", "1.json", "11.json"};
    static const int64_t ids[] = {1, 9, 10, 11, 100};
    size_t i;

    (void)state;
    for (i = 0; i < 5; i++)
        add(KIND_USER, names[i], "{\"status\": \"active\"}");
    registry_sort(&registry, &findings.report);
    assert_nothing_found();
    for (i = 0; i < 5; i++) {
        assert_true(((const struct user *)registry_at(&registry, KIND_USER, i))->id == ids[i]);
        assert_ptr_equal(registry_at(&registry, KIND_USER, i), registry_user(&registry, ids[i]));
    }
    assert_null(registry_user(&registry, 2));
    assert_null(registry_node(&registry, "203.0.113.21"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_empty(test_user),
        on_empty(test_cores_are_a_list_of_normal_forms),
        on_empty(test_device),
        on_empty(test_node_role_and_domain),
        on_empty(test_route),
        on_empty(test_endpoint),
        on_empty(test_status_words),
        on_empty(test_two_files_for_one_record),
        on_empty(test_a_node_or_role_that_is_not_active_closes_the_way),
        on_empty(test_sorted_and_found_by_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
