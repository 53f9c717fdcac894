/* Whole snapshots: snapshot_next and snapshot_verify of snapshot.h, compile_is_current. */
#include "unit.h"

#include <fcntl.h>

#include "snapshot_format.h"
#include "snapshots.h"

enum { FEW = 5, FILE_MAX = 64 * 1024 };

static uint8_t bytes[FILE_MAX];
static size_t size;

static void
read_snapshot(void)
{
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    size = (size_t)read(fd, bytes, sizeof(bytes));
    close(fd);
    assert_true(size > 0 && size < sizeof(bytes));
}

/* The record at the position must be this one. */
static void
assert_next(const struct snapshot *snapshot, uint32_t *position, const void *key, size_t key_len,
            const char *value, size_t value_len)
{
    size_t next_key_len, next_len;
    const uint8_t *next_key, *next;

    assert_int_equal(1,
                     snapshot_next(snapshot, position, &next_key, &next_key_len, &next, &next_len));
    assert_int_equal(key_len, next_key_len);
    assert_memory_equal(key, next_key, key_len);
    if (value == NULL)
        return;
    assert_int_equal(value_len, next_len);
    if (value_len > 0)
        assert_memory_equal(value, next, value_len);
}

static void
test_walks_over_all_records_in_order(void **state)
{
    static const int counts[] = {0, 1, FEW, DEVICES};
    static const uint8_t last_set[] = {'s', 0xff, 0xff, 0xff, 0xff, 0};
    size_t key_len, len, i;
    const uint8_t *key, *value;
    struct snapshot snapshot;
    uint32_t position, n;
    struct uuid uuid;

    (void)state;
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        assert_int_equal(0, write_snapshot(counts[i], 'a'));
        assert_int_equal(0, snapshot_open(&snapshot, path, &error));
        position = 0;
        for (n = 0; n < (uint32_t)counts[i]; n++) {
            uuid = uuid_of(n);
            assert_next(&snapshot, &position, &uuid, sizeof(uuid), NULL, 0);
        }
        assert_next(&snapshot, &position, "s\0\0\0\0\3", 6, "set 0", 5);
        assert_next(&snapshot, &position, last_set, 6, "", 0);
        assert_next(&snapshot, &position, "m", 1, "{}", 2);
        for (n = 0; n < 3; n++)
            assert_int_equal(0, snapshot_next(&snapshot, &position, &key, &key_len, &value, &len));
        assert_int_equal(0, snapshot_verify(&snapshot));
        snapshot_close(&snapshot);
    }
}

/* What the walk gives of a device can be decoded. */
static void
test_walks_over_devices_as_they_were_put(void **state)
{
    struct snapshot_device device;
    struct snapshot snapshot;
    const uint8_t *key, *value;
    uint32_t position = 0, n;
    size_t key_len, len;

    (void)state;
    assert_int_equal(0, write_snapshot(FEW, 'a'));
    assert_int_equal(0, snapshot_open(&snapshot, path, &error));
    for (n = 0; n < FEW; n++) {
        assert_int_equal(1, snapshot_next(&snapshot, &position, &key, &key_len, &value, &len));
        assert_int_equal(0, snapshot_read_device(value, len, &device));
        assert_int_equal(n, device.set);
        assert_int_equal(n + 1, device.name_len);
        assert_true(device.expires == INT64_MAX - (int64_t)n);
    }
    assert_int_equal(-1, snapshot_read_device(value, DEVICE_HEAD, &device));
    assert_int_equal(-1, snapshot_read_device(value, 0, &device));
    snapshot_close(&snapshot);
}

/* Whether the file can be opened and all of it is sound. */
static bool
is_sound(void)
{
    struct snapshot snapshot;
    bool sound;

    if (snapshot_open(&snapshot, path, &error) != 0)
        return false;
    sound = snapshot_verify(&snapshot) == 0;
    snapshot_close(&snapshot);
    return sound;
}

static void
test_verify_finds_a_wrong_byte_anywhere(void **state)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    size_t at, i;
    uint8_t byte;
    int fd;

    (void)state;
    assert_int_equal(0, write_snapshot(FEW, 'a'));
    read_snapshot();
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    for (at = 0; at < size; at++) {
        for (i = 0; i < sizeof(masks); i++) {
            byte = bytes[at] ^ masks[i];
            assert_int_equal(1, pwrite(fd, &byte, 1, (off_t)at));
            if (is_sound())
                fail_msg("byte %zu of %zu is not missed", at, size);
        }
        assert_int_equal(1, pwrite(fd, &bytes[at], 1, (off_t)at));
    }
    close(fd);
    assert_true(is_sound());
}

/* Tables that were found to be sound are read again: the file may have decayed meanwhile. */
static void
test_verify_looks_again_at_what_was_checked(void **state)
{
    struct snapshot snapshot;
    uint8_t byte;
    int fd;

    (void)state;
    assert_int_equal(0, write_snapshot(DEVICES, 'a'));
    read_snapshot();
    assert_int_equal(0, snapshot_open(&snapshot, path, &error));
    check_devices(&snapshot, DEVICES, 'a');
    assert_int_equal(0, snapshot_verify(&snapshot));
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    byte = bytes[size - FOOTER_SIZE - 1] ^ 1; /* of the last table */
    assert_int_equal(1, pwrite(fd, &byte, 1, (off_t)(size - FOOTER_SIZE - 1)));
    assert_int_equal(-1, snapshot_verify(&snapshot));
    assert_int_equal(
        1, pwrite(fd, &bytes[size - FOOTER_SIZE - 1], 1, (off_t)(size - FOOTER_SIZE - 1)));
    assert_int_equal(0, snapshot_verify(&snapshot));
    close(fd);
    snapshot_close(&snapshot);
}

static void
compile(const char *version, const struct policy_options *options)
{
    struct compile_result result;
    struct registry registry;

    sample_registry(&registry, FILES({KIND_USER, "8.json", ACTIVE "}"}));
    snprintf(registry.version, VERSION_MAX, "%s", version);
    assert_int_equal(0, compile_snapshot(&registry, options, path, NULL, &result, &error));
    registry_release(&registry);
}

static bool
is_current(const char *version, const struct policy_options *options)
{
    bool deep = compile_is_current(path, version, options, true);

    assert_int_equal(deep, compile_is_current(path, version, options, false));
    return deep;
}

static void
test_is_current_for_its_version_and_settings_only(void **state)
{
    static const struct policy_options others[] = {
        {.core = NULL},
        {.core = CORE},
        {.core = CORE_2},
        {.all_domains = true},
        {.by_name = true},
        {.max_links = 1},
        {.max_links = 10},
        {.remark = "{device}"},
        {.remark = "{name}"},
        {.core = CORE, .all_domains = true, .by_name = true, .max_links = 1, .remark = "{name}"},
    };
    struct policy_options copy;
    char core[20], remark[20];
    size_t i, n, count = sizeof(others) / sizeof(others[0]);

    (void)state;
    for (i = 0; i < count; i++) {
        compile("files-1", &others[i]);
        for (n = 0; n < count; n++)
            if (is_current("files-1", &others[n]) != (n == i))
                fail_msg("options %zu and %zu", i, n);
        assert_false(is_current("files-2", &others[i]));
        assert_false(is_current("files-", &others[i]));
        assert_false(is_current("files-11", &others[i]));
        assert_false(is_current("", &others[i]));
    }
    /* What counts is the words, not where they lie. */
    copy = others[count - 1];
    snprintf(core, sizeof(core), "%s", copy.core);
    snprintf(remark, sizeof(remark), "%s", copy.remark);
    copy.core = core;
    copy.remark = remark;
    assert_true(is_current("files-1", &copy));
}

static void
test_is_not_current_where_it_is_damaged(void **state)
{
    static const struct policy_options options = {.core = NULL};
    uint8_t byte;
    int fd;

    (void)state;
    assert_false(is_current("1", &options));
    /* Snapshots of another making have no facts, or other ones. */
    assert_int_equal(0, write_snapshot(1, 'a'));
    assert_false(is_current("1", &options));
    compile("1", &options);
    assert_true(is_current("1", &options));
    read_snapshot();
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    byte = bytes[TOC_SIZE + RECORD_HEAD] ^ 1; /* of the first device */
    assert_int_equal(1, pwrite(fd, &byte, 1, TOC_SIZE + RECORD_HEAD));
    assert_true(compile_is_current(path, "1", &options, false));
    assert_false(compile_is_current(path, "1", &options, true));
    assert_int_equal(1, pwrite(fd, &bytes[TOC_SIZE + RECORD_HEAD], 1, TOC_SIZE + RECORD_HEAD));
    assert_true(is_current("1", &options));
    assert_int_equal(0, ftruncate(fd, (off_t)size - 1));
    assert_false(is_current("1", &options));
    close(fd);
}

#define with_path(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_path(test_walks_over_all_records_in_order),
        with_path(test_walks_over_devices_as_they_were_put),
        with_path(test_verify_finds_a_wrong_byte_anywhere),
        with_path(test_verify_looks_again_at_what_was_checked),
        with_path(test_is_current_for_its_version_and_settings_only),
        with_path(test_is_not_current_where_it_is_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
