/* git.h, as far as it needs no git: repositories made of the few files that are read. */
#include "unit.h"

#include "git.h"
#include "tree.h"

#define SHA1_A "0123456789abcdef0123456789abcdef01234567"
#define SHA1_B "fedcba9876543210fedcba9876543210fedcba98"
#define SHA1_C "00000000000000000000000000000000000000cc"
#define SHA256 SHA1_A "0123456789abcdef01234567"

static struct error error;
static struct git git;

/* Removes a file if it is there. */
static void
remove_if_any(const char *name)
{
    (void)unlink(tree_path(name));
}

static int
find(const char *name, bool is_inside)
{
    error.text[0] = '\0';
    return git_find(&git, tree_path(name), is_inside, &error);
}

static void
find_top(void)
{
    if (find("", false) != 1)
        fail_msg("%s", error.text);
}

/* The path ends in this place of the tree. */
static void
assert_place(const char *name, const char *path)
{
    char expected[PATH_MAX];

    assert_non_null(realpath(tree_path(name), expected));
    assert_string_equal(expected, path);
}

static void
test_unquotes(void **state)
{
    static const struct {
        const char *quoted, *path;
    } cases[] = {
        {"users/7.json", "users/7.json"},
        {"", ""},
        {"a \"b\"", "a \"b\""}, /* quoted is what begins so */
        {"\"\"", ""},
        {"\"a b\"", "a b"},
        {"\"\\320\\234\\320\\276\"", "Мо"},
        {"\"\\001\\177\\377\\0101\"", "\001\177\377\b1"},
        {"\"\\a\\b\\t\\n\\v\\f\\r\\\"\\\\\"", "\a\b\t\n\v\f\r\"\\"},
        {"\"Москва\\t\"", "Москва\t"},
        {"\"\\\\\\\\101\"", "\\\\101"},
    };
    char path[100];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(path, sizeof(path), "%s", cases[i].quoted);
        assert_true(git_unquote(path));
        assert_string_equal(cases[i].path, path);
    }
}

static void
test_refuses_what_is_not_quoted_well(void **state)
{
    static const char *const cases[] = {
        "\"",        "\"a",     "\"a\\",    "\"a\\\"",   "\"a\"b",    "\"a\"\"",
        "\"\\q\"",   "\"\\1\"", "\"\\12\"", "\"\\128\"", "\"\\400\"", "\"\\777\"",
        "\"\\x41\"", "\"\\",    "\"\\0",    "\"\\01",    "\"\\012",
    };
    char *path;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        path = strdup(cases[i]); /* its very size: a step too far is seen */
        assert_non_null(path);
        if (git_unquote(path))
            fail_msg("%s is taken", cases[i]);
        free(path);
    }
}

static void
test_finds_the_top_of_a_checkout(void **state)
{
    (void)state;
    tree_write(".git/HEAD", SHA1_A "\n");
    tree_write("registry/eu/users/7.json", "");
    assert_int_equal(1, find("", false));
    assert_place("", git.top);
    assert_place(".git", git.directory);
    assert_place(".git", git.common);
    assert_string_equal("", git.prefix);
    assert_int_equal(1, find("", true));
    assert_string_equal("", git.prefix);
    assert_int_equal(0, find("registry", false));
    assert_int_equal(1, find("registry", true));
    assert_place("", git.top);
    assert_string_equal("registry", git.prefix);
    assert_int_equal(1, find("registry/eu", true));
    assert_string_equal("registry/eu", git.prefix);
    /* A link to it, as releases are switched. */
    assert_int_equal(0, symlink("registry/eu", tree_path("current")));
    assert_int_equal(1, find("current", true));
    assert_place("", git.top);
    assert_string_equal("registry/eu", git.prefix);
    assert_int_equal(-1, find("none", true));
    assert_non_null(strstr(error.text, tree_path("none")));
}

/* The nearest one counts. */
static void
test_finds_a_checkout_inside_another(void **state)
{
    (void)state;
    assert_int_equal(0, find("", false));
    tree_write(".git/HEAD", SHA1_A "\n");
    tree_write("inner/.git/HEAD", SHA1_B "\n");
    tree_write("inner/data/users/7.json", "");
    assert_int_equal(1, find("inner/data", true));
    assert_place("inner", git.top);
    assert_string_equal("data", git.prefix);
    assert_int_equal(1, find("inner", false));
    assert_place("inner/.git", git.directory);
}

/* A linked worktree: HEAD is its own, refs are the repository's. */
static void
find_worktree(const char *file, const char *common)
{
    tree_write("work/.git", file);
    tree_write("main/.git/worktrees/second/commondir", common);
    assert_int_equal(1, find("work", false));
    assert_place("work", git.top);
    assert_place("main/.git/worktrees/second", git.directory);
    assert_place("main/.git", git.common);
}

static void
test_finds_the_repository_of_a_worktree(void **state)
{
    char absolute[500], common[sizeof(tree_name)], commit[GIT_HEX];

    (void)state;
    tree_write("main/.git/HEAD", "ref: refs/heads/main\n");
    tree_write("main/.git/refs/heads/main", SHA1_A "\n");
    tree_write("main/.git/refs/heads/work", SHA1_B "\n");
    tree_write("main/.git/worktrees/second/HEAD", "ref: refs/heads/work\n");
    find_worktree("gitdir: ../main/.git/worktrees/second\n", "../..\n");
    assert_int_equal(0, git_head(&git, commit, &error));
    assert_string_equal(SHA1_B, commit);
    snprintf(absolute, sizeof(absolute), "gitdir: %s\n", tree_path("main/.git/worktrees/second"));
    find_worktree(absolute, "../../");
    snprintf(common, sizeof(common), "%s", tree_path("main/.git"));
    find_worktree(absolute, common);
    assert_int_equal(0, git_head(&git, commit, &error));
    assert_string_equal(SHA1_B, commit);
    assert_int_equal(1, find("main", false));
    assert_int_equal(0, git_head(&git, commit, &error));
    assert_string_equal(SHA1_A, commit);
}

/* A submodule: a file names a repository that is whole. */
static void
test_finds_the_repository_of_a_submodule(void **state)
{
    (void)state;
    tree_write("module/.git", "gitdir: ../modules/m");
    tree_write("modules/m/HEAD", SHA1_A "\n");
    assert_int_equal(1, find("module", false));
    assert_place("modules/m", git.directory);
    assert_place("modules/m", git.common);
}

static void
test_says_what_of_a_repository_is_missing(void **state)
{
    static const char *const files[] = {"gitdir: ../none\n", "", "\n", "gitdir:\n", "../main\n"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        tree_write("work/.git", files[i]);
        assert_int_equal(-1, find("work", i % 2 == 0));
        assert_non_null(strstr(error.text, "work"));
    }
    tree_write("work/.git", "gitdir: ../main\n");
    tree_write("main/commondir", "../none\n");
    assert_int_equal(-1, find("work", false));
    assert_non_null(strstr(error.text, "../none"));
    remove_if_any("work/.git");
    assert_int_equal(0, symlink("../none", tree_path("work/.git")));
    assert_int_equal(-1, find("work", false));
}

/* HEAD and a few refs. */
static const struct head_case {
    const char *head;
    const char *loose; /* refs/heads/main, or NULL */
    const char *packed;
    const char *commit; /* NULL: there is none */
} head_cases[] = {
    {"ref: refs/heads/main\n", SHA1_A "\n", NULL, SHA1_A},
    {"ref: refs/heads/main", SHA1_A, NULL, SHA1_A},
    {"ref: refs/heads/main\n", SHA256 "\n", NULL, SHA256},
    {SHA1_B "\n", SHA1_A "\n", NULL, SHA1_B},
    {SHA256, NULL, NULL, SHA256},
    /* A loose ref is newer than a packed one. */
    {"ref: refs/heads/main\n", SHA1_A "\n", SHA1_B " refs/heads/main\n", SHA1_A},
    {"ref: refs/heads/main\n", NULL, SHA1_B " refs/heads/main\n", SHA1_B},
    {"ref: refs/heads/main\n", NULL, SHA1_B " refs/heads/main", SHA1_B},
    {"ref: refs/heads/main\n", NULL, SHA256 " refs/heads/main\n", SHA256},
    {"ref: refs/heads/main\n", NULL,
     "# pack-refs with: peeled fully-peeled sorted \n" SHA1_A " refs/heads/mai\n" SHA1_A
     " refs/heads/main2\n" SHA1_A " refs/heads/x/refs/heads/main\n" SHA1_B
     " refs/heads/main\n^" SHA1_C "\n" SHA1_A " refs/tags/main\n",
     SHA1_B},
    {"ref: refs/heads/main\n", NULL,
     SHA1_A " refs/tags/a\n^" SHA1_C "\n" SHA1_B " refs/heads/main\n", SHA1_B},
    /* A branch without a commit. */
    {"ref: refs/heads/main\n", NULL, NULL, NULL},
    {"ref: refs/heads/main\n", NULL, "", NULL},
    {"ref: refs/heads/main\n", NULL,
     SHA1_A " refs/heads/main2\n" SHA1_A " arefs/heads/main\n^" SHA1_C "\n", NULL},
    {"ref: refs/heads/main\n", NULL, "^refs/heads/main\nrefs/heads/main\n refs/heads/main\n", NULL},
    /* Neither is one. */
    {"ref: refs/heads/main\n", NULL, "0123 refs/heads/main\n", NULL},
    {"ref: refs/heads/main\n", NULL, SHA256 "0 refs/heads/main\n", NULL},
    {"ref: refs/heads/main\n", "0123\n", NULL, NULL},
    {"ref: refs/heads/main\n", "", NULL, NULL},
    {"", SHA1_A, NULL, NULL},
    {"\n", SHA1_A, NULL, NULL},
    {"garbage\n", SHA1_A, NULL, NULL},
    {"ref: \n", SHA1_A, NULL, NULL},
    {SHA1_A "0\n", SHA1_A, NULL, NULL},
    {"ref: ../../refs/heads/main\n", SHA1_A, NULL, NULL},
    {"ref: refs/../refs/heads/main\n", SHA1_A, NULL, NULL},
    {"ref: refs/heads/.invalid\n", SHA1_A, NULL, NULL},
};

static void
test_reads_which_commit_head_names(void **state)
{
    const struct head_case *head;
    char commit[GIT_HEX];
    size_t i;
    int rc;

    (void)state;
    for (i = 0; i < sizeof(head_cases) / sizeof(head_cases[0]); i++) {
        head = &head_cases[i];
        remove_if_any(".git/refs/heads/main");
        remove_if_any(".git/packed-refs");
        tree_write(".git/HEAD", head->head);
        if (head->loose != NULL)
            tree_write(".git/refs/heads/main", head->loose);
        if (head->packed != NULL)
            tree_write(".git/packed-refs", head->packed);
        find_top();
        error.text[0] = '\0';
        rc = git_head(&git, commit, &error);
        if (rc != (head->commit != NULL ? 0 : -1))
            fail_msg("case %zu: %d, %s", i, rc, rc == 0 ? commit : error.text);
        if (rc == 0)
            assert_string_equal(head->commit, commit);
        else
            assert_true(error.text[0] != '\0');
    }
}

static void
test_an_unborn_branch_is_told_as_such(void **state)
{
    char commit[GIT_HEX];

    (void)state;
    tree_write(".git/HEAD", "ref: refs/heads/main\n");
    find_top();
    assert_int_equal(-1, git_head(&git, commit, &error));
    assert_non_null(strstr(error.text, "no commit yet"));
    assert_non_null(strstr(error.text, tree_path(".git")));
}

/* Symbolic refs that name others: as many as git follows, and no ring. */
static void
test_follows_symbolic_refs(void **state)
{
    char commit[GIT_HEX], name[40], text[60];
    int i;

    (void)state;
    tree_write(".git/HEAD", "ref: refs/heads/s1\n");
    for (i = 1; i < 5; i++) {
        snprintf(name, sizeof(name), ".git/refs/heads/s%d", i);
        snprintf(text, sizeof(text), "ref: refs/heads/s%d\n", i + 1);
        tree_write(name, text);
    }
    tree_write(".git/refs/heads/s5", SHA1_A "\n");
    find_top();
    assert_int_equal(0, git_head(&git, commit, &error));
    assert_string_equal(SHA1_A, commit);
    /* The last one is packed. */
    remove_if_any(".git/refs/heads/s5");
    tree_write(".git/packed-refs", SHA1_B " refs/heads/s5\n");
    assert_int_equal(0, git_head(&git, commit, &error));
    assert_string_equal(SHA1_B, commit);
    tree_write(".git/refs/heads/s4", "ref: refs/heads/s1\n");
    assert_int_equal(-1, git_head(&git, commit, &error));
}

static void
test_sees_what_is_under_way(void **state)
{
    static const struct {
        const char *name, *word;
    } signs[] = {
        {"rebase-merge/done", "rebase"}, {"rebase-apply/next", "rebase"}, {"MERGE_HEAD", "merge"}};
    char name[60], *slash;
    size_t i;

    (void)state;
    tree_write("main/.git/HEAD", SHA1_A "\n");
    tree_write("main/.git/worktrees/second/commondir", "../..\n");
    tree_write("work/.git", "gitdir: ../main/.git/worktrees/second\n");
    for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        assert_int_equal(1, find("main", false));
        assert_null(git_busy(&git));
        snprintf(name, sizeof(name), "main/.git/%s", signs[i].name);
        tree_write(name, "");
        assert_string_equal(signs[i].word, git_busy(&git));
        /* It is no other worktree's. */
        assert_int_equal(1, find("work", false));
        assert_null(git_busy(&git));
        tree_remove(name);
        slash = strrchr(name, '/');
        *slash = '\0';
        if (strcmp(name, "main/.git") != 0)
            tree_remove(name);
    }
    tree_write("main/.git/worktrees/second/MERGE_HEAD", SHA1_A "\n");
    assert_string_equal("merge", git_busy(&git));
    assert_int_equal(1, find("main", false));
    assert_null(git_busy(&git));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unquotes),
        cmocka_unit_test(test_refuses_what_is_not_quoted_well),
        in_tree(test_finds_the_top_of_a_checkout),
        in_tree(test_finds_a_checkout_inside_another),
        in_tree(test_finds_the_repository_of_a_worktree),
        in_tree(test_finds_the_repository_of_a_submodule),
        in_tree(test_says_what_of_a_repository_is_missing),
        in_tree(test_reads_which_commit_head_names),
        in_tree(test_an_unborn_branch_is_told_as_such),
        in_tree(test_follows_symbolic_refs),
        in_tree(test_sees_what_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
