/* health.h: what does not count, what does, and what several vantages say together. */
#include "unit.h"

#include <inttypes.h>

#include "health_files.h"
#include "text.h"

static struct health health;
static struct buf buf;

static int
set_up(void **state)
{
    health_init(&health);
    buf_init(&buf, HEALTH_BYTES_MAX);
    return tree_set_up(state);
}

static int
tear_down(void **state)
{
    health_close(&health);
    buf_release(&buf);
    return tree_tear_down(state);
}

/* A file with all that may stand in one, in buf. */
static void
put_sample(void)
{
    const struct health_head head = head_of(7, "de-1.example_x");
    struct health_entry entries[] = {
        entry_of(0, HEALTH_ALIVE), entry_of(1, HEALTH_DOWN), entry_of(0xff, HEALTH_DEAD),
        entry_of(UINT64_C(1) << 63, HEALTH_UNKNOWN), entry_of(UINT64_MAX, HEALTH_BLOCKED)};

    entries[1].reason = "timeout after 8 s";
    entries[2].name = "M\xc3\xbcnchen, \xe2\x80\x9esecond\xe2\x80\x9c";
    entries[2].reason = "302, not 204";
    entries[3].spoke = HEALTH_NONE;
    entries[3].name = NULL;
    entries[3].last_success = entries[3].last_try = 0;
    entries[4].spoke = HEALTH_ENGINE;
    entries[4].name = "-";
    entries[4].round_trip = UINT32_MAX;
    buf_clear(&buf);
    assert_int_equal(0, health_put(&buf, &head, entries, 5, &error));
}

/* Looks at bytes as a file of their own. */
static void
look(const void *bytes, size_t len)
{
    tree_write_bytes("next", bytes, len);
    tree_rename("next", HEALTH_FILE);
    health_look(&health, tree_path(HEALTH_FILE));
}

static void
look_sample(void)
{
    put_sample();
    look(buf.data, buf.len);
    if (!health.is_there)
        fail_msg("%s", health.problem);
    assert_string_equal("", health.problem);
    assert_int_equal(5, health.count);
}

/* There is none; why is told, if there is something there. */
static void
assert_none(const char *part)
{
    assert_false(health.is_there);
    assert_int_equal(0, health.count);
    assert_null(health_find(&health, 0));
    assert_null(health_find(&health, 0xff));
    assert_false(health_is_fresh(&health, NOW));
    if (part == NULL)
        assert_string_equal("", health.problem);
    else if (strstr(health.problem, part) == NULL || strlen(health.problem) == 0)
        fail_msg("'%s' is not in: %s", part, health.problem);
}

static void
test_no_byte_can_change(void **state)
{
    char *bytes;
    size_t len, i;
    int change;

    (void)state;
    put_sample();
    len = buf.len;
    bytes = malloc(len);
    assert_non_null(bytes);
    memcpy(bytes, buf.data, len);
    assert_int_equal(5, read_bytes(bytes, len));
    for (i = 0; i < len; i++)
        for (change = 1; change < 256; change++) {
            bytes[i] = (char)(bytes[i] ^ change);
            if (read_bytes(bytes, len) != -1)
                fail_msg("byte %zu ^ %d", i, change);
            bytes[i] = (char)(bytes[i] ^ change);
        }
    /* As a file, beside a good one before. */
    for (i = 0; i < len; i++) {
        if (i % 16 == 0)
            look_sample();
        bytes[i] ^= 1;
        look(bytes, len);
        bytes[i] ^= 1;
        assert_none(tree_path(HEALTH_FILE));
    }
    free(bytes);
}

static void
test_no_part_is_the_whole(void **state)
{
    size_t len, i;

    (void)state;
    put_sample();
    len = buf.len;
    for (i = 0; i < len; i++) {
        assert_int_equal(-1, read_bytes(buf.data, i));
        assert_int_equal(-1, read_bytes(buf.data + len - i, i));
    }
    look_sample();
    for (i = 0; i < len; i += 13) {
        look(buf.data, i);
        assert_none("");
    }
    /* More than the whole. */
    buf_putc(&buf, '\n');
    assert_int_equal(-1, read_bytes(buf.data, buf.len));
    buf.data[len] = '\0';
    assert_int_equal(-1, read_bytes(buf.data, buf.len));
    buf.len = len;
    assert_true(buf_grow(&buf, len));
    buf_put(&buf, buf.data, len);
    assert_int_equal(-1, read_bytes(buf.data, buf.len));
    assert_int_equal(5, read_bytes(buf.data, len));
}

#define HEAD      "signpost-health 1 7 1790000000 300 here "
#define LINE(key) "00000000000000" key " alive 1 2 3 4 native a\n"

static const struct {
    const char *text, *part;
} never_written[] = {
    {"", "not a health state file"},
    {"\n", "not a health state file"},
    {"signpost-health\n", "not a health state file"},
    {"signpost-health 2 7 1790000000 300 here 0\n", "format 2; this program reads 1"},
    {"signpost-health 0 7 1790000000 300 here 0\n", "format 0"},
    {"signpost-health 01 7 1790000000 300 here 0\n", "not a health"},
    {"Signpost-health 1 7 1790000000 300 here 0\n", "not a health"},
    {"{\"v\": 1}\n", "not a health"},
    {"signpost-health 1\n", "<sequence>"},
    {"signpost-health 1 7 1790000000 300 here\n", "<sequence>"},
    {"signpost-health 1 7 1790000000 300 here 0 \n", "<sequence>"},
    {"signpost-health 1 7 1790000000 300 here 0 0\n", "<sequence>"},
    {"signpost-health 1  7 1790000000 300 here 0\n", "<sequence>"},
    {"signpost-health 1 -7 1790000000 300 here 0\n", "<sequence>"},
    {"signpost-health 1 9223372036854775808 1790000000 300 here 0\n", "<sequence>"},
    {"signpost-health 1 99999999999999999999 1790000000 300 here 0\n", "<sequence>"},
    {"signpost-health 1 7 253402300800 300 here 0\n", "<sequence>"},
    {"signpost-health 1 7 1790000000.5 300 here 0\n", "<sequence>"},
    {"signpost-health 1 7 1790000000 0 here 0\n", "<sequence>"},
    {"signpost-health 1 7 1790000000 86401 here 0\n", "<sequence>"},
    {"signpost-health 1 7 1790000000 300  0\n", "<sequence>"},
    {"signpost-health 1 7 1790000000 300 h/re 0\n", "<sequence>"},
    {"signpost-health 1 7 1790000000 300 "
     "12345678901234567890123456789012345678901234567890123456789012345 0\n",
     "<sequence>"},
    /* Counts: too many to be there are not even tried. */
    {HEAD "0\n" LINE("01"), "not the 0 nodes"},
    {HEAD "2\n" LINE("01"), "not the 2 nodes"},
    {HEAD "2\n" LINE("01") LINE("02") LINE("03"), "not the 2 nodes"},
    {HEAD "4\n" LINE("01") LINE("02") LINE("03"), "not the 4 nodes"},
    {HEAD "18446744073709551615\n" LINE("01"), "<sequence>"},
    {HEAD "01\n" LINE("01"), "<sequence>"},
    /* Order. */
    {HEAD "2\n" LINE("02") LINE("01"), ":3:1: key 0000000000000001 stands behind"},
    {HEAD "2\n" LINE("01") LINE("01"), "must ascend"},
    {HEAD "3\n" LINE("01") LINE("10") LINE("0f"), ":4:1: key"},
    /* Lines. */
    {HEAD "1\n0000000000000001\n000000000000000000000\n", "<key>"},
    {HEAD "1\n\n000000000000000000000000000000\n", "<key>"},
    {HEAD "1\n000000000000001 alive 1 2 3 4 native a\n", "<key>"},
    {HEAD "1\n00000000000000001 alive 1 2 3 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000A alive 1 2 3 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000g alive 1 2 3 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000a Alive 1 2 3 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000a aliv 1 2 3 4 native abc\n", "<key>"},
    {HEAD "1\n000000000000000a  1 2 3 4 native abcdef\n", "<key>"},
    {HEAD "1\n000000000000000a alive -1 2 3 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 02 3 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2x 3 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2: 3 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1  3 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 253402300800 4 native a\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4294967296 native a\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 curl a\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native \n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native  reason\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a \n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a\r\n", "<key>"},
    {HEAD "1\n000000000000000a\talive 1 2 3 4 native a\n", "<key>"},
    /* Names. */
    {HEAD "1\n000000000000000a alive 1 2 3 4 native %\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native %4\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native %4x\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native %4%41\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a%00b\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a%0Ab\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a%1B%5B31m\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native %C2%9B\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native %FF\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a\x7f\n", "<key>"},
    /* Reasons. */
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a a\tb\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a \x1b[2J\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a \xc2\x85\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a \xff\n", "<key>"},
    {HEAD "1\n000000000000000a alive 1 2 3 4 native a cut \xc3\n", "<key>"},
};

/* The checksum is right, the rest is not. */
static void
test_what_was_never_written_so_is_refused(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(never_written) / sizeof(never_written[0]); i++) {
        sign(&buf, never_written[i].text);
        look(buf.data, buf.len);
        if (strstr(health.problem, never_written[i].part) == NULL)
            fail_msg("case %zu: %s: %s", i, health.problem, never_written[i].text);
        assert_none(never_written[i].part);
    }
    /* Their good sisters. */
    sign(&buf, HEAD "0\n");
    assert_int_equal(0, read_bytes(buf.data, buf.len));
    sign(&buf, HEAD "3\n" LINE("01") LINE("0f") LINE("10"));
    assert_int_equal(3, read_bytes(buf.data, buf.len));
    sign(&buf, "signpost-health 1 0 0 86400 a 1\n0000000000000000 dead 0 0 0 0 none -\n");
    assert_int_equal(1, read_bytes(buf.data, buf.len));
    sign(&buf, "signpost-health 1 9223372036854775807 253402300799 1 "
               "1234567890123456789012345678901234567890123456789012345678901234 0\n");
    assert_int_equal(0, read_bytes(buf.data, buf.len));
}

/* Lengths of what people read: the longest, and a byte more. */
static void
test_texts_have_a_limit(void **state)
{
    char text[2000], fill[256];
    int extra, i;

    (void)state;
    memset(fill, 'x', sizeof(fill));
    for (extra = 0; extra < 2; extra++)
        for (i = 0; i < 2; i++) {
            snprintf(text, sizeof(text),
                     HEAD "1\n000000000000000a dead 1 2 3 4 native %.*s%s%.*s\n",
                     i == 0 ? HEALTH_NAME_MAX + extra : 1, fill, i == 0 ? "" : " ",
                     i == 0 ? 0 : HEALTH_REASON_MAX + extra, fill);
            sign(&buf, text);
            assert_int_equal(extra == 0 ? 1 : -1, read_bytes(buf.data, buf.len));
        }
    /* The limit is one of the name, not of its code. */
    snprintf(text, sizeof(text), HEAD "1\n000000000000000a dead 1 2 3 4 native ");
    for (i = 0; i < HEALTH_NAME_MAX; i++)
        strncat(text, "%41", sizeof(text) - strlen(text) - 1);
    strncat(text, "\n", sizeof(text) - strlen(text) - 1);
    sign(&buf, text);
    assert_int_equal(1, read_bytes(buf.data, buf.len));
}

static void
test_what_is_no_file_is_none(void **state)
{
    (void)state;
    assert_none(NULL);
    health_look(&health, tree_path("no such file"));
    assert_none(NULL);
    tree_write("directory/file", "x");
    health_look(&health, tree_path("directory"));
    assert_none("not a file");
    health_look(&health, tree_path("directory/file/health"));
    assert_none("Not a directory");
    look("", 0);
    assert_none("empty");
    assert_int_equal(0, mkfifo(tree_path("fifo"), 0600));
    health_look(&health, tree_path("fifo"));
    assert_none("not a file");
    /* Larger than it may be: not even read. */
    tree_write("large", "signpost-health 1 ");
    assert_int_equal(0, truncate(tree_path("large"), HEALTH_BYTES_MAX + 1));
    health_look(&health, tree_path("large"));
    assert_none("more than 32 MB");
    look_sample();
    tree_remove(HEALTH_FILE);
    health_look(&health, tree_path(HEALTH_FILE));
    assert_none(NULL);
}

static void
test_another_file_is_taken_when_it_is_there(void **state)
{
    const struct health_node *nodes;

    (void)state;
    look_sample();
    nodes = health.nodes;
    health_look(&health, tree_path(HEALTH_FILE));
    assert_ptr_equal(nodes, health.nodes);
    sign(&buf, HEAD "1\n" LINE("0c"));
    look(buf.data, buf.len);
    assert_int_equal(1, health.count);
    assert_null(health_find(&health, 1));
    assert_int_equal(HEALTH_ALIVE, health_find(&health, 12)->state);
    assert_int_equal(1, health_find(&health, 12)->since);
    assert_string_equal("here", health.head.vantage);
    /* In place. */
    sign(&buf, HEAD "1\n" LINE("0d"));
    buf_putc(&buf, '\0');
    tree_write(HEALTH_FILE, buf.data);
    health_look(&health, tree_path(HEALTH_FILE));
    assert_non_null(health_find(&health, 13));
    /* Damaged, and good again. */
    tree_write(HEALTH_FILE, HEAD "1\n" LINE("0d"));
    health_look(&health, tree_path(HEALTH_FILE));
    assert_none("damaged");
    health_look(&health, tree_path(HEALTH_FILE));
    assert_none("damaged");
    look_sample();
}

static void
look_sequence(uint64_t sequence, const char *vantage)
{
    const struct health_head head = head_of(sequence, vantage);

    assert_int_equal(0, health_write(tree_path(HEALTH_FILE), &head, NULL, 0, &error));
    health_look(&health, tree_path(HEALTH_FILE));
}

static void
test_an_older_file_is_none(void **state)
{
    (void)state;
    look_sequence(7, "a");
    assert_true(health.is_there);
    look_sequence(6, "a");
    assert_none("sequence 6 after 7");
    look_sequence(7, "a"); /* the same, copied anew */
    assert_true(health.is_there);
    look_sequence(9, "a");
    assert_true(health.is_there);
    /* Neither a gap nor a damaged file makes it forget. */
    tree_remove(HEALTH_FILE);
    health_look(&health, tree_path(HEALTH_FILE));
    look_sequence(8, "a");
    assert_none("sequence 8 after 9");
    look("damaged", 7);
    look_sequence(8, "a");
    assert_none("sequence 8 after 9");
    /* Another place counts by itself. */
    look_sequence(1, "b");
    assert_true(health.is_there);
    assert_int_equal(1, health.head.sequence);
    look_sequence(0, "b");
    assert_none("sequence 0 after 1");
    /* Who begins anew knows of nothing before. */
    health_close(&health);
    look_sequence(0, "b");
    assert_true(health.is_there);
}

static void
test_files_count_for_a_time(void **state)
{
    static const struct {
        int64_t now;
        bool is_fresh;
    } cases[] = {
        {NOW, true},        {NOW + 300, true},  {NOW + 301, false}, {NOW + 1000000, false},
        {INT64_MAX, false}, {NOW - 120, true},  {NOW - 121, false}, {0, false},
        {-1, false},        {INT64_MIN, false},
    };
    size_t i;

    (void)state;
    assert_false(health_is_fresh(&health, NOW));
    look_sample();
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (health_is_fresh(&health, cases[i].now) != cases[i].is_fresh)
            fail_msg("%" PRId64, cases[i].now);
    /* However old: what it says can be looked at. */
    assert_int_equal(HEALTH_DEAD, health_find(&health, 0xff)->state);
}

static void
test_finds_every_node_of_every_count(void **state)
{
    enum { MOST = 40 };
    struct health_node nodes[MOST];
    struct health some = {.is_there = true, .nodes = nodes};
    uint64_t i;

    (void)state;
    for (some.count = 0; some.count < MOST; some.count++) {
        for (i = 0; i < some.count; i++)
            nodes[i] = (struct health_node){.key = i * i * 3 + 1};
        for (i = 0; i < some.count; i++) {
            assert_ptr_equal(&nodes[i], health_find(&some, i * i * 3 + 1));
            assert_null(health_find(&some, i * i * 3));
            assert_null(health_find(&some, i * i * 3 + 2));
        }
        assert_null(health_find(&some, UINT64_MAX));
    }
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_file(test_no_byte_can_change),
        with_file(test_no_part_is_the_whole),
        with_file(test_what_was_never_written_so_is_refused),
        with_file(test_texts_have_a_limit),
        with_file(test_what_is_no_file_is_none),
        with_file(test_another_file_is_taken_when_it_is_there),
        with_file(test_an_older_file_is_none),
        with_file(test_files_count_for_a_time),
        with_file(test_finds_every_node_of_every_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
