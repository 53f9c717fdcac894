#include "unit.h"

#include "reading.h"

#define UUID  "8f3c5d1e-6324-4d53-ad4f-8cda48b30811"
#define ROUTE "entry_203.0.113.21_core_198.51.100.10"

static const struct {
    enum kind kind;
    const char *name, *text;
    unsigned line, column;
    const char *part;
} unreadable[] = {
    {KIND_USER, "7.yaml", "status: active\nid: 8\n", 2, 1, "id: does not agree"},
    {KIND_USER, "7.yaml", "status: active\nid: '7'\n", 2, 1, "id: must be a whole number"},
    {KIND_USER, "7.json", "{\"status\": \"active\", \"id\": 7.0}", 1, 22, "id: "},
    {KIND_USER, "7.yaml", "status: active\nusername: [a]\n", 2, 1, "username: must be text"},
    {KIND_USER, "7.yaml", "status: active\nusername: true\n", 2, 1, "username: must be text"},
    {KIND_USER, "7.yaml", "status: active\ncore_nodes: 198.51.100.10\n", 2, 1, "core_nodes: "},
    {KIND_USER, "7.yaml", "status: active\ncore_nodes: [core-1]\n", 2, 1, "'core-1'"},
    {KIND_USER, "7.yaml", "status: active\ncore_nodes: [198.51.100.256]\n", 2, 1, "core_nodes: "},
    {KIND_USER, "7.yaml", "status: active\ncore_nodes: [~]\n", 2, 1, "core_nodes: "},
    {KIND_USER, "7.yaml", "status: active\ncore_nodes: ['']\n", 2, 1, "core_nodes: "},
    {KIND_USER, "7.yaml", "status: active\ncore_nodes: {a: b}\n", 2, 1, "core_nodes: "},
    {KIND_USER, "7.yaml", "status: active\ngroups: premium\n", 2, 1, "groups: must be a list"},
    {KIND_USER, "7.yaml", "status: active\ngroups: [a b]\n", 2, 1, "groups: white space"},
    {KIND_USER, "7.yaml", "status: active\ngroups: [true]\n", 2, 1, "groups: "},
    {KIND_USER, "7.yaml", "status: active\nexpires: soon\n", 2, 1, "expires: 'soon'"},
    {KIND_USER, "7.yaml", "status: active\nexpires: 2026-02-30\n", 2, 1, "expires: "},
    {KIND_USER, "7.yaml", "status: active\nexpires: 1798761599\n", 2, 1, "expires: "},
    {KIND_USER, "7.yaml", "status: active\nexpires: false\n", 2, 1, "expires: "},
    {KIND_USER, "7.yaml", "status: active\ntraffic_limit: -1\n", 2, 1, "traffic_limit: "},
    {KIND_USER, "7.yaml", "status: active\ntraffic_limit: 100 GB\n", 2, 1, "traffic_limit: "},
    {KIND_DEVICE, UUID ".yaml", "status: active\n", 0, 0, "user_id"},
    {KIND_DEVICE, UUID ".yaml", "status: active\nuser_id: ~\n", 0, 0, "user_id"},
    {KIND_DEVICE, UUID ".yaml", "status: active\nuser_id: 0\n", 2, 1, "user_id: "},
    {KIND_DEVICE, UUID ".yaml", "status: active\nuser_id: -7\n", 2, 1, "user_id: "},
    {KIND_DEVICE, UUID ".yaml", "status: active\nuser_id: '7'\n", 2, 1, "user_id: "},
    {KIND_DEVICE, UUID ".yaml", "status: active\nuser_id: 07\n", 2, 1, "user_id: "},
    {KIND_DEVICE, UUID ".yaml", "user_id: 7\nstatus: active\nuuid: 8f3c\n", 3, 1, "uuid: does"},
    {KIND_DEVICE, UUID ".yaml",
     "user_id: 7\nstatus: active\nuuid: 8f3c5d1e-6324-4d53-ad4f-8cda48b30812\n", 3, 1,
     "uuid: does not agree"},
    {KIND_DEVICE, UUID ".yaml", "user_id: 7\nstatus: active\nuuid: [a]\n", 3, 1, "uuid: "},
    {KIND_NODE, "203.0.113.21.yaml", "status: active\nip: 203.0.113.22\n", 2, 1, "ip: '203.0.11"},
    {KIND_NODE, "2001:db8::1.yaml", "status: active\nip: 2001:db8::10\n", 2, 1, "ip: "},
    {KIND_NODE, "203.0.113.21.yaml", "status: active\nip: entry-a\n", 2, 1, "ip: 'entry-a'"},
    {KIND_NODE, "203.0.113.21.yaml", "- status\n- active\n", 0, 0, "mapping"},
    {KIND_NODE, "203.0.113.21.yaml", "active\n", 0, 0, "mapping"},
    {KIND_NODE, "203.0.113.21.json", "{\"status\": \"active\"", 1, 19, "expected"},
    {KIND_NODE, "203.0.113.21.json", "", 0, 0, "empty"},
    {KIND_ROLE, "core_203.0.113.21.yaml", "status: active\nnode_ip: 203.0.113.22\n", 2, 1,
     "node_ip"},
    {KIND_ROUTE, ROUTE ".yaml", "status: active\nentry_ip: 198.51.100.10\n", 2, 1, "entry_ip: "},
    {KIND_ROUTE, ROUTE ".yaml", "status: active\ncore_ip: 203.0.113.21\n", 2, 1, "core_ip: "},
    {KIND_ROUTE, ROUTE ".yaml", "status: active\nclient_service_name: a b\n", 2, 1, "client_ser"},
    {KIND_ROUTE, ROUTE ".yaml", "status: active\npriority: high\n", 2, 1, "priority: "},
    {KIND_ROUTE, ROUTE ".yaml", "status: active\npriority: 1000001\n", 2, 1, "priority: "},
    {KIND_ROUTE, ROUTE ".yaml", "status: active\nclient: ws\n", 2, 1, "client: must be a map"},
    {KIND_ROUTE, ROUTE ".yaml", "status: active\nclient:\n  port: 0\n", 3, 3, "client.port: "},
    {KIND_ROUTE, ROUTE ".yaml", "status: active\nclient:\n  type: kcp\n", 3, 3, "client.type: "},
    {KIND_DOMAIN, "a.example.yaml", "status: active\n", 0, 0, "node_ip"},
    {KIND_DOMAIN, "a.example.yaml", "status: active\nnode_ip: entry-a\n", 2, 1, "node_ip: "},
    {KIND_DOMAIN, "a.example.yaml", "status: active\nnode_ip: 203.0.113.21\ndomain: b.example\n", 3,
     1, "domain: 'b.example'"},
    {KIND_ENDPOINT, "a.yaml", "status: active\naddress: a_b.example\n", 2, 1, "address: "},
    {KIND_ENDPOINT, "a.yaml", "address: a.example\nstatus: active\nnode_ip: x\n", 3, 1, "node_ip"},
};

/* Each makes its record unreadable, with an error at the place. */
static void
test_wrong_fields_make_a_record_unreadable(void **state)
{
    char path[128];
    const void *record;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
        record = read_one(unreadable[i].kind, unreadable[i].name, unreadable[i].text);
        assert_non_null(record);
        if (status_of(record) != STATUS_UNREADABLE)
            fail_msg("%s: %sis %s", unreadable[i].name, unreadable[i].text,
                     status_name(status_of(record)));
        snprintf(path, sizeof(path), "%s/%s", kind_directory(unreadable[i].kind),
                 unreadable[i].name);
        assert_found(FINDING_ERROR, path, unreadable[i].line, unreadable[i].column,
                     unreadable[i].part);
    }
}

static void
test_names_that_are_no_identity(void **state)
{
    static const struct {
        enum kind kind;
        const char *name;
    } cases[] = {
        {KIND_USER, "0.json"},
        {KIND_USER, "07.json"},
        {KIND_USER, "-7.json"},
        {KIND_USER, "+7.json"},
        {KIND_USER, "7a.json"},
        {KIND_USER, " 7.json"},
        {KIND_USER, "ivan.json"},
        {KIND_USER, "99999999999999999999.json"},
        {KIND_DEVICE, "phone.json"},
        {KIND_DEVICE, "8f3c5d1e63244d53ad4f8cda48b30811.json"},
        {KIND_DEVICE, UUID "0.json"},
        {KIND_NODE, "entry-a.json"},
        {KIND_NODE, "203.0.113.json"},
        {KIND_ROLE, "203.0.113.21.json"},
        {KIND_ROLE, "exit_203.0.113.21.json"},
        {KIND_ROLE, "entry_.json"},
        {KIND_ROLE, "entry_core_203.0.113.21.json"},
        {KIND_ROUTE, "entry_203.0.113.21.json"},
        {KIND_ROUTE, "entry_203.0.113.21_core_.json"},
        {KIND_ROUTE, "entry__core_198.51.100.10.json"},
        {KIND_ROUTE, "core_198.51.100.10_entry_203.0.113.21.json"},
        {KIND_ROUTE, ROUTE "_core_198.51.100.10.json"},
        {KIND_DOMAIN, "a_b.example.json"},
        {KIND_DOMAIN, "203.0.113.21.json"},
        {KIND_DOMAIN, "магазин.рф.json"},
    };
    char path[128];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (read_one(cases[i].kind, cases[i].name, "{\"status\": \"active\"}") != NULL)
            fail_msg("%s was taken", cases[i].name);
        snprintf(path, sizeof(path), "%s/%s", kind_directory(cases[i].kind), cases[i].name);
        assert_found(FINDING_ERROR, path, 0, 0, "the file's name must be");
    }
}

static void
test_unknown_fields_are_noticed(void **state)
{
    const struct route *route = read_one(
        KIND_ROUTE, ROUTE ".yaml",
        "status: active\nclient_service_name: a\ncolour: red\nclient:\n  speed: 1\n");

    (void)state;
    assert_true(route->is_usable);
    assert_int_equal(0, findings.report.counts[FINDING_ERROR]);
    assert_int_equal(1, findings.report.counts[FINDING_NOTICE]);
    assert_non_null(findings_look(&findings, FINDING_NOTICE, "colour"));
    /* Nobody else's fields are in this mapping: one that is unknown is a typing error. */
    assert_int_equal(1, findings.report.counts[FINDING_WARNING]);
    assert_non_null(findings_look(&findings, FINDING_WARNING, "client.speed"));
}

/* Each is looked for in the whole file: so many that it would take minutes are summed up. */
static void
test_unknown_fields_without_end(void **state)
{
    static char text[1000 * 1000];
    int used = snprintf(text, sizeof(text), "status: active\n"), i;

    (void)state;
    for (i = 0; i < 60000; i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "k%d: 1\n", i);
    assert_true((size_t)used < sizeof(text));
    assert_non_null(read_one(KIND_NODE, "203.0.113.21.yaml", text));
    assert_int_equal(21, findings.report.counts[FINDING_NOTICE]);
    assert_non_null(findings_look(&findings, FINDING_NOTICE, "k19: an unknown field"));
    assert_non_null(findings_look(&findings, FINDING_NOTICE, "59980 more unknown fields"));
}

static const char *
device_name(const char *name_field)
{
    char text[4000];
    const struct device *device;

    snprintf(text, sizeof(text), "{\"user_id\": 7, \"status\": \"active\", \"device\": %s}",
             name_field);
    device = read_one(KIND_DEVICE, UUID ".json", text);
    assert_int_equal(STATUS_ACTIVE, device->record.status);
    return device->name;
}

static void
test_free_text_in_any_script(void **state)
{
    static const char *const cases[][2] = {
        {"\"mobile_006\"", "mobile_006"},
        {"\"Телефон Марии\"", "Телефон Марии"},
        {"\"手机 📱🇩🇪\"", "手机 📱🇩🇪"},
        {"\"هاتف\"", "هاتف"},
        {"\"a\\u00e9\\ud83d\\ude00\"", "aé😀"},
        {"\"#1 & 50% \\\"x\\\" <b>\"", "#1 & 50% \"x\" <b>"},
        {"\"  two  words  \"", "two  words"},
        {"\"a\\tb\\nc\\u001b[2Jd\\u007f\"", "a b c [2Jd"},
        {"\"\\u0001\\r\\n x \\u0002\"", "x"},
        {"2351", "2351"},
        {"-7", "-7"},
        {"\"\"", NULL},
        {"\" \\t\\n \"", NULL},
        {"null", NULL},
    };
    const char *name;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        name = device_name(cases[i][0]);
        assert_nothing_found();
        if (cases[i][1] == NULL)
            assert_null(name);
        else
            assert_string_equal(cases[i][1], name);
    }
}

/* U+0080 to U+009F are control characters as much as those below the space (Unicode: Cc). */
static void
test_upper_control_characters_are_control_characters(void **state)
{
    const struct route *route;

    (void)state;
    assert_string_equal("a b [2Jc", device_name("\"a\\u0085b\\u009b[2Jc\""));
    route = read_one(KIND_ROUTE, ROUTE ".json",
                     "{\"status\": \"active\", \"client_service_name\": \"a\\u0085b\"}");
    assert_int_equal(STATUS_UNREADABLE, route->record.status);
}

/* What is pasted from a web page or a word processor: a no-break space and its kin. */
static void
test_a_token_has_no_white_space_of_any_kind(void **state)
{
    static const char *const spaces[] = {" ", "\\t", "\\n", "\u00a0", "\u2003", "\u2028", "\u3000"};
    const struct route *route;
    char text[200];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        snprintf(text, sizeof(text),
                 "{\"status\": \"active\", \"client_service_name\": \"api.v2%s\"}", spaces[i]);
        route = read_one(KIND_ROUTE, ROUTE ".json", text);
        if (route->record.status != STATUS_UNREADABLE)
            fail_msg("white space %zu was taken", i);
    }
}

static void
test_long_names_are_cut_between_characters(void **state)
{
    static const char *const characters[] = {"x", "é", "手", "😀"};
    char text[2000], expected[300];
    size_t i, n, width;
    const char *name;

    (void)state;
    for (i = 0; i < 4; i++) {
        width = strlen(characters[i]);
        for (n = 254 / width; n < 258 / width + 2; n++) {
            text[0] = '\0';
            strcat(text, "\"");
            for (size_t k = 0; k < n; k++)
                strcat(text, characters[i]);
            strcat(text, "\"");
            name = device_name(text);
            assert_int_equal((n * width <= 255 ? n : 255 / width) * width, strlen(name));
            memcpy(expected, text + 1, strlen(name));
            assert_memory_equal(expected, name, strlen(name));
            if (n * width <= 255)
                assert_nothing_found();
            else
                assert_found(FINDING_WARNING, "devices/" UUID ".json", 1, 36, "device: longer");
        }
    }
}

static void
test_tokens_have_a_limit(void **state)
{
    const struct route *route;
    char text[5000];
    int len;

    (void)state;
    for (len = 4095; len <= 4097; len++) {
        snprintf(text, sizeof(text), "status: active\nclient_service_name: %0*d\n", len, 1);
        route = read_one(KIND_ROUTE, ROUTE ".yaml", text);
        assert_int_equal(len <= 4096 ? STATUS_ACTIVE : STATUS_UNREADABLE, route->record.status);
    }
    assert_found(FINDING_ERROR, "routes/" ROUTE ".yaml", 2, 1, "client_service_name: longer");
}

/* The key that the operator has to change is in the file under this name. */
static void
test_a_bad_service_name_is_blamed_on_its_key(void **state)
{
    const struct route *route = read_one(KIND_ROUTE, ROUTE ".yaml",
                                         "status: active\nclient_service_name: /a\n");

    (void)state;
    assert_false(route->is_usable);
    assert_found(FINDING_ERROR, "routes/" ROUTE ".yaml", 2, 1, "client_service_name: ");
}

/* A route that nobody gets is nobody's trouble; a wrong type makes it unreadable all the same. */
static void
test_inactive_records_are_not_nagged_about(void **state)
{
    const struct route *route = read_one(KIND_ROUTE, ROUTE ".yaml",
                                         "status: archived\nclient: {security: reality}\n");

    (void)state;
    assert_nothing_found();
    assert_int_equal(STATUS_ARCHIVED, route->record.status);
    assert_false(route->is_usable);
}

/*
 * Each complaint about a field reads the document again to find its line: a list of a hundred
 * thousand mistakes in one file must not hold up all other records for hours.
 */
static void
test_a_list_of_mistakes_is_few_complaints(void **state)
{
    enum { COUNT = 3000 };
    static const char *const items[][2] = {{"[", "]"}, {"core-", ""}, {"'a ", "'"}};
    static char text[COUNT * 12 + 100];
    const struct user *user;
    size_t i, n, len;

    (void)state;
    for (i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        len = (size_t)snprintf(text, sizeof(text), "status: active\ncore_nodes: [");
        for (n = 0; n < COUNT; n++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%zu%s, ", items[i][0], n,
                                    items[i][1]);
        snprintf(text + len, sizeof(text) - len, "]\n");
        user = read_one(KIND_USER, "7.yaml", text);
        assert_int_equal(STATUS_UNREADABLE, user->record.status);
        assert_true(findings.count >= 1);
        if (findings.count > 16)
            fail_msg("%zu findings about one list", findings.count);
    }
}

/* How many bytes of a text are UTF-8 without control characters. */
static size_t
printable(const char *text)
{
    const unsigned char *p = (const unsigned char *)text, *start = p;
    int more;

    while (*p >= ' ' && *p != 0x7f) {
        more = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc2 ? 1 : -1;
        if (more < 0)
            break;
        while (more > 0 && (p[1] & 0xc0) == 0x80)
            p++, more--;
        if (more > 0)
            break;
        p++;
    }
    return (size_t)(p - start);
}

/*
 * Findings go to terminals, one a line, and into status.json, which drops what is not UTF-8. What
 * they quote was typed by others.
 */
static void
test_findings_are_lines_of_text(void **state)
{
    char name[700], text[1700];
    size_t shift, i;

    (void)state;
    for (shift = 0; shift < 2; shift++) {
        snprintf(name, sizeof(name), "%s", shift == 0 ? "" : "x");
        for (i = 0; i < 300; i++)
            strcat(name, "ж");
        snprintf(text, sizeof(text), "%s: 1\n%s: 2\n", name, name);
        read_one(KIND_NODE, "203.0.113.21.yaml", text);
        assert_int_equal(1, findings.count);
        assert_int_equal(strlen(findings.items[0].text), printable(findings.items[0].text));
        snprintf(text, sizeof(text), "status: %s\n", name);
        read_one(KIND_NODE, "203.0.113.21.yaml", text);
        assert_int_equal(1, findings.count);
        assert_int_equal(strlen(findings.items[0].text), printable(findings.items[0].text));
    }
}

static void
test_findings_quote_no_control_characters(void **state)
{
    static const char *const texts[] = {
        "status: \"a\\e[2J\\nnodes/1: error: b\"\n",
        "\"a\\e[2J\": 1\n\"a\\e[2J\": 2\n",
        "status: active\n\"\\e[2J\": 1\n",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        read_one(KIND_NODE, "203.0.113.21.yaml", texts[i]);
        assert_int_equal(1, findings.count);
        assert_int_equal(strlen(findings.items[0].text), printable(findings.items[0].text));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_empty(test_wrong_fields_make_a_record_unreadable),
        on_empty(test_names_that_are_no_identity),
        on_empty(test_unknown_fields_are_noticed),
        on_empty(test_unknown_fields_without_end),
        on_empty(test_free_text_in_any_script),
        on_empty(test_upper_control_characters_are_control_characters),
        on_empty(test_a_token_has_no_white_space_of_any_kind),
        on_empty(test_long_names_are_cut_between_characters),
        on_empty(test_tokens_have_a_limit),
        on_empty(test_a_bad_service_name_is_blamed_on_its_key),
        on_empty(test_inactive_records_are_not_nagged_about),
        on_empty(test_a_list_of_mistakes_is_few_complaints),
        on_empty(test_findings_are_lines_of_text),
        on_empty(test_findings_quote_no_control_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
