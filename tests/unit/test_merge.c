/* registry_merge of registry.h: what is read now over what was known before, pass after pass. */
#include "unit.h"

#include "merging.h"

#define USER_7(name) USER ", \"username\": \"" name "\"}"
#define NOTHING      ((const struct sample_file[]){{KIND_USER, NULL, NULL}})

/* A record of each kind; the text is JSON and YAML. */
static const struct sample_file each[KINDS] = {
    {KIND_USER, "7", USER_7("Ivan")},
    {KIND_DEVICE, DEVICE, ACTIVE ", \"user_id\": 7, \"device\": \"phone\"}"},
    {KIND_NODE, ENTRY, ACTIVE ", \"location\": \"Oslo\"}"},
    {KIND_ROLE, "core_" CORE, ACTIVE "}"},
    {KIND_ROUTE, ROUTE, ACTIVE_ROUTE ", \"name\": \"a\", \"groups\": [\"g\", \"h\"]}"},
    {KIND_DOMAIN, "a.example", ACTIVE ", \"node_ip\": \"" ENTRY "\", \"priority\": 3}"},
    {KIND_ENDPOINT, "e", ACTIVE_ROUTE ", \"address\": \"e.example\", \"groups\": [\"g\"]}"},
};

static char json[KINDS][120], yaml[KINDS][120];

static int
name_files(void **state)
{
    enum kind kind;

    (void)state;
    for (kind = 0; kind < KINDS; kind++) {
        snprintf(json[kind], sizeof(json[kind]), "%s.json", each[kind].name);
        snprintf(yaml[kind], sizeof(yaml[kind]), "%s.yaml", each[kind].name);
    }
    return 0;
}

/* What a record is beside its head. */
static void
assert_same_fields(enum kind kind, const void *expected, const struct record *record)
{
    assert_memory_equal((const char *)expected + sizeof(struct record), record + 1,
                        kind_size(kind) - sizeof(struct record));
}

/* The path is the kind's directory and the name. */
static void
assert_path(enum kind kind, const char *name, const char *path)
{
    const char *directory = kind_directory(kind);

    assert_int_equal(0, strncmp(path, directory, strlen(directory)));
    assert_int_equal('/', path[strlen(directory)]);
    assert_string_equal(name, path + strlen(directory) + 1);
}

static void
assert_trouble(const struct record *record, bool is_kept, int64_t since, const char *part)
{
    assert_non_null(record->trouble);
    assert_int_equal(is_kept, record->trouble->is_kept);
    assert_true(record->trouble->since == since);
    assert_true(record->trouble->count > 0);
    assert_int_equal(FINDING_ERROR, record->trouble->findings[0].level);
    assert_non_null(strstr(record->trouble->findings[0].text, part));
}

static void
test_what_turns_unreadable_keeps_its_last_good_version(void **state)
{
    static const char *const wrong[] = {"", "[]", UNREADABLE, ACTIVE ", \"status\": \"active\"}"};
    union {
        struct record record;
        struct route route;
        struct endpoint_record endpoint;
        struct user user;
    } good; /* the largest kinds */
    const struct record *record;
    enum kind kind;
    size_t i;

    for (kind = 0; kind < KINDS; kind++) {
        for (i = 0; i < 2 * sizeof(wrong) / sizeof(wrong[0]); i++) {
            tear_down(state);
            set_up(state);
            pass_well(true, FILES({kind, json[kind], each[kind].text}));
            assert_null(only(kind)->trouble);
            memcpy(&good, only(kind), kind_size(kind));
            pass_well(i % 2 == 0, FILES({kind, json[kind], wrong[i / 2]}));
            record = only(kind);
            assert_int_equal(STATUS_ACTIVE, record->status);
            assert_same_fields(kind, &good, record);
            assert_trouble(record, true, 2000, "");
            assert_int_equal(2000, record->facts);
            assert_int_equal(2001, record->content);
            assert_path(kind, json[kind], record->path);
            assert_path(kind, json[kind], record->trouble->findings[0].path);
        }
    }
}

/* No good version was ever there: nothing is made up. */
static void
test_what_was_never_good_stays_unreadable(void **state)
{
    const struct record *record;
    enum kind kind;

    (void)state;
    for (kind = 0; kind < KINDS; kind++) {
        pass_well(false, FILES({kind, json[kind], UNREADABLE}));
        pass_well(false, FILES({kind, json[kind], "[]"}));
        record = only(kind);
        assert_int_equal(STATUS_UNREADABLE, record->status);
        assert_trouble(record, false, 2000 * (int64_t)kind + 1000, "mapping");
        assert_int_equal(1, record->trouble->count);
    }
    /* A record that went has no version to come back to. */
    pass_well(true, FILES({KIND_USER, "7.json", USER_7("Ivan")}));
    pass_well(false, FILES({KIND_USER, "7.json", NULL}));
    pass_well(false, FILES({KIND_USER, "7.json", UNREADABLE}));
    assert_int_equal(STATUS_UNREADABLE, only(KIND_USER)->status);
}

static void
test_since_is_when_the_error_was_first_seen(void **state)
{
    static const struct {
        const char *text; /* NULL: nothing has changed */
        int64_t since;    /* 0: no trouble */
    } passes[] = {
        {USER_7("a"), 0},
        {UNREADABLE, 2000},
        {"[]", 2000},
        {NULL, 2000},
        {USER ", \"status\": 1}", 2000},
        {"{\"status\": \"actve\"}", 2000},
        {USER_7("b"), 0},
        {NULL, 0},
        {"{\"status\": \"actve\"}", 9000},
        {UNREADABLE, 9000},
        {"{\"status\": \"blocked\"}", 0},
        {UNREADABLE, 12000},
    };
    const struct record *record;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
        pass_well(passes[i].text != NULL && i % 2 == 0,
                  passes[i].text != NULL ? FILES({KIND_USER, "7.json", passes[i].text}) : NOTHING);
        record = only(KIND_USER);
        if ((record->trouble != NULL ? record->trouble->since : 0) != passes[i].since)
            fail_msg("pass %zu: another time", i);
    }
}

/* An error that comes after a warning begins with itself. */
static void
test_since_does_not_count_warnings(void **state)
{
    static const char warning[] = ACTIVE_ROUTE ", \"client\": {\"pot\": 1}}";

    (void)state;
    pass_well(true, FILES({KIND_ROUTE, ROUTE ".json", warning}));
    assert_non_null(only(KIND_ROUTE)->trouble);
    assert_int_equal(FINDING_WARNING, only(KIND_ROUTE)->trouble->findings[0].level);
    assert_false(only(KIND_ROUTE)->trouble->is_kept);
    pass_well(true, FILES({KIND_ROUTE, ROUTE ".json", UNREADABLE}));
    assert_trouble(only(KIND_ROUTE), true, 2000, "");
}

/* Its strings live through every pass, and the file's repair ends it all. */
static void
test_a_kept_record_is_kept_again(void **state)
{
    const struct user *user;
    int i;

    (void)state;
    pass_well(true, FILES({KIND_USER, "7.json",
                           USER ", \"groups\": [\"g\"], "
                                "\"username\": \"Ivan\"}"}));
    for (i = 0; i < 5; i++) {
        pass_well(i % 2 == 0, FILES({KIND_USER, "7.json", i % 2 == 0 ? UNREADABLE : "[]"}));
        user = registry_user(&known, 7);
        assert_int_equal(STATUS_ACTIVE, user->record.status);
        assert_string_equal("Ivan", user->username);
        assert_int_equal(1, user->groups.count);
        assert_string_equal("g", user->groups.items[0]);
        assert_string_equal(CORE, user->cores.items[0]);
        assert_trouble(&user->record, true, 2000, i % 2 == 0 ? "" : "mapping");
        assert_int_equal(1, user->record.trouble->count);
    }
    pass_well(false, NOTHING);
    assert_string_equal("Ivan", registry_user(&known, 7)->username);
    assert_trouble(only(KIND_USER), true, 2000, "");
    pass_well(false, FILES({KIND_USER, "7.json", USER_7("Olga")}));
    assert_string_equal("Olga", registry_user(&known, 7)->username);
    assert_null(only(KIND_USER)->trouble);
}

static void
test_a_record_may_move_to_another_syntax(void **state)
{
    int is_whole;
    enum kind kind;

    (void)state;
    for (is_whole = 0; is_whole < 2; is_whole++) {
        for (kind = 0; kind < KINDS; kind++) {
            const struct sample_file *moved = FILES({kind, yaml[kind], each[kind].text},
                                                    {kind, json[kind], NULL});
            const struct sample_file *broken = FILES({kind, json[kind], UNREADABLE},
                                                     {kind, yaml[kind], NULL});

            tear_down(state);
            set_up(state);
            pass_well(true, FILES({kind, json[kind], each[kind].text}));
            pass_well(is_whole, moved);
            assert_int_equal(STATUS_ACTIVE, only(kind)->status);
            assert_null(only(kind)->trouble);
            assert_path(kind, yaml[kind], only(kind)->path);
            pass_well(is_whole, broken);
            assert_int_equal(STATUS_ACTIVE, only(kind)->status);
            assert_trouble(only(kind), true, 3000, "");
            assert_path(kind, json[kind], only(kind)->path);
        }
    }
}

static void
test_what_is_gone_goes(void **state)
{
    (void)state;
    pass_well(true, FILES({KIND_USER, "7.json", USER_7("a")}, {KIND_USER, "8.json", USER_7("b")},
                          {KIND_USER, "9.json", USER_7("c")}));
    /* Nothing is said of a record: nothing has changed, or it is gone. */
    pass_well(false, NOTHING);
    assert_non_null(registry_user(&known, 7));
    assert_non_null(registry_user(&known, 8));
    pass_well(false, FILES({KIND_USER, "8.json", NULL}, {KIND_USER, "1.json", NULL}));
    assert_null(registry_user(&known, 1));
    assert_null(registry_user(&known, 8));
    assert_non_null(registry_user(&known, 7));
    assert_string_equal("c", registry_user(&known, 9)->username);
    pass_well(true, FILES({KIND_USER, "9.json", UNREADABLE}));
    assert_string_equal("c", ((const struct user *)only(KIND_USER))->username);
    /* What is kept goes with its file, too. */
    pass_well(false, FILES({KIND_USER, "9.json", NULL}));
    assert_null(registry_at(&known, KIND_USER, 0));
}

/* Pass after pass some come, some change and some go, at the ends and in the middle. */
static void
test_many_changes_at_once_find_their_places(void **state)
{
    enum { USERS = 40, PASSES = 300 };
    char names[USERS][16], texts[USERS][120];
    struct sample_file files[USERS + 1];
    size_t versions[USERS] = {0}, count, at, i, now; /* version 0: there is none */
    const struct user *user;
    unsigned chance = 1;

    (void)state;
    merge.max_shrink = 100;
    for (now = 1; now <= PASSES; now++) {
        for (i = count = 0; i < USERS; i++) {
            chance = chance * 1103515245 + 12345;
            if (chance >> 16 & 3 & now)
                continue;
            versions[i] = chance >> 20 & 1 ? now : 0;
            snprintf(names[i], sizeof(names[i]), "%zu.json", i + 1);
            snprintf(texts[i], sizeof(texts[i]), USER ", \"username\": \"v%zu\"}", now);
            files[count++] = (struct sample_file){KIND_USER, names[i],
                                                  versions[i] != 0 ? texts[i] : NULL};
        }
        files[count] = (struct sample_file){KIND_USER, NULL, NULL};
        pass_well(false, files);
        for (i = 0, at = 0; i < USERS; i++) {
            if (versions[i] == 0)
                continue;
            user = registry_at(&known, KIND_USER, at++);
            assert_non_null(user);
            assert_int_equal(i + 1, user->id);
            assert_int_equal(versions[i], strtoul(user->username + 1, NULL, 10));
        }
        assert_null(registry_at(&known, KIND_USER, at));
    }
}

/* A status that is readable is an order, whatever else is wrong; no later mishap undoes it. */
static void
test_a_status_that_is_not_active_is_obeyed(void **state)
{
    static const struct {
        struct sample_file file;
        enum status status;
    } cases[] = {
        {{KIND_USER, "7.json", "{\"status\": \"blocked\", \"id\": 8}"}, STATUS_BLOCKED},
        {{KIND_USER, "7.json", "{\"status\": \"actve\", \"core_nodes\": 1}"}, STATUS_WRONG},
        {{KIND_USER, "7.json", "{\"core_nodes\": [\"" CORE "\"]}"}, STATUS_WRONG},
        {{KIND_USER, "7.json", "{\"status\": \"Active\"}"}, STATUS_WRONG},
        {{KIND_DEVICE, DEVICE ".json", "{\"status\": \"inactive\"}"}, STATUS_INACTIVE},
        {{KIND_DEVICE, DEVICE ".json", "{\"status\": null}"}, STATUS_WRONG},
        {{KIND_NODE, ENTRY ".json", "{\"status\": \"archived\", \"ip\": 7}"}, STATUS_ARCHIVED},
        {{KIND_ROLE, "core_" CORE ".json", "{\"status\": \"blocked\", \"node_ip\": []}"},
         STATUS_BLOCKED},
        {{KIND_ROUTE, ROUTE ".json", "{\"status\": \"blocked\", \"groups\": 1}"}, STATUS_BLOCKED},
        {{KIND_ROUTE, ROUTE ".json", "{\"status\": [\"active\"], \"client\": 1}"}, STATUS_WRONG},
        {{KIND_DOMAIN, "a.example.json", "{\"status\": \"inactive\"}"}, STATUS_INACTIVE},
        {{KIND_ENDPOINT, "e.json", "{\"status\": \"archived\", \"port\": 0}"}, STATUS_ARCHIVED},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum kind kind = cases[i].file.kind;

        tear_down(state);
        set_up(state);
        pass_well(true, FILES({kind, json[kind], each[kind].text}));
        pass_well(i % 2 == 0, FILES(cases[i].file));
        if (only(kind)->status != cases[i].status)
            fail_msg("%s: %s", cases[i].file.text, status_name(only(kind)->status));
        pass_well(i % 2 == 0, FILES({kind, json[kind], UNREADABLE}));
        assert_int_equal(cases[i].status, only(kind)->status);
        pass_well(false, NOTHING);
        assert_int_equal(cases[i].status, only(kind)->status);
    }
}

static void
test_two_files_for_one_record_keep_the_last_good_version(void **state)
{
    const struct user *user;
    int is_whole;

    for (is_whole = 0; is_whole < 2; is_whole++) {
        tear_down(state);
        set_up(state);
        pass_well(true, FILES({KIND_USER, "7.json", USER_7("old")}));
        pass_well(is_whole, FILES({KIND_USER, "7.yaml", USER_7("new")},
                                  {KIND_USER, "7.json", USER_7("old")}));
        user = registry_user(&known, 7);
        assert_string_equal("old", user->username);
        assert_int_equal(STATUS_ACTIVE, user->record.status);
        assert_trouble(&user->record, true, 2000, "users/7.json");
        assert_string_equal("users/7.yaml", user->record.trouble->findings[0].path);
        assert_int_equal(1, user->record.trouble->also.count);
        assert_string_equal("users/7.yaml", user->record.trouble->also.items[0]);
        assert_int_equal(0, user->record.facts); /* both are read again */
        pass_well(is_whole, FILES({KIND_USER, "7.yml", "[]"}, {KIND_USER, "7.json", UNREADABLE},
                                  {KIND_USER, "7.yaml", USER_7("new")}));
        assert_string_equal("old", registry_user(&known, 7)->username);
        assert_int_equal(2, only(KIND_USER)->trouble->also.count);
        assert_int_equal(2, only(KIND_USER)->trouble->count);
        assert_trouble(only(KIND_USER), true, 2000, "users/7.json");
        pass_well(is_whole, FILES({KIND_USER, "7.yml", NULL}, {KIND_USER, "7.json", NULL},
                                  {KIND_USER, "7.yaml", USER_7("new")}));
        assert_string_equal("new", registry_user(&known, 7)->username);
        assert_string_equal("users/7.yaml", only(KIND_USER)->path);
        assert_null(only(KIND_USER)->trouble);
    }
}

static void
assert_strays(size_t count, const char *const *paths)
{
    size_t i;

    assert_int_equal(count, known.strays.count);
    findings_init(&findings);
    registry_report(&known, &findings.report);
    assert_int_equal(count, findings.report.counts[FINDING_ERROR]);
    for (i = 0; i < count; i++)
        assert_string_equal(paths[i], findings.items[i].path);
}

static void
test_files_that_are_no_record_come_and_go(void **state)
{
    static const char *const both[] = {"devices/phone.json", "users/Ivan.json"};
    static const char *const three[] = {"devices/phone.json", "users/Ivan.json", "users/a.yaml"};

    (void)state;
    pass_well(true, FILES({KIND_USER, "Ivan.json", "{}"}, {KIND_DEVICE, "phone.json", UNREADABLE}));
    assert_strays(2, both);
    pass_well(false, FILES({KIND_USER, "7.json", USER_7("a")}));
    assert_strays(2, both);
    pass_well(false, FILES({KIND_USER, "a.yaml", "{}"}));
    assert_strays(3, three);
    /* The same again is no second one. */
    pass_well(false, FILES({KIND_USER, "a.yaml", "[]"}));
    assert_int_equal(3, known.strays.count);
    pass_well(false, FILES({KIND_USER, "a.yaml", NULL}, {KIND_USER, "b.yaml", NULL}));
    assert_strays(2, both);
    pass_well(true, FILES({KIND_USER, "Ivan.json", "{}"}));
    assert_strays(1, both + 1);
    pass_well(true, NOTHING);
    assert_strays(0, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        over_passes(test_what_turns_unreadable_keeps_its_last_good_version),
        over_passes(test_what_was_never_good_stays_unreadable),
        over_passes(test_since_is_when_the_error_was_first_seen),
        over_passes(test_since_does_not_count_warnings),
        over_passes(test_a_kept_record_is_kept_again),
        over_passes(test_a_record_may_move_to_another_syntax),
        over_passes(test_what_is_gone_goes),
        over_passes(test_many_changes_at_once_find_their_places),
        over_passes(test_a_status_that_is_not_active_is_obeyed),
        over_passes(test_two_files_for_one_record_keep_the_last_good_version),
        over_passes(test_files_that_are_no_record_come_and_go),
    };

    return cmocka_run_group_tests(tests, name_files, NULL);
}
