/* snapshot.h: opening, looking up, being replaced; files that are no snapshot. */
#include "unit.h"

#include <fcntl.h>

#include "snapshot_format.h"
#include "snapshots.h"

static void
test_finds_every_record_and_no_other(void **state)
{
    static const int counts[] = {0, 1, 2, DEVICES};
    struct snapshot snapshot;
    const uint8_t *value;
    const char *text;
    size_t len, i;

    (void)state;
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        assert_int_equal(0, write_snapshot(counts[i], 'a'));
        assert_int_equal(0, snapshot_open(&snapshot, path, &error));
        check_devices(&snapshot, counts[i], 'a');
        assert_int_equal(1, snapshot_get_set(&snapshot, 0, 3, &value, &len));
        assert_int_equal(5, len);
        assert_memory_equal("set 0", value, 5);
        assert_int_equal(1, snapshot_get_set(&snapshot, UINT32_MAX, 0, &value, &len));
        assert_int_equal(0, len);
        assert_int_equal(0, snapshot_get_set(&snapshot, 1, 3, &value, &len));
        assert_int_equal(0, snapshot_get_set(&snapshot, 0, 2, &value, &len));
        assert_int_equal(1, snapshot_get_meta(&snapshot, &text, &len));
        assert_int_equal(2, len);
        assert_memory_equal("{}", text, 2);
        assert_int_equal(0, snapshot_get(&snapshot, "s", 1, &value, &len));
        assert_int_equal(0, snapshot_get(&snapshot, "", 0, &value, &len));
        snapshot_close(&snapshot);
        assert_int_equal(1, count_files());
    }
}

static void
test_holds_records_of_any_size(void **state)
{
    static const size_t sizes[] = {0, 1, 503, 504, 505, 4095, 4096, 100000, 1024 * 1024};
    char *bytes = malloc(1024 * 1024);
    struct snapshot_writer writer;
    struct snapshot snapshot;
    const uint8_t *value;
    size_t len, i;

    (void)state;
    assert_non_null(bytes);
    for (i = 0; i < 1024 * 1024; i++)
        bytes[i] = (char)(i * 31 >> 3);
    assert_int_equal(0, snapshot_begin(&writer, path, &error));
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_int_equal(0, snapshot_put_set(&writer, (uint32_t)i, (int)i % 4, bytes, sizes[i]));
    assert_int_equal(0, snapshot_commit(&writer));
    assert_int_equal(0, snapshot_open(&snapshot, path, &error));
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(1, snapshot_get_set(&snapshot, (uint32_t)i, (int)i % 4, &value, &len));
        assert_int_equal(sizes[i], len);
        if (len > 0)
            assert_memory_equal(bytes, value, len);
    }
    snapshot_close(&snapshot);
    free(bytes);
}

static void
test_stays_on_its_file_when_that_is_replaced(void **state)
{
    struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    struct snapshot old, fresh, never;

    (void)state;
    snapshot_init(&never);
    assert_int_equal(0, write_snapshot(DEVICES, 'a'));
    assert_true(snapshot_is_stale(&never, path));
    assert_int_equal(0, snapshot_open(&old, path, &error));
    assert_false(snapshot_is_stale(&old, path));
    /* The same content is another file all the same. */
    assert_int_equal(0, write_snapshot(DEVICES, 'a'));
    assert_true(snapshot_is_stale(&old, path));
    assert_int_equal(0, write_snapshot(2 * DEVICES, 'b'));
    assert_true(snapshot_is_stale(&old, path));
    check_devices(&old, DEVICES, 'a');
    assert_int_equal(0, snapshot_open(&fresh, path, &error));
    assert_false(snapshot_is_stale(&fresh, path));
    check_devices(&fresh, 2 * DEVICES, 'b');
    assert_int_equal(0, utimensat(AT_FDCWD, path, times, 0));
    assert_true(snapshot_is_stale(&fresh, path));
    unlink(path);
    assert_true(snapshot_is_stale(&fresh, path));
    assert_true(snapshot_is_stale(&old, path));
    check_devices(&old, DEVICES, 'a');
    check_devices(&fresh, 2 * DEVICES, 'b');
    snapshot_close(&old);
    snapshot_close(&fresh);
    snapshot_close(&fresh);
    assert_true(snapshot_is_stale(&fresh, path));
    snapshot_close(&never);
}

/* Nothing can be opened at the path; the struct works on. */
static void
check_refused(void)
{
    struct snapshot snapshot;
    struct snapshot_device device;
    struct uuid uuid = uuid_of(0);
    char good[240];

    error.text[0] = '\0';
    assert_int_equal(-1, snapshot_open(&snapshot, path, &error));
    assert_non_null(strstr(error.text, path));
    assert_true(strlen(error.text) > strlen(path) + 2);
    assert_int_equal(-1, snapshot_get_device(&snapshot, &uuid, &device));
    assert_true(snapshot_is_stale(&snapshot, path));
    snapshot_close(&snapshot);
    snprintf(good, sizeof(good), "%s/good", directory);
    if (access(good, F_OK) == 0) {
        assert_int_equal(0, snapshot_open(&snapshot, good, &error));
        check_devices(&snapshot, 1, 'a');
        snapshot_close(&snapshot);
    }
}

static void
write_file(const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(len, write(fd, bytes, len));
    close(fd);
}

static void
test_refuses_what_is_no_snapshot(void **state)
{
    static uint8_t noise[3 * (TOC_SIZE + FOOTER_SIZE)];
    static const size_t sizes[] = {
        0, 1, 2047, 2048, TOC_SIZE + FOOTER_SIZE - 1, TOC_SIZE + FOOTER_SIZE, sizeof(noise)};
    uint32_t seed = 3;
    char good[240];
    size_t i;
    int round;

    (void)state;
    assert_int_equal(0, write_snapshot(1, 'a'));
    snprintf(good, sizeof(good), "%s/good", directory);
    assert_int_equal(0, rename(path, good));
    check_refused(); /* not there */
    for (round = 0; round < 3; round++) {
        for (i = 0; i < sizeof(noise); i++)
            noise[i] = round == 0 ? 0 : round == 1 ? 0xff : (uint8_t)sample_random(&seed);
        for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            write_file(noise, sizes[i]);
            check_refused();
        }
    }
    unlink(path);
    assert_int_equal(0, mkdir(path, 0700));
    check_refused();
    rmdir(path);
    assert_int_equal(0, mkfifo(path, 0600));
    check_refused(); /* at once: nobody will ever write into it */
    unlink(path);
    assert_int_equal(0, symlink("/nowhere", path));
    check_refused();
    unlink(path);
    assert_int_equal(0, symlink("/dev/zero", path));
    check_refused();
    unlink(path);
    unlink(good);
}

static void
test_refuses_what_it_may_not_read(void **state)
{
    (void)state;
    assert_int_equal(0, write_snapshot(1, 'a'));
    if (geteuid() == 0 && seteuid(65534) != 0)
        skip();
    check_refused(); /* the directory is ours alone, or root's */
    if (getuid() == 0)
        assert_int_equal(0, seteuid(0));
    assert_int_equal(0, chmod(directory, 0755));
    assert_int_equal(0, chmod(path, 0));
    if (getuid() == 0)
        assert_int_equal(0, seteuid(65534));
    check_refused();
    if (getuid() == 0)
        assert_int_equal(0, seteuid(0));
}

/* The same file, of another format number; its checksum is right. */
static void
test_names_another_format(void **state)
{
    static uint8_t bytes[64 * 1024];
    uint8_t *footer;
    ssize_t len;
    int fd;

    (void)state;
    assert_int_equal(0, write_snapshot(1, 'a'));
    fd = open(path, O_RDONLY);
    len = read(fd, bytes, sizeof(bytes));
    close(fd);
    assert_true(len > FOOTER_SIZE && len < (ssize_t)sizeof(bytes));
    footer = bytes + len - FOOTER_SIZE;
    put_u32(footer + FOOTER_FORMAT, 78);
    put_u64(footer + FOOTER_CHECKSUM, checksum(footer, FOOTER_CHECKSUM));
    write_file(bytes, (size_t)len);
    check_refused();
    assert_non_null(strstr(error.text, "78"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_finds_every_record_and_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holds_records_of_any_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stays_on_its_file_when_that_is_replaced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_refuses_what_is_no_snapshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_what_it_may_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_another_format, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
