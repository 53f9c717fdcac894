/* registry_merge's max_shrink: what vanishes or turns unreadable at once is a mishap, no order. */
#include "unit.h"

#include "merging.h"

#define GOOD    ACTIVE ", \"user_id\": 7}"
#define BLOCKED "{\"status\": \"blocked\", \"user_id\": 7}"

enum { LIST_MAX = 400, TOLD_MAX = 20 };

static struct sample_file list[LIST_MAX + 1];
static char names[LIST_MAX][60];
static size_t listed;

/* Begins a new list. */
static void
list_new(void)
{
    listed = 0;
    list[0] = (struct sample_file){KIND_USER, NULL, NULL};
}

/* Adds the records first to last of a kind to the list, all with the same text (NULL: gone). */
static void
list_more(enum kind kind, int first, int last, const char *text)
{
    int i;

    for (i = first; i <= last; i++) {
        assert_true(listed < LIST_MAX);
        if (kind == KIND_DEVICE)
            snprintf(names[listed], sizeof(names[listed]), "%08d-0000-4000-8000-000000000001.json",
                     i);
        else
            snprintf(names[listed], sizeof(names[listed]), "%d.json", i);
        list[listed] = (struct sample_file){kind, names[listed], text};
        listed++;
    }
    list[listed] = (struct sample_file){KIND_USER, NULL, NULL};
}

/* A list of users only. */
static const struct sample_file *
users(int first, int last, const char *text)
{
    list_new();
    list_more(KIND_USER, first, last, text);
    return list;
}

static void
start_with_users(int count)
{
    tear_down(NULL);
    set_up(NULL);
    pass_well(true, users(1, count, GOOD));
}

/* A pass that must be refused, with these words; what is known stays as it was. */
static void
refuse(bool is_whole, const struct sample_file *files, const char *words)
{
    size_t counts[KINDS];
    enum kind kind;

    for (kind = 0; kind < KINDS; kind++)
        counts[kind] = known.kinds[kind].count;
    merge.is_whole = is_whole;
    assert_int_equal(-1, pass(files));
    if (strstr(error.text, words) == NULL)
        fail_msg("no '%s' in: %s", words, error.text);
    for (kind = 0; kind < KINDS; kind++)
        assert_int_equal(counts[kind], known.kinds[kind].count);
    assert_true(findings.report.counts[FINDING_ERROR] > 0);
}

static void
test_exactly_the_limit_may_go(void **state)
{
    static const struct {
        unsigned limit;
        int count, most;
    } cases[] = {{50, 40, 20}, {25, 40, 10},   {33, 100, 33}, {1, 200, 9},
                 {0, 20, 9},   {99, 200, 198}, {50, 21, 10}};
    char words[60];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int count = cases[i].count, most = cases[i].most;

        start_with_users(count);
        merge.max_shrink = cases[i].limit;
        snprintf(words, sizeof(words), "%d of %d active records in users/", most + 1, count);
        refuse(true, users(most + 2, count, GOOD), words);
        refuse(false, users(1, most + 1, NULL), words);
        refuse(false, users(1, most + 1, UNREADABLE), words);
        pass_well(i % 2 == 0,
                  i % 2 == 0 ? users(most + 1, count, GOOD) : users(1, most, UNREADABLE));
    }
}

static void
test_fewer_than_ten_may_always_go(void **state)
{
    (void)state;
    assert_int_equal(10, SHRINK_LEAST);
    start_with_users(9);
    merge.max_shrink = 0;
    pass_well(true, users(1, 0, NULL));
    assert_null(registry_at(&known, KIND_USER, 0));
    start_with_users(10);
    merge.max_shrink = 99;
    refuse(true, users(1, 0, NULL), "10 of 10");
    pass_well(true, users(1, 1, GOOD));
}

/* Vanished and unreadable count together. */
static void
test_both_sorts_of_loss_are_one_sum(void **state)
{
    (void)state;
    start_with_users(40);
    list_new();
    list_more(KIND_USER, 1, 10, UNREADABLE);
    list_more(KIND_USER, 21, 40, GOOD);
    pass_well(true, list);
    start_with_users(40);
    list_new();
    list_more(KIND_USER, 1, 11, UNREADABLE);
    list_more(KIND_USER, 12, 21, NULL);
    refuse(false, list, "21 of 40");
}

static void
test_each_kind_counts_for_itself(void **state)
{
    (void)state;
    list_new();
    list_more(KIND_USER, 1, 100, GOOD);
    list_more(KIND_DEVICE, 1, 12, GOOD);
    pass_well(true, list);
    refuse(true, users(1, 100, GOOD), "12 of 12 active records in devices/");
    /* Of two kinds nothing is merged when the second is refused. */
    list_new();
    list_more(KIND_USER, 1, 100, BLOCKED);
    list_more(KIND_DEVICE, 1, 12, UNREADABLE);
    refuse(false, list, "12 of 12 active records in devices/");
    assert_int_equal(STATUS_ACTIVE, registry_user(&known, 1)->record.status);
    /* Nine of each are too few of any. */
    merge.max_shrink = 0;
    list_new();
    list_more(KIND_USER, 1, 91, GOOD);
    list_more(KIND_DEVICE, 1, 3, GOOD);
    pass_well(true, list);
}

static void
test_only_active_records_count(void **state)
{
    (void)state;
    list_new();
    list_more(KIND_USER, 1, 100, BLOCKED);
    list_more(KIND_USER, 101, 120, GOOD);
    pass_well(true, list);
    /* Neither as what is lost nor as what there is. */
    list_new();
    list_more(KIND_USER, 1, 100, BLOCKED);
    list_more(KIND_USER, 112, 120, GOOD);
    refuse(true, list, "11 of 20");
    merge.max_shrink = 0;
    pass_well(true, users(101, 120, GOOD));
    pass_well(false, users(1, 1, BLOCKED));
}

/* What is kept back has been accepted; it is not in the way of the next pass. */
static void
test_what_is_kept_already_does_not_count_again(void **state)
{
    (void)state;
    start_with_users(40);
    users(1, 19, UNREADABLE);
    list_more(KIND_USER, 20, 40, GOOD);
    pass_well(true, list);
    users(1, 39, UNREADABLE);
    list_more(KIND_USER, 40, 40, GOOD);
    pass_well(true, list);
    pass_well(false, users(1, 40, "[]"));
    pass_well(true, users(1, 40, UNREADABLE));
    assert_int_equal(STATUS_ACTIVE, registry_user(&known, 40)->record.status);
    /* That they vanish is another thing. */
    refuse(true, users(22, 40, UNREADABLE), "21 of 40");
    /* What has been repaired counts as any. */
    pass_well(true, users(1, 40, GOOD));
    refuse(true, users(1, 40, UNREADABLE), "40 of 40");
}

static void
test_a_hundred_percent_is_off(void **state)
{
    (void)state;
    start_with_users(300);
    merge.max_shrink = 100;
    pass_well(false, users(1, 300, UNREADABLE));
    assert_non_null(registry_user(&known, 300));
    pass_well(true, users(1, 0, NULL));
    assert_null(registry_at(&known, KIND_USER, 0));
}

static void
test_each_lost_record_is_told(void **state)
{
    size_t i;

    (void)state;
    start_with_users(100);
    list_new();
    list_more(KIND_USER, 1, 1, NULL);
    list_more(KIND_USER, 2, 2, UNREADABLE);
    list_more(KIND_USER, 3, 52, BLOCKED);
    list_more(KIND_USER, 53, 100, UNREADABLE);
    merge.max_shrink = 10;
    refuse(false, list, "--force");
    assert_non_null(strstr(error.text, "50 of 100"));
    assert_non_null(strstr(error.text, "max_shrink: 10"));
    assert_int_equal(TOLD_MAX, findings.count);
    assert_string_equal("users/1.json", findings.items[0].path);
    assert_non_null(strstr(findings.items[0].text, "has vanished"));
    assert_string_equal("users/2.json", findings.items[1].path);
    assert_string_equal("users/53.json", findings.items[2].path);
    for (i = 1; i < TOLD_MAX; i++) {
        assert_int_equal(FINDING_ERROR, findings.items[i].level);
        assert_non_null(strstr(findings.items[i].text, "has turned unreadable"));
        assert_string_not_equal(findings.items[i - 1].path, findings.items[i].path);
    }
    start_with_users(11);
    refuse(true, users(1, 0, NULL), "11 of 11");
    assert_int_equal(11, findings.count);
}

/* A second file for each, as when all are converted and the old ones forgotten. */
static void
test_second_files_are_losses(void **state)
{
    static char second[20][20];
    int i;

    (void)state;
    start_with_users(20);
    users(1, 20, GOOD);
    for (i = 0; i < 20; i++) {
        snprintf(second[i], sizeof(second[i]), "%d.yaml", i + 1);
        list[20 + i] = (struct sample_file){KIND_USER, second[i], GOOD};
    }
    list[40] = (struct sample_file){KIND_USER, NULL, NULL};
    refuse(true, list, "20 of 20");
}

/* An order, however large: only a mishap is refused. */
static void
test_any_readable_status_is_obeyed(void **state)
{
    static const char *const texts[] = {BLOCKED, "{\"status\": \"archived\", \"core_nodes\": 7}",
                                        "{\"status\": \"actve\"}", "{\"user_id\": 7}"};
    static const enum status statuses[] = {STATUS_BLOCKED, STATUS_ARCHIVED, STATUS_WRONG,
                                           STATUS_WRONG};
    const struct record *record;
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        start_with_users(100);
        merge.max_shrink = 0;
        pass_well(i % 2 == 0, users(1, 100, texts[i]));
        for (n = 0; (record = registry_at(&known, KIND_USER, n)) != NULL; n++)
            assert_int_equal(statuses[i], record->status);
        assert_int_equal(100, n);
        pass_well(true, users(1, 0, NULL));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        over_passes(test_exactly_the_limit_may_go),
        over_passes(test_fewer_than_ten_may_always_go),
        over_passes(test_both_sorts_of_loss_are_one_sum),
        over_passes(test_each_kind_counts_for_itself),
        over_passes(test_only_active_records_count),
        over_passes(test_what_is_kept_already_does_not_count_again),
        over_passes(test_a_hundred_percent_is_off),
        over_passes(test_each_lost_record_is_told),
        over_passes(test_second_files_are_losses),
        over_passes(test_any_readable_status_is_obeyed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
