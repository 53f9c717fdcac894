/* health.h: how a file is written, read whole, and heard beside others. */
#include "unit.h"

#include <dirent.h>
#include <limits.h>

#include "health_files.h"
#include "text.h"

static struct health_report report;

static int
set_up(void **state)
{
    report = (struct health_report){.count = 0};
    return tree_set_up(state);
}

static int
tear_down(void **state)
{
    health_release_all(&report);
    return tree_tear_down(state);
}

static int
write_entries(const struct health_entry *entries, size_t count)
{
    const struct health_head head = head_of(3, "here");

    error = (struct error){.text = ""};
    return health_write(tree_path(HEALTH_FILE), &head, entries, count, &error);
}

static void
read_again(void)
{
    health_release_all(&report);
    if (health_read_all(&report, tree_path(HEALTH_FILE), &error) != 0)
        fail_msg("%s", error.text);
}

static void
test_what_is_written_is_read(void **state)
{
    static const char *const names[] = {
        "",      "-",         "--",
        "a b",   "outbounds", "%41",
        "100 %", "+",         "\xd0\x9c\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0"};
    static const char *const reasons[] = {"",
                                          "a",
                                          " ",
                                          "  two, and behind ",
                                          "-",
                                          "timeout",
                                          "%41",
                                          "end 0123456789abcdef",
                                          "\xe2\x80\x9ewrong\xe2\x80\x9c"};
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    struct health_entry entries[COUNT];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT; i++)
        entries[i] = (struct health_entry){.key = i * UINT64_C(0x1c71c71c71c71c71),
                                           .state = (enum health_state)(i % 5),
                                           .spoke = (enum health_speaker)(i % 3),
                                           .since = i == 0 ? 0 : HEALTH_TIME_MAX - (int64_t)i,
                                           .last_success = (int64_t)i * 1000003,
                                           .last_try = (int64_t)i * 1000033,
                                           .round_trip = (uint32_t)(i * 536870911),
                                           .name = names[i],
                                           .reason = reasons[i]};
    assert_int_equal(0, write_entries(entries, COUNT));
    read_again();
    assert_int_equal(COUNT, report.count);
    assert_int_equal(3, report.head.sequence);
    assert_int_equal(NOW, report.head.generated);
    assert_int_equal(300, report.head.ttl);
    assert_string_equal("here", report.head.vantage);
    for (i = 0; i < COUNT; i++) {
        struct health_entry *entry = &report.entries[i];

        assert_string_equal(names[i], entry->name);
        assert_string_equal(reasons[i], entry->reason);
        entry->name = names[i];
        entry->reason = reasons[i];
        assert_true(entry->key == entries[i].key && entry->state == entries[i].state &&
                    entry->spoke == entries[i].spoke && entry->since == entries[i].since &&
                    entry->last_success == entries[i].last_success &&
                    entry->last_try == entries[i].last_try &&
                    entry->round_trip == entries[i].round_trip);
    }
    assert_int_equal(0, write_entries(NULL, 0));
    read_again();
    assert_int_equal(0, report.count);
}

/* What a node answered may be in a reason: no byte of it breaks the file. */
static void
test_any_text_can_be_written(void **state)
{
    static const struct {
        const char *text, *read;
    } cases[] = {
        {"two\nlines\r\n", "two lines  "},
        {"\x1b[2J\x7f", " [2J "},
        {"\xc2\x85next\xc2\x9b", " next "},
        {"\xff\xfe not UTF-8 \xc3\xa9", "?? not UTF-8 ??"},
        {"\xed\xa0\x80", "???"},
        {"cut \xe2\x82", "cut ??"},
    };
    char longest[1000], wide[1000];
    struct health_entry entry = entry_of(1, HEALTH_DEAD);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        entry.name = entry.reason = cases[i].text;
        assert_int_equal(0, write_entries(&entry, 1));
        read_again();
        assert_string_equal(cases[i].read, report.entries[0].name);
        assert_string_equal(cases[i].read, report.entries[0].reason);
    }
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    /* Cut between characters: 66 of three bytes. */
    for (i = 0; i + 3 < sizeof(wide); i += 3)
        memcpy(wide + i, "\xe2\x82\xac", 4);
    entry.name = longest;
    entry.reason = wide;
    assert_int_equal(0, write_entries(&entry, 1));
    read_again();
    assert_int_equal(HEALTH_NAME_MAX, strlen(report.entries[0].name));
    assert_int_equal(198, strlen(report.entries[0].reason));
    /* Any bytes at all. */
    for (i = 1; i < 256; i++) {
        char text[] = {'<', (char)i, '>', '\0'};

        entry.name = entry.reason = text;
        assert_int_equal(0, write_entries(&entry, 1));
        read_again();
        assert_int_equal(3, strlen(report.entries[0].name));
        assert_string_equal(report.entries[0].name, report.entries[0].reason);
    }
}

static size_t
files_there(void)
{
    DIR *stream = opendir(tree_top);
    size_t count = 0;

    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    closedir(stream);
    return count - 2;
}

static void
test_the_file_is_replaced_whole_or_not_at_all(void **state)
{
    struct health_entry entries[] = {entry_of(1, HEALTH_ALIVE), entry_of(2, HEALTH_DEAD),
                                     entry_of(2, HEALTH_DEAD)};
    struct health_head head = head_of(3, "here");
    mode_t before = umask(0077);
    char path[PATH_MAX];
    struct stat st;
    int i;

    (void)state;
    assert_int_equal(0, write_entries(entries, 2));
    umask(before);
    assert_int_equal(0, stat(tree_path(HEALTH_FILE), &st));
    assert_int_equal(0640, st.st_mode & 07777);
    assert_int_equal(1, files_there());
    /* What readers would refuse is not written. */
    assert_int_equal(-1, write_entries(entries, 3));
    assert_non_null(strstr(error.text, "does not ascend"));
    entries[0].since = -1;
    assert_int_equal(-1, write_entries(entries, 2));
    entries[0].since = HEALTH_TIME_MAX + 1;
    assert_int_equal(-1, write_entries(entries, 2));
    entries[0] = entry_of(3, HEALTH_ALIVE);
    assert_int_equal(-1, write_entries(entries, 2));
    entries[0] = entry_of(1, HEALTH_ALIVE);
    entries[0].last_success = -1;
    assert_int_equal(-1, write_entries(entries, 2));
    for (i = 0; i < 5; i++) {
        head = head_of(3, i == 0 ? "" : i == 1 ? "two words" : "here");
        head.ttl = i == 2 ? 0 : i == 3 ? HEALTH_TTL_MAX + 1 : 300;
        head.generated = i == 4 ? -1 : NOW;
        assert_int_equal(-1, health_write(tree_path(HEALTH_FILE), &head, NULL, 0, &error));
    }
    read_again();
    assert_int_equal(2, report.count);
    assert_int_equal(1, files_there());
    /* What an interrupted writer has left is no hindrance, and no way elsewhere. */
    tree_write("victim", "kept");
    assert_int_equal(0, symlink("victim", tree_path("health.new")));
    assert_int_equal(0, write_entries(NULL, 0));
    read_again();
    assert_int_equal(0, report.count);
    assert_int_equal(2, files_there());
    assert_int_equal(0, stat(tree_path("victim"), &st));
    assert_int_equal(4, st.st_size);
    /* No place for it. */
    head = head_of(3, "here");
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(-1, health_write(path, &head, NULL, 0, &error));
    assert_non_null(strstr(error.text, "too long a path"));
    assert_int_equal(-1, health_write(tree_path("nowhere/health"), &head, NULL, 0, &error));
    assert_non_null(strstr(error.text, "No such file"));
    tree_write("occupied/file", "x");
    assert_int_equal(-1, health_write(tree_path("occupied"), &head, NULL, 0, &error));
    assert_int_equal(3, files_there());
}

/* The ends of every range are read as they were written. */
static void
test_heads_at_their_limits(void **state)
{
    struct health_head head = {
        .sequence = HEALTH_SEQUENCE_MAX, .generated = HEALTH_TIME_MAX, .ttl = HEALTH_TTL_MAX};
    struct health_entry entry = entry_of(UINT64_MAX, HEALTH_ALIVE);
    int i;

    (void)state;
    memset(head.vantage, 'v', HEALTH_VANTAGE_MAX);
    entry.since = entry.last_success = entry.last_try = HEALTH_TIME_MAX;
    for (i = 0; i < 2; i++) {
        assert_int_equal(0, health_write(tree_path(HEALTH_FILE), &head, &entry, 1, &error));
        read_again();
        assert_true(report.head.sequence == head.sequence && report.head.ttl == head.ttl &&
                    report.head.generated == head.generated && report.entries[0].key == entry.key);
        assert_string_equal(head.vantage, report.head.vantage);
        head = (struct health_head){.ttl = 1, .vantage = "v"};
        entry = (struct health_entry){.key = 0};
    }
    head.sequence = HEALTH_SEQUENCE_MAX + 1;
    assert_int_equal(-1, health_write(tree_path(HEALTH_FILE), &head, NULL, 0, &error));
}

static void
test_reading_whole_tells_what_is_wrong(void **state)
{
    struct buf buf;

    (void)state;
    assert_int_equal(-1, health_read_all(&report, tree_path(HEALTH_FILE), &error));
    assert_non_null(strstr(error.text, "No such file"));
    buf_init(&buf, 1000);
    sign(&buf, "signpost-health 1 7 1790000000 300 here 2\n"
               "0000000000000001 alive 1 2 3 4 native a\n0000000000000002 alive 1 2 3 4 x a\n");
    tree_write_bytes(HEALTH_FILE, buf.data, buf.len);
    buf_release(&buf);
    assert_int_equal(-1, health_read_all(&report, tree_path(HEALTH_FILE), &error));
    assert_int_equal(3, error.line);
    assert_int_equal(0, report.count);
    assert_null(report.entries);
}

static void
test_sequences_go_on(void **state)
{
    struct health_head head = head_of(5, "here");

    (void)state;
    assert_int_equal(NOW, health_next_sequence(NULL, NOW));
    assert_int_equal(0, health_next_sequence(NULL, -1));
    assert_int_equal(NOW, health_next_sequence(&head, NOW));
    head.sequence = NOW;
    assert_int_equal(NOW + 1, health_next_sequence(&head, NOW));
    assert_int_equal(NOW + 1, health_next_sequence(&head, NOW - 3600)); /* set back */
    assert_int_equal(NOW + 30, health_next_sequence(&head, NOW + 30));
    assert_int_equal(300, health_ttl(1));
    assert_int_equal(300, health_ttl(60));
    assert_int_equal(305, health_ttl(61));
    assert_int_equal(18000, health_ttl(3600));
    assert_int_equal(HEALTH_TTL_MAX, health_ttl(INT64_MAX));
}

/*
 * A letter for each vantage: alive, Down, dead (X), Blocked, unknown (?), the node not in its file
 * (-), a file past its ttl (s) or none at all (n) that would say dead.
 */
static const struct {
    const char *inside, *outside, *together;
} combined[] = {
    {"", "", "?"},
    {"", "-", "?"},
    {"", "n", "?"},
    {"", "s", "?"},
    {"n", "s", "?"},
    {"-", "?", "?"},
    {"?", "?", "?"},
    /* One place alone. */
    {"", "a", "a"},
    {"", "D", "D"},
    {"", "X", "X"},
    {"", "B", "B"},
    {"a", "", "a"},
    {"D", "", "D"},
    {"X", "", "X"},
    {"B", "", "B"},
    /* Majorities of those that know the node; half is none. */
    {"", "aX", "a"},
    {"", "XX", "X"},
    {"", "DX", "D"},
    {"", "aD", "a"},
    {"", "aaX", "a"},
    {"", "aXX", "X"},
    {"", "aDX", "D"},
    {"", "aDD", "D"},
    {"", "DXX", "X"},
    {"", "aaXX", "a"},
    {"", "aXXX", "X"},
    {"", "aDXX", "D"},
    {"", "aX?", "a"},
    {"", "X??", "X"},
    {"", "X--", "X"},
    {"", "aX-", "a"},
    {"", "BBX", "B"},
    {"", "BXX", "X"},
    {"", "BX", "X"},
    {"", "aaB", "a"},
    /* What is too old or not there is not heard. */
    {"", "as", "a"},
    {"", "ass", "a"},
    {"", "ann", "a"},
    {"", "Xs", "X"},
    {"s", "a", "a"},
    {"sss", "a", "a"},
    {"n", "X", "X"},
    {"as", "X", "a"},
    /* Inside decides, outside tells blocked from dead. */
    {"a", "X", "a"},
    {"a", "XXXX", "a"},
    {"a", "D", "a"},
    {"a", "a", "a"},
    {"D", "a", "D"},
    {"D", "X", "D"},
    {"D", "D", "D"},
    {"D", "?", "D"},
    {"X", "a", "B"},
    {"X", "aaX", "B"},
    {"X", "aX", "B"},
    {"X", "aXX", "X"},
    {"X", "D", "X"},
    {"X", "X", "X"},
    {"X", "?", "X"},
    {"X", "-", "X"},
    {"X", "s", "X"},
    {"X", "n", "X"},
    {"X", "as", "B"},
    {"X", "B", "X"},
    {"XXa", "a", "B"},
    {"Xa", "a", "a"},
    {"XD", "a", "D"},
    {"XDa", "a", "D"},
    {"B", "a", "B"},
    {"B", "X", "B"},
    {"B", "?", "B"},
    /* Inside knows nothing: outside decides. */
    {"?", "a", "a"},
    {"?", "X", "X"},
    {"-", "D", "D"},
    {"??", "aXX", "X"},
};

static void
fill_vantage(struct vantage *vantage, struct health_node *node, char letter, bool is_inside)
{
    static const char letters[] = "?aDXB"; /* by enum health_state */
    const char *at = strchr(letters, letter);

    node->key = letter == '-' ? 6 : 5;
    node->state = at != NULL ? (enum health_state)(at - letters) : HEALTH_DEAD;
    vantage->is_inside = is_inside;
    vantage->health = (struct health){
        .is_there = letter != 'n', .head = head_of(1, "x"), .nodes = node, .count = 1};
    if (letter == 's')
        vantage->health.head.generated = NOW - 301;
}

static void
test_vantages_together(void **state)
{
    struct vantage vantages[8];
    struct health_node nodes[8];
    size_t i, count;
    const char *p;

    (void)state;
    for (i = 0; i < sizeof(combined) / sizeof(combined[0]); i++) {
        count = 0;
        /* In an order that must not matter: the first outside, then inside, then the others. */
        for (p = combined[i].outside; *p != '\0'; p++, count++)
            fill_vantage(&vantages[count], &nodes[count], *p, false);
        for (p = combined[i].inside; *p != '\0'; p++, count++)
            fill_vantage(&vantages[count], &nodes[count], *p, true);
        if (health_combine(vantages, count, NOW, 5) !=
            (enum health_state)(strchr("?aDXB", combined[i].together[0]) - "?aDXB"))
            fail_msg("inside '%s', outside '%s': not %s", combined[i].inside, combined[i].outside,
                     combined[i].together);
        assert_int_equal(HEALTH_UNKNOWN, health_combine(vantages, count, NOW, 7));
        assert_int_equal(HEALTH_UNKNOWN, health_combine(vantages, count, NOW + 86400, 5));
    }
}

static void
test_utf8(void **state)
{
    static const struct {
        const char *text;
        bool is_utf8;
    } cases[] = {
        {"", true},
        {"a", true},
        {"\xc2\x80\xdf\xbf", true},
        {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xbf", false},
        {"\xc0\x80", false},
        {"\xc1\xbf", false},
        {"\xc2", false},
        {"\xc2 ", false},
        {"\xc2\xc2\x80", false},
        {"\xe0\x9f\xbf", false},
        {"\xe2\x82", false},
        {"\xe2\x82z", false},
        {"\xed\xa0\x80", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xf8\x88\x80\x80\x80", false},
        {"\xff", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (text_is_utf8(cases[i].text, strlen(cases[i].text)) != cases[i].is_utf8)
            fail_msg("case %zu", i);
    assert_true(text_is_utf8("a\0b", 3));
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_file(test_what_is_written_is_read),
        with_file(test_any_text_can_be_written),
        with_file(test_the_file_is_replaced_whole_or_not_at_all),
        with_file(test_heads_at_their_limits),
        with_file(test_reading_whole_tells_what_is_wrong),
        cmocka_unit_test(test_sequences_go_on),
        cmocka_unit_test(test_vantages_together),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
