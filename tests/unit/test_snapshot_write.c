/* snapshot.h: writing, where it can fail. The old file stays, and nothing beside it. */
#include "unit.h"

#include "snapshots.h"

/* A failed write leaves the old file as it was, and nothing beside it. */
static void
check_write_fails(int files)
{
    struct snapshot snapshot;

    error.text[0] = '\0';
    assert_int_equal(-1, write_snapshot(20, 'b'));
    assert_true(error.text[0] != '\0');
    assert_int_equal(files, count_files());
    if (files == 0)
        return;
    assert_int_equal(0, snapshot_open(&snapshot, path, &error));
    check_devices(&snapshot, 5, 'a');
    snapshot_close(&snapshot);
}

static void
test_keeps_the_old_file_when_the_disk_is_full(void **state)
{
    struct stat st;
    off_t size;

    (void)state;
    assert_int_equal(0, write_snapshot(20, 'b'));
    assert_int_equal(0, stat(path, &st));
    assert_int_equal(0, write_snapshot(5, 'a'));
    for (size = 0; size < st.st_size; size = size % 512 == 0 ? size + 511 : size + 1) {
        sample_limit_files((rlim_t)size);
        check_write_fails(1);
    }
    sample_limit_files((rlim_t)st.st_size - 1);
    check_write_fails(1);
    sample_limit_files((rlim_t)st.st_size);
    assert_int_equal(0, write_snapshot(20, 'b'));
    sample_limit_files(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
}

/* A record that cannot be written is an error at once or soon, not only at the end. */
static void
test_tells_a_full_disk_while_it_writes(void **state)
{
    struct snapshot_device device = {.expires = 1, .name = "phone", .name_len = 5};
    struct snapshot_writer writer;
    struct uuid uuid;
    uint32_t i;
    int rc = 0;

    (void)state;
    assert_int_equal(0, write_snapshot(5, 'a'));
    assert_int_equal(0, snapshot_begin(&writer, path, &error));
    sample_limit_files(8192);
    for (i = 0; i < 10000 && rc == 0; i++) {
        uuid = uuid_of(i);
        rc = snapshot_put_device(&writer, &uuid, &device);
    }
    sample_limit_files(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(-1, rc);
    assert_true(i < 1000);
    assert_true(error.text[0] != '\0');
    snapshot_abort(&writer);
    assert_int_equal(1, count_files());
}

/* Success and failure both mean what they say: the new file is in place, or the old one is. */
static void
test_agrees_with_what_is_in_place(void **state)
{
    struct snapshot snapshot;
    int rc;

    (void)state;
    assert_int_equal(0, write_snapshot(5, 'a'));
    /* A directory that may be written and not read cannot be synced. */
    if (geteuid() != 0 || chown(directory, 65534, (gid_t)-1) != 0 || chmod(directory, 0300) != 0 ||
        seteuid(65534) != 0)
        skip();
    rc = write_snapshot(6, 'b');
    assert_int_equal(0, seteuid(0));
    assert_int_equal(0, snapshot_open(&snapshot, path, &error));
    if (rc == 0)
        check_devices(&snapshot, 6, 'b');
    else
        check_devices(&snapshot, 5, 'a');
    snapshot_close(&snapshot);
}

static void
test_fails_cleanly_where_it_cannot_write(void **state)
{
    char nowhere[230];

    (void)state;
    snprintf(nowhere, sizeof(nowhere), "%s/none/s.cdb", directory);
    memcpy(path, nowhere, sizeof(path));
    check_write_fails(0);
    snprintf(path, sizeof(path), "%s/s.cdb", directory);
    /* The path is a directory: nothing can be moved over it. */
    assert_int_equal(0, mkdir(path, 0700));
    error.text[0] = '\0';
    assert_int_equal(-1, write_snapshot(1, 'a'));
    assert_true(error.text[0] != '\0');
    assert_int_equal(1, count_files());
    rmdir(path);
    /* So is the temporary name. */
    assert_int_equal(0, write_snapshot(5, 'a'));
    assert_int_equal(0, mkdir(temporary, 0700));
    check_write_fails(2);
    rmdir(temporary);
    /* Whatever lies there from a crash is overwritten, never written through. */
    assert_int_equal(0, symlink("/dev/null", temporary));
    assert_int_equal(0, write_snapshot(5, 'b'));
    assert_int_equal(1, count_files());
}

static void
test_is_readable_for_the_group_whatever_the_umask(void **state)
{
    static const mode_t masks[] = {0, 022, 077, 0777};
    mode_t was = umask(0);
    struct stat st;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        umask(masks[i]);
        assert_int_equal(0, write_snapshot(1, 'a'));
        assert_int_equal(0, stat(path, &st));
        assert_int_equal(0640, st.st_mode & 07777);
    }
    umask(was);
}

static void
test_refuses_names_that_are_empty_or_too_long(void **state)
{
    static const size_t lengths[] = {0, 256, SIZE_MAX};
    struct snapshot_device device = {.name = "", .expires = 1};
    struct snapshot_writer writer;
    struct uuid uuid = uuid_of(1);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(0, snapshot_begin(&writer, path, &error));
        device.name_len = lengths[i];
        assert_int_equal(-1, snapshot_put_device(&writer, &uuid, &device));
        snapshot_abort(&writer);
        assert_int_equal(0, count_files());
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keeps_the_old_file_when_the_disk_is_full, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_tells_a_full_disk_while_it_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_agrees_with_what_is_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fails_cleanly_where_it_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_is_readable_for_the_group_whatever_the_umask, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_refuses_names_that_are_empty_or_too_long, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
