/*
 * What the tests of snapshots share: a directory of their own for each test, a snapshot of numbered
 * devices, and the look at it.
 */
#ifndef SIGNPOST_SNAPSHOTS_H
#define SIGNPOST_SNAPSHOTS_H

#include <dirent.h>
#include <sys/stat.h>

#include "sample.h"

enum { DEVICES = 300 };

static char directory[200], path[220], temporary[230];
static struct error error;

static inline int
setup(void **state)
{
    (void)state;
    sample_directory(directory, sizeof(directory));
    snprintf(path, sizeof(path), "%s/s.cdb", directory);
    snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    error.text[0] = '\0';
    return 0;
}

static inline int
teardown(void **state)
{
    (void)state;
    unlink(path);
    rmdir(path);
    unlink(temporary);
    return rmdir(directory);
}

/* How many files lie in the directory. */
static inline int
count_files(void)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    int count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static inline struct uuid
uuid_of(uint32_t number)
{
    struct uuid uuid;
    uint32_t seed = number * 2654435761U + 1;
    int i;

    for (i = 0; i < 16; i++)
        uuid.bytes[i] = (uint8_t)sample_random(&seed);
    return uuid;
}

/* Writes the devices 0, 1, … with a mark in their names, one set and facts. */
static inline int
write_snapshot(int devices, char mark)
{
    struct snapshot_writer writer;
    char name[256];
    int i;

    if (snapshot_begin(&writer, path, &error) != 0)
        return -1;
    for (i = 0; i < devices; i++) {
        struct uuid uuid = uuid_of((uint32_t)i);
        struct snapshot_device device = {.set = (uint32_t)i,
                                         .expires = INT64_MAX - i,
                                         .user_id = 7 * i,
                                         .traffic_limit = UINT64_MAX - (uint64_t)i,
                                         .user = "user",
                                         .user_len = (size_t)i % 5};

        memset(name, mark, sizeof(name));
        device.name = name;
        device.name_len = 1 + (size_t)i % 255;
        if (snapshot_put_device(&writer, &uuid, &device) != 0) {
            snapshot_abort(&writer);
            return -1;
        }
    }
    if (snapshot_put_set(&writer, 0, 3, "set 0", 5) != 0 ||
        snapshot_put_set(&writer, UINT32_MAX, 0, "", 0) != 0 ||
        snapshot_put_meta(&writer, "{}", 2) != 0) {
        snapshot_abort(&writer);
        return -1;
    }
    return snapshot_commit(&writer);
}

static inline void
check_devices(struct snapshot *snapshot, int devices, char mark)
{
    struct snapshot_device device;
    struct uuid uuid;
    int i;

    for (i = 0; i < devices; i++) {
        uuid = uuid_of((uint32_t)i);
        assert_int_equal(1, snapshot_get_device(snapshot, &uuid, &device));
        assert_int_equal(i, device.set);
        assert_true(device.expires == INT64_MAX - i);
        assert_int_equal(7 * i, device.user_id);
        assert_true(device.traffic_limit == UINT64_MAX - (uint64_t)i);
        assert_int_equal(i % 5, device.user_len);
        assert_memory_equal("user", device.user, device.user_len);
        assert_int_equal(1 + i % 255, device.name_len);
        assert_int_equal(mark, device.name[0]);
        assert_int_equal(mark, device.name[device.name_len - 1]);
    }
    for (i = devices; i < devices + 1000; i++) {
        uuid = uuid_of((uint32_t)i);
        assert_int_equal(0, snapshot_get_device(snapshot, &uuid, &device));
    }
}

#endif
