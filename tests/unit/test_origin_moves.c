/* Plain files that move while they are read (origin.h), and those written too shortly before. */
#include "unit.h"

#include "reads.h"

#define NAMED(name) USER ", \"username\": \"" name "\"}"

static const char *
name_of(const struct registry *registry, int64_t id)
{
    const struct user *user = registry_user(registry, id);

    return user != NULL && user->username != NULL ? user->username : "(none)";
}

/* Writes a file as one does whose times show nothing of it: the same size, the same time. */
static void
write_unseen(const char *name, const char *text)
{
    struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 5}};

    tree_write(name, text);
    assert_int_equal(0, utimensat(AT_FDCWD, tree_path(name), times, 0));
}

static void
test_a_fresh_file_is_read_again(void **state)
{
    (void)state;
    tree_write("users/7.json", NAMED("Ivan"));
    write_unseen("users/8.json", NAMED("Olga"));
    set_clock_after("users/8.json", 500);
    merge_read();
    assert_int_equal(0, sleeps);
    assert_int_equal(0, registry_user(&known, 8)->record.facts);
    /* Whatever became of it within the time that its times cannot tell apart is seen. */
    write_unseen("users/8.json", NAMED("Inna"));
    set_clock_after("users/8.json", 1999);
    assert_int_equal(0, read_changes());
    assert_string_equal("Inna", name_of(&fresh, 8));
    merge_read();
    assert_int_equal(0, registry_user(&known, 8)->record.facts);
    /* Once more when it is old; then not again. */
    set_clock_after("users/8.json", 2500);
    merge_read();
    assert_true(registry_user(&known, 8)->record.facts != 0);
    assert_string_equal("Inna", name_of(&known, 8));
    assert_int_equal(0, read_changes());
    assert_int_equal(0, count_records(&fresh));
}

static void
test_waits_until_all_is_still(void **state)
{
    (void)state;
    tree_write("users/7.json", NAMED("Ivan"));
    set_clock_after("users/7.json", 1);
    read_whole();
    assert_int_equal(2, sleeps); /* of 50 ms */
    assert_string_equal("Ivan", name_of(&fresh, 7));
    /* Times ahead of the clock are no sign of a write: they would be waited for without end. */
    sleeps = 0;
    set_clock_after("users/7.json", -3600 * 1000);
    read_whole();
    assert_int_equal(0, sleeps);
}

static void
write_once_more(void)
{
    tree_write("users/7.json", NAMED("Ivan"));
    set_clock_after("users/7.json", 10);
}

static void
test_gives_up_on_what_never_stands_still(void **state)
{
    (void)state;
    write_once_more();
    while_asleep = write_once_more;
    assert_int_equal(-1, read_changes());
    assert_non_null(strstr(error.text, "keep changing"));
    assert_in_range(sleeps, 10, 100);
}

/* Acts while users/7.json is looked at: first by the scan, then before it is read. */
static void
act_at_look(int look, void (*act)(void))
{
    on_look.name = "7.json";
    on_look.countdown = look;
    on_look.act = act;
}

static void
replace_7(void)
{
    tree_write("users/7.json", NAMED("Iwan"));
    clock_ns += 3600 * (int64_t)SECOND;
}

static void
test_a_file_replaced_meanwhile_is_read_as_it_is_now(void **state)
{
    int look;

    for (look = 1; look < 3; look++) {
        reads_tear_down(state);
        assert_int_equal(0, reads_set_up(state));
        tree_write("users/6.json", NAMED("Ann"));
        tree_write("users/7.json", NAMED("Ivan"));
        act_at_look(look, replace_7);
        merge_read();
        assert_int_equal(0, on_look.countdown);
        assert_string_equal("Iwan", name_of(&known, 7));
        assert_string_equal("Ann", name_of(&known, 6));
        assert_known_is_all();
    }
}

static void
remove_7(void)
{
    tree_remove("users/7.json");
    clock_ns += 3600 * (int64_t)SECOND;
}

/* A file that goes between the directory's listing and the look at it went: that is no error. */
static void
test_a_file_that_goes_meanwhile_is_gone(void **state)
{
    int look;

    for (look = 1; look < 3; look++) {
        reads_tear_down(state);
        assert_int_equal(0, reads_set_up(state));
        tree_write("users/6.json", NAMED("Ann"));
        tree_write("users/7.json", NAMED("Ivan"));
        act_at_look(look, remove_7);
        merge_read();
        assert_int_equal(0, on_look.countdown);
        assert_string_equal("(none)", name_of(&known, 7));
        assert_string_equal("Ann", name_of(&known, 6));
        assert_known_is_all();
    }
}

static void
add_8(void)
{
    tree_write("users/8.json", NAMED("Olga"));
    tree_write("nodes/" CORE ".json", ACTIVE "}");
    clock_ns += 3600 * (int64_t)SECOND;
}

/* Half of a change is never what is read: what comes while files are read is read with them. */
static void
test_a_file_that_comes_meanwhile_is_there(void **state)
{
    int incremental;

    for (incremental = 0; incremental < 2; incremental++) {
        reads_tear_down(state);
        assert_int_equal(0, reads_set_up(state));
        tree_write("users/7.json", NAMED("Ivan"));
        if (incremental) {
            merge_read();
            tree_write("users/7.json", NAMED("Iwan"));
        }
        act_at_look(2, add_8);
        merge_read();
        assert_int_equal(0, on_look.countdown);
        assert_string_equal("Olga", name_of(&known, 8));
        assert_non_null(registry_node(&known, CORE));
        assert_known_is_all();
    }
}

static void
remove_nodes(void)
{
    struct stat st;

    if (stat(tree_path("nodes"), &st) == 0) {
        tree_remove("nodes/" CORE ".json");
        tree_remove("nodes");
    }
}

/* A kind that goes while the reader waits is no change that never ends. */
static void
test_a_kind_may_go_while_it_waits(void **state)
{
    (void)state;
    tree_write("users/7.json", NAMED("Ivan"));
    tree_write("nodes/" CORE ".json", ACTIVE "}");
    merge_read();
    tree_write("users/8.json", NAMED("Olga"));
    set_clock_after("users/8.json", 1);
    while_asleep = remove_nodes;
    merge_read();
    assert_string_equal("Olga", name_of(&known, 8));
    assert_null(registry_node(&known, CORE));
    assert_known_is_all();
}

static void
test_the_mark_changes_with_any_file(void **state)
{
    char mark[VERSION_MAX], before[VERSION_MAX];

    (void)state;
    tree_write("users/7.json", NAMED("Ivan"));
    tree_write("nodes/" CORE ".json", ACTIVE "}");
    assert_int_equal(ORIGIN_SEEN, origin_look(&origin, before, &error));
    assert_int_equal(ORIGIN_SEEN, origin_look(&origin, mark, &error));
    assert_string_equal(before, mark);
    tree_write("users/7.json", NAMED("Ivan"));
    assert_int_equal(ORIGIN_SEEN, origin_look(&origin, mark, &error));
    assert_string_not_equal(before, mark);
    memcpy(before, mark, sizeof(before));
    tree_rename("nodes/" CORE ".json", "nodes/" ENTRY ".json");
    assert_int_equal(ORIGIN_SEEN, origin_look(&origin, mark, &error));
    assert_string_not_equal(before, mark);
    assert_int_equal(0, sleeps);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_files(test_a_fresh_file_is_read_again),
        on_files(test_waits_until_all_is_still),
        on_files(test_gives_up_on_what_never_stands_still),
        on_files(test_a_file_replaced_meanwhile_is_read_as_it_is_now),
        on_files(test_a_file_that_goes_meanwhile_is_gone),
        on_files(test_a_file_that_comes_meanwhile_is_there),
        on_files(test_a_kind_may_go_while_it_waits),
        on_files(test_the_mark_changes_with_any_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
