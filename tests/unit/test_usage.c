/* usage.h: the file of what users have used, searched where it lies. */
#include "unit.h"

#include <inttypes.h>

#include "tree.h"
#include "usage.h"

static struct usage usage;
static struct error error;

static int
set_up(void **state)
{
    usage_init(&usage);
    return tree_set_up(state);
}

static int
tear_down(void **state)
{
    usage_close(&usage);
    return tree_tear_down(state);
}

/* Writes the file and opens it. */
static void
look(const char *text)
{
    tree_write(USAGE_FILE, text);
    usage_look(&usage, tree_path(USAGE_FILE));
}

static void
assert_used(int64_t id, uint64_t upload, uint64_t download)
{
    uint64_t up = 1, down = 1;

    if (!usage_find(&usage, id, &up, &down))
        fail_msg("there is no user %" PRId64, id);
    assert_true(up == upload && down == download);
}

/* Nothing is said of the user; what there was in the variables is gone. */
static void
assert_unknown(int64_t id)
{
    uint64_t up = 1, down = 1;

    if (usage_find(&usage, id, &up, &down))
        fail_msg("user %" PRId64 ": %" PRIu64 " %" PRIu64, id, up, down);
    assert_true(up == 0 && down == 0);
}

/* What the operator is told of a file: its line, 0 for nothing. */
static unsigned
check_text(const char *text)
{
    tree_write(USAGE_FILE, text);
    error = (struct error){.text = ""};
    if (usage_check(tree_path(USAGE_FILE), &error) == 0)
        return 0;
    assert_true(error.line > 0);
    assert_int_equal(1, error.column);
    return error.line;
}

static void
test_malformed_lines_are_told_and_say_nothing(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } cases[] = {
        {"\n", 1},
        {"1\n", 1},
        {"1 2\n", 1},
        {"1 2 \n", 1},
        {"1 2 3", 1},     /* no newline */
        {"1 2 3\r\n", 1}, /* written on another system */
        {"1 2 3 \n", 1},
        {"1 2 3 4\n", 1},
        {"1  2 3\n", 1},
        {" 1 2 3\n", 1},
        {"1\t2\t3\n", 1},
        {"1 -2 3\n", 1},
        {"-1 2 3\n", 1},
        {"+1 2 3\n", 1},
        {"1 2.5 3\n", 1},
        {"0x1 2 3\n", 1},
        {"1 1e3 3\n", 1},
        {"# a comment\n1 2 3\n", 1},
        {"Ivan 2 3\n", 1},
        {"1 2 3\n\n", 2},
        {"1 2 3\n2 3", 2},
        {"1 2 3\n2 3 4\n3 x 5\n4 5 6\n", 3},
        {"\xef\xbb\xbf"
         "1 2 3\n",
         1},
        /* Numbers that no variable holds. */
        {"9223372036854775808 2 3\n", 1},
        {"18446744073709551616 2 3\n", 1},
        {"99999999999999999999999999999999 2 3\n", 1},
        {"1 18446744073709551616 3\n", 1},
        {"1 2 18446744073709551616\n", 1},
        {"1 99999999999999999999 3\n", 1},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (check_text(cases[i].text) != cases[i].line)
            fail_msg("case %zu: line %u: %s", i, error.line, cases[i].text);
        assert_non_null(strstr(error.text, "'<user id> <bytes up> <bytes down>'"));
        look(cases[i].text);
        assert_unknown(3);
        if (cases[i].line == 1)
            assert_unknown(1);
    }
}

static void
test_lines_that_do_not_ascend_are_told(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *part;
    } cases[] = {
        {"2 2 2\n1 1 1\n", 2, "user 1 stands behind user 2"},
        {"1 1 1\n1 1 1\n", 2, "user 1 stands behind user 1"},
        {"1 1 1\n5 5 5\n3 3 3\n4 4 4\n", 3, "user 3 stands behind user 5"},
        /* As text they would ascend. */
        {"1 1 1\n10 10 10\n2 2 2\n", 3, "user 2 stands behind user 10"},
    };
    uint64_t up, down;
    size_t i;
    int64_t id;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(cases[i].line, check_text(cases[i].text));
        assert_non_null(strstr(error.text, cases[i].part));
        assert_non_null(strstr(error.text, "ascend"));
        /* Somebody may be missed, but nobody gets another's numbers. */
        look(cases[i].text);
        for (id = 0; id < 12; id++)
            if (usage_find(&usage, id, &up, &down))
                assert_true(up == (uint64_t)id && down == (uint64_t)id);
    }
}

static void
test_the_greatest_numbers(void **state)
{
    (void)state;
    assert_int_equal(0, check_text("0 0 0\n9223372036854775807 18446744073709551615 "
                                   "18446744073709551615\n"));
    look("0 0 0\n9223372036854775807 18446744073709551615 18446744073709551615\n");
    assert_used(INT64_MAX, UINT64_MAX, UINT64_MAX);
    assert_used(0, 0, 0);
    assert_unknown(1);
    assert_unknown(-1);
    assert_unknown(INT64_MIN);
}

/* For every number of lines: each is found, and nothing between, before and behind them. */
static void
test_finds_every_line_of_every_length(void **state)
{
    enum { MOST = 33 };
    static char text[MOST * 64];
    size_t len = 0;
    int count, i;

    (void)state;
    for (count = 0; count <= MOST; count++) {
        look(count > 0 ? text : "");
        for (i = 0; i < count; i++) {
            /* Ids of one to ten digits, so that lines differ in length. */
            int64_t id = i < 17 ? 2 * i : (int64_t)2000000 * i;

            assert_used(id, (uint64_t)i * 1000003, (uint64_t)(i % 3) * UINT32_MAX);
            assert_unknown(id + 1);
        }
        assert_unknown(-1);
        assert_unknown(INT64_MAX);
        if (count == MOST)
            break;
        i = count;
        len += (size_t)snprintf(text + len, 64, "%" PRId64 " %" PRIu64 " %" PRIu64 "\n",
                                i < 17 ? (int64_t)(2 * i) : (int64_t)2000000 * i,
                                (uint64_t)i * 1000003, (uint64_t)(i % 3) * UINT32_MAX);
        assert_true(len < sizeof(text));
    }
    assert_int_equal(0, usage_check(tree_path(USAGE_FILE), &error));
}

static void
test_nothing_there_is_nothing_used(void **state)
{
    (void)state;
    assert_unknown(1); /* never looked */
    usage_look(&usage, tree_path("no such file"));
    assert_unknown(1);
    assert_int_equal(0, usage_check(tree_path("no such file"), &error));
    look("");
    assert_unknown(1);
    assert_int_equal(0, usage_check(tree_path(USAGE_FILE), &error));
    /* A directory by that name, or one in the way. */
    tree_write("directory/file", "x");
    usage_look(&usage, tree_path("directory"));
    assert_unknown(1);
    assert_int_equal(-1, usage_check(tree_path("directory"), &error));
    assert_true(strlen(error.text) > 0);
    assert_int_equal(0, error.line);
    usage_look(&usage, tree_path("directory/file/usage"));
    assert_unknown(1);
}

static void
test_another_file_is_taken_when_it_is_there(void **state)
{
    (void)state;
    look("1 10 11\n");
    assert_used(1, 10, 11);
    usage_look(&usage, tree_path(USAGE_FILE));
    assert_used(1, 10, 11);
    /* As it should be: another file, as a whole. */
    tree_write("next", "1 20 21\n2 30 31\n");
    tree_rename("next", USAGE_FILE);
    assert_used(1, 10, 11);
    usage_look(&usage, tree_path(USAGE_FILE));
    assert_used(1, 20, 21);
    assert_used(2, 30, 31);
    /* Of the same length. */
    tree_write("next", "1 20 22\n2 30 32\n");
    tree_rename("next", USAGE_FILE);
    usage_look(&usage, tree_path(USAGE_FILE));
    assert_used(1, 20, 22);
    /* In place, longer and shorter. */
    look("1 1 1\n2 2 2\n3 3 3\n4 4 4\n");
    assert_used(4, 4, 4);
    look("5 5 5\n");
    assert_used(5, 5, 5);
    assert_unknown(1);
    look("");
    assert_unknown(5);
    look("6 6 6\n");
    assert_used(6, 6, 6);
    tree_remove(USAGE_FILE);
    usage_look(&usage, tree_path(USAGE_FILE));
    assert_unknown(6);
    look("6 7 7\n");
    assert_used(6, 7, 7);
}

/* Many pages, lines of all lengths: the search reads a few of them and finds the right one. */
static void
test_a_large_file(void **state)
{
    enum { USERS = 20000 };
    char *text = malloc((size_t)USERS * 64);
    size_t len = 0;
    uint64_t up, down;
    int i;

    (void)state;
    assert_non_null(text);
    for (i = 0; i < USERS; i++)
        len += (size_t)snprintf(text + len, 64, "%d %llu %d\n", 3 * i + 1,
                                i % 7 == 0 ? 1ULL << i % 64 : (unsigned long long)i, USERS - i);
    tree_write(USAGE_FILE, text);
    free(text);
    assert_int_equal(0, usage_check(tree_path(USAGE_FILE), &error));
    usage_look(&usage, tree_path(USAGE_FILE));
    for (i = 0; i < USERS; i++) {
        assert_true(usage_find(&usage, 3 * i + 1, &up, &down));
        assert_true(up == (i % 7 == 0 ? 1ULL << i % 64 : (unsigned long long)i));
        assert_true(down == (uint64_t)(USERS - i));
        assert_false(usage_find(&usage, 3 * i, &up, &down));
        assert_false(usage_find(&usage, 3 * i + 2, &up, &down));
    }
}

/* From a block of exactly its size, cut anywhere: never read past, and no cut number counts. */
static void
test_a_cut_file_is_not_read_past(void **state)
{
    static const char text[] = "1 100 200\n22 300 400\n333 500 600\n";
    static const int64_t ids[] = {0, 1, 2, 22, 33, 333, 3333};
    struct usage cut = {0};
    uint64_t up, down;
    size_t len, i;
    char *copy;

    (void)state;
    for (len = 0; len < sizeof(text) - 1; len++) {
        copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, text, len);
        cut.bytes = copy;
        cut.len = len;
        for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
            if (!usage_find(&cut, ids[i], &up, &down))
                continue;
            assert_true(ids[i] == 1 || ids[i] == 22);
            assert_true(up == (ids[i] == 1 ? 100 : 300) && down == (ids[i] == 1 ? 200 : 400));
        }
        free(copy);
    }
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_file(test_malformed_lines_are_told_and_say_nothing),
        with_file(test_lines_that_do_not_ascend_are_told),
        with_file(test_the_greatest_numbers),
        with_file(test_finds_every_line_of_every_length),
        with_file(test_nothing_there_is_nothing_used),
        with_file(test_another_file_is_taken_when_it_is_there),
        with_file(test_a_large_file),
        with_file(test_a_cut_file_is_not_read_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
