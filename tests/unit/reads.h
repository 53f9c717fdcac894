/*
 * Readings of a directory of plain files, where the clock is the test's own: an hour ahead of the
 * files, so that none of them is fresh, unless the test sets it. Sleeping moves that clock and
 * takes no time, and a test may do something while the reader sleeps or looks at a file. For this,
 * three functions of libc are replaced in the test's program.
 */
#ifndef SIGNPOST_UNIT_READS_H
#define SIGNPOST_UNIT_READS_H

#include <errno.h>
#include <time.h>

#include "findings.h"
#include "origin.h"
#include "tree.h"

enum { SECOND = 1000000000 };

static int64_t clock_ns;
static int sleeps;
static void (*while_asleep)(void);

/* Something that happens when a name is looked at for the nth time, in whichever thread. */
static struct {
    const char *name;
    _Atomic int countdown;
    void (*act)(void);
} on_look;

int
clock_gettime(clockid_t id, struct timespec *now)
{
    (void)id;
    now->tv_sec = clock_ns / SECOND;
    now->tv_nsec = clock_ns % SECOND;
    return 0;
}

int
nanosleep(const struct timespec *time, struct timespec *rest)
{
    (void)rest;
    sleeps++;
    clock_ns += (int64_t)time->tv_sec * SECOND + time->tv_nsec;
    if (while_asleep != NULL)
        while_asleep();
    return 0;
}

int
fstatat(int directory, const char *restrict name, struct stat *restrict st, int flags)
{
    int no_follow = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0, was = errno, fd, rc;

    if (on_look.countdown > 0 && strcmp(on_look.name, name) == 0 && --on_look.countdown == 0)
        on_look.act();
    errno = was;
    fd = openat(directory, name, O_PATH | O_CLOEXEC | no_follow);
    if (fd < 0)
        return -1;
    rc = fstat(fd, st);
    close(fd);
    return rc;
}

/* Sets the clock to so much after the last change of a file or directory. */
static inline void
set_clock_after(const char *name, int64_t ms)
{
    struct stat st;

    assert_int_equal(0, lstat(tree_path(name), &st));
    clock_ns = (int64_t)st.st_ctim.tv_sec * SECOND + st.st_ctim.tv_nsec + ms * 1000000;
}

static struct registry known, fresh;
static struct origin origin;
static struct error error;
static bool is_whole;

static inline int
reads_set_up(void **state)
{
    registry_init(&known);
    registry_init(&fresh);
    memset(&on_look, 0, sizeof(on_look));
    while_asleep = NULL;
    sleeps = 0;
    if (tree_set_up(state) != 0)
        return -1;
    set_clock_after("", 3600 * 1000);
    return origin_open(&origin, tree_top, ORIGIN_FILES, &error);
}

static inline int
reads_tear_down(void **state)
{
    registry_release(&known);
    registry_release(&fresh);
    return tree_tear_down(state);
}

/* Reads into fresh what is new since the last merge_read. */
static inline int
read_changes(void)
{
    registry_release(&fresh);
    error.text[0] = '\0';
    return origin_read(&origin, "", &known, &fresh, &is_whole, &error);
}

/* Reads all into fresh, which must go well. */
static inline void
read_whole(void)
{
    registry_release(&fresh);
    if (origin_read(&origin, "", NULL, &fresh, &is_whole, &error) != 0)
        fail_msg("%s", error.text);
    assert_true(is_whole);
}

/* Reads what is new and makes all that is known of it. */
static inline void
merge_read(void)
{
    struct merge merge = {.now = 1, .max_shrink = 100};

    if (read_changes() != 0 ||
        (merge.is_whole = is_whole, registry_merge(&fresh, &known, &merge, NULL, &error)) != 0)
        fail_msg("%s", error.text);
    known = fresh;
    registry_init(&fresh);
    origin_version(&origin, "", &known);
}

/* How many records a reading gave. */
static inline size_t
count_records(const struct registry *registry)
{
    size_t count = 0;
    enum kind kind;

    for (kind = 0; kind < KINDS; kind++)
        count += registry->kinds[kind].count;
    return count;
}

/* What is known now is what a reading of everything gives, and has the same version. */
static inline void
assert_known_is_all(void)
{
    enum kind kind;
    size_t i;

    read_whole();
    origin_version(&origin, "", &fresh);
    assert_string_equal(fresh.version, known.version);
    for (kind = 0; kind < KINDS; kind++) {
        assert_int_equal(fresh.kinds[kind].count, known.kinds[kind].count);
        for (i = 0; i < fresh.kinds[kind].count; i++) {
            const struct record *a = registry_at(&fresh, kind, i),
                                *b = registry_at(&known, kind, i);

            assert_string_equal(a->path, b->path);
            assert_true(a->content == b->content);
        }
    }
    assert_int_equal(fresh.strays.count, known.strays.count);
}

#define on_files(test) cmocka_unit_test_setup_teardown(test, reads_set_up, reads_tear_down)

#endif
