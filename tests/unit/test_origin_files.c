/* Plain files as the source of records (origin.h): what is read whole, and what of a change. */
#include "unit.h"

#include "document.h"
#include "reads.h"

#define NAMED(name) USER ", \"username\": \"" name "\"}"

/* A registry of a few kinds. */
static void
write_registry(void)
{
    tree_write("users/7.json", NAMED("Ivan"));
    tree_write("users/8.yaml", "status: active\nusername: Olga\n");
    tree_write("users/9.yml", "status: blocked\n");
    tree_write("devices/" DEVICE ".json", ACTIVE ", \"user_id\": 7}");
    tree_write("endpoints/e.json", ACTIVE ", \"type\": \"ws\", \"address\": \"e.example\"}");
}

static const char *
name_of(const struct registry *registry, int64_t id)
{
    const struct user *user = registry_user(registry, id);

    return user == NULL                               ? "(none)"
           : user->record.status == STATUS_GONE       ? "(gone)"
           : user->record.status == STATUS_UNREADABLE ? "(unreadable)"
           : user->username == NULL                   ? "(no name)"
                                                      : user->username;
}

static void
assert_nothing_new(void)
{
    assert_int_equal(0, read_changes());
    assert_false(is_whole);
    assert_int_equal(0, count_records(&fresh));
    assert_int_equal(0, fresh.strays.count);
}

static void
test_reads_all_and_then_nothing(void **state)
{
    (void)state;
    write_registry();
    merge_read();
    assert_true(is_whole);
    assert_int_equal(5, count_records(&known));
    assert_string_equal("Olga", name_of(&known, 8));
    assert_true(registry_user(&known, 7)->record.facts != 0);
    assert_nothing_new();
    assert_int_equal(0, sleeps);
    assert_known_is_all();
}

static void
test_reads_only_what_has_changed(void **state)
{
    (void)state;
    write_registry();
    merge_read();
    tree_write("users/8.yaml", "status: active\nusername: Ольга\n");
    assert_int_equal(0, read_changes());
    assert_int_equal(1, count_records(&fresh));
    assert_string_equal("Ольга", name_of(&fresh, 8));
    merge_read();
    assert_known_is_all();
    tree_write("users/10.json", NAMED("Ann"));
    tree_remove("users/7.json");
    tree_rename("endpoints/e.json", "endpoints/f.json");
    assert_int_equal(0, read_changes());
    assert_false(is_whole);
    assert_int_equal(4, count_records(&fresh));
    assert_string_equal("(gone)", name_of(&fresh, 7));
    assert_string_equal("Ann", name_of(&fresh, 10));
    merge_read();
    assert_string_equal("(none)", name_of(&known, 7));
    assert_null(registry_record(&known, KIND_ENDPOINT, "e.json"));
    assert_non_null(registry_record(&known, KIND_ENDPOINT, "f.json"));
    assert_known_is_all();
    assert_nothing_new();
}

/* The same record in another syntax is one change, not a record that went. */
static void
test_follows_a_file_to_another_extension(void **state)
{
    (void)state;
    write_registry();
    merge_read();
    tree_remove("users/7.json");
    tree_write("users/7.yaml", "status: active\nusername: Иван\n");
    assert_int_equal(0, read_changes());
    assert_int_equal(1, count_records(&fresh));
    assert_string_equal("Иван", name_of(&fresh, 7));
    merge_read();
    assert_string_equal("users/7.yaml", registry_user(&known, 7)->record.path);
    assert_null(registry_user(&known, 7)->record.trouble);
    assert_known_is_all();
    /* It keeps what was good of the other file. */
    tree_remove("users/7.yaml");
    tree_write("users/7.yml", "{");
    merge_read();
    assert_string_equal("Иван", name_of(&known, 7));
    assert_true(registry_user(&known, 7)->record.trouble->is_kept);
    assert_known_is_all();
    assert_nothing_new();
}

/* Both files count, though only one of them is new; and each ends it when it goes. */
static void
test_two_files_for_one_record_come_and_go(void **state)
{
    static const char *const gone[] = {"users/7.json", "users/7.yaml"};
    size_t i;

    for (i = 0; i < 2; i++) {
        reads_tear_down(state);
        assert_int_equal(0, reads_set_up(state));
        write_registry();
        merge_read();
        tree_write("users/7.yaml", "status: active\nusername: Olga\n");
        merge_read();
        assert_string_equal("Ivan", name_of(&known, 7));
        assert_non_null(registry_user(&known, 7)->record.trouble);
        assert_int_equal(1, registry_user(&known, 7)->record.trouble->also.count);
        assert_known_is_all();
        merge_read(); /* nothing has changed: they are two still */
        assert_int_equal(1, registry_user(&known, 7)->record.trouble->also.count);
        tree_remove(gone[i]);
        merge_read();
        assert_string_equal(i == 0 ? "Olga" : "Ivan", name_of(&known, 7));
        assert_null(registry_user(&known, 7)->record.trouble);
        assert_known_is_all();
        assert_nothing_new();
    }
}

/* As when all was converted and the old files forgotten; an endless search is a failure. */
static void
test_many_records_of_three_files_each(void **state)
{
    static const char *const ends[] = {"json", "yaml", "yml"};
    enum { COUNT = 192 };
    char name[40];
    int i, n;

    (void)state;
    for (i = 1; i <= COUNT; i++)
        for (n = 0; n < 3; n++) {
            snprintf(name, sizeof(name), "users/%d.%s", i, ends[n]);
            tree_write(name, NAMED("a"));
        }
    merge_read();
    assert_int_equal(COUNT, count_records(&known));
    alarm(20);
    merge_read();
    alarm(0);
    assert_int_equal(2, registry_user(&known, COUNT)->record.trouble->also.count);
}

/* What is no plain file of a bearable size is unreadable, with the reason. */
static void
test_says_why_a_file_cannot_be_read(void **state)
{
    static const struct {
        int64_t id;
        const char *words;
    } cases[] = {{1, "symbolic link"},
                 {2, "symbolic link"},
                 {3, "not a plain file"},
                 {4, "not a plain file"},
                 {5, "larger than 1048576 bytes"},
                 {6, ""}};
    char *large = malloc(DOCUMENT_MAX + 1);
    const struct user *user;
    size_t i;

    (void)state;
    assert_non_null(large);
    memset(large, ' ', DOCUMENT_MAX + 1);
    write_registry();
    assert_int_equal(0, symlink("7.json", tree_path("users/1.json")));
    assert_int_equal(0, symlink("nowhere", tree_path("users/2.json")));
    assert_int_equal(0, mkdir(tree_path("users/3.json"), 0755));
    assert_int_equal(0, mkfifo(tree_path("users/4.json"), 0644));
    memcpy(large, NAMED("large"), strlen(NAMED("large")));
    tree_write_bytes("users/5.json", large, DOCUMENT_MAX + 1);
    tree_write_bytes("users/50.json", large, DOCUMENT_MAX);
    tree_write("users/6.json", "");
    free(large);
    read_whole();
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        user = registry_user(&fresh, cases[i].id);
        assert_string_equal("(unreadable)", name_of(&fresh, cases[i].id));
        if (strstr(user->record.trouble->findings[0].text, cases[i].words) == NULL)
            fail_msg("no '%s' in: %s", cases[i].words, user->record.trouble->findings[0].text);
    }
    /* The others are none the worse. */
    assert_string_equal("large", name_of(&fresh, 50));
    assert_string_equal("Ivan", name_of(&fresh, 7));
}

/* The version names the content: not the times, nor in which order and steps it was read. */
static void
test_the_version_is_the_contents(void **state)
{
    char first[VERSION_MAX], second[VERSION_MAX];

    (void)state;
    write_registry();
    merge_read();
    memcpy(first, known.version, sizeof(first));
    assert_int_equal(0, strncmp("files-", first, 6));
    registry_release(&known);
    tree_remove("users/7.json");
    tree_rename("users", "later");
    tree_write("users/7.json", NAMED("Ivan"));
    tree_rename("later/9.yml", "users/9.yml");
    tree_rename("later/8.yaml", "users/8.yaml");
    tree_remove("later");
    merge_read();
    assert_string_equal(first, known.version);
    /* A change and its undoing. */
    tree_write("users/7.json", NAMED("Iwan"));
    merge_read();
    assert_string_not_equal(first, known.version);
    memcpy(second, known.version, sizeof(second));
    tree_write("users/7.json", NAMED("Ivan"));
    merge_read();
    assert_string_equal(first, known.version);
    /* Contents that change places. */
    tree_rename("users/8.yaml", "users/10.yaml");
    merge_read();
    assert_string_not_equal(first, known.version);
    assert_string_not_equal(second, known.version);
    assert_known_is_all();
}

/* A file that is no record is told of as long as it is there, and no longer. */
static void
test_strays_come_and_go(void **state)
{
    (void)state;
    write_registry();
    tree_write("users/Ivan.json", "{}");
    tree_write("devices/phone.yaml", "");
    tree_write("users/.hidden.json", "{}");
    tree_write("users/notes.txt", "");
    merge_read();
    assert_int_equal(2, known.strays.count);
    assert_string_equal("devices/phone.yaml", known.strays.items[0].path);
    assert_string_equal("users/Ivan.json", known.strays.items[1].path);
    assert_int_equal(FINDING_ERROR, known.strays.items[1].level);
    merge_read();
    assert_int_equal(2, known.strays.count);
    tree_remove("users/Ivan.json");
    merge_read();
    assert_int_equal(1, known.strays.count);
    assert_known_is_all();
}

static void
test_notices_name_what_is_ignored(void **state)
{
    static const char *const paths[] = {"README.md", "archive", "devices/phone.json", "users/a~",
                                        "users/notes.txt"};
    static const enum finding_level levels[] = {FINDING_NOTICE, FINDING_NOTICE, FINDING_ERROR,
                                                FINDING_NOTICE, FINDING_NOTICE};
    size_t i;

    (void)state;
    write_registry();
    tree_write("users/notes.txt", "");
    tree_write("users/a~", "");
    tree_write("users/.git/HEAD", "");
    tree_write("README.md", "");
    tree_write(".git/HEAD", "");
    tree_write("archive/users/7.json", "");
    tree_write("devices/phone.json", "{}");
    registry_release(&fresh);
    fresh.with_notices = true;
    assert_int_equal(0, origin_read(&origin, "", NULL, &fresh, &is_whole, &error));
    assert_int_equal(5, fresh.strays.count);
    for (i = 0; i < 5; i++) {
        assert_string_equal(paths[i], fresh.strays.items[i].path);
        assert_int_equal(levels[i], fresh.strays.items[i].level);
    }
    read_whole();
    assert_int_equal(1, fresh.strays.count);
}

static void
test_a_directory_that_is_no_registry_is_refused(void **state)
{
    char none[sizeof(tree_name)];

    (void)state;
    assert_int_equal(-1, read_changes());
    assert_non_null(strstr(error.text, "no registry"));
    tree_write("other/7.json", "{}");
    assert_int_equal(-1, read_changes());
    /* One kind is enough, even an empty one; but what is there must be a directory. */
    assert_int_equal(0, mkdir(tree_path("nodes"), 0755));
    assert_int_equal(0, read_changes());
    assert_true(is_whole);
    assert_int_equal(0, count_records(&fresh));
    tree_write("users", "");
    assert_int_equal(-1, read_changes());
    assert_non_null(strstr(error.text, tree_path("users")));
    snprintf(none, sizeof(none), "%s", tree_path("none"));
    assert_int_equal(0, origin_open(&origin, none, ORIGIN_FILES, &error));
    assert_int_equal(-1, read_changes());
    assert_non_null(strstr(error.text, none));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_files(test_reads_all_and_then_nothing),
        on_files(test_reads_only_what_has_changed),
        on_files(test_follows_a_file_to_another_extension),
        on_files(test_two_files_for_one_record_come_and_go),
        on_files(test_says_why_a_file_cannot_be_read),
        on_files(test_the_version_is_the_contents),
        on_files(test_strays_come_and_go),
        on_files(test_notices_name_what_is_ignored),
        on_files(test_a_directory_that_is_no_registry_is_refused),
        on_files(test_many_records_of_three_files_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
