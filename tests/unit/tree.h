/*
 * A directory of its own for each test, the files in it, and its end. What is asserted here is not
 * the subject of any test.
 */
#ifndef SIGNPOST_UNIT_TREE_H
#define SIGNPOST_UNIT_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "sample.h"

static char tree_top[200];
static char tree_name[400];

/* The whole path of something in the tree, until the next call. */
static inline const char *
tree_path(const char *name)
{
    assert_true(snprintf(tree_name, sizeof(tree_name), "%s/%s", tree_top, name) <
                (int)sizeof(tree_name));
    return tree_name;
}

/* Makes the directories that the name of a file needs. */
static inline void
tree_make_directories(const char *name)
{
    char part[200];
    const char *slash;

    for (slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
        (void)mkdir(tree_path(part), 0755);
    }
}

static inline void
tree_write_bytes(const char *name, const void *bytes, size_t len)
{
    int fd;

    tree_make_directories(name);
    fd = open(tree_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(len, write(fd, bytes, len));
    close(fd);
}

/*
 * Writes a file. Its time is another than that of any file before, whatever the clock's steps: a
 * change shows without waiting.
 */
static inline void
tree_write(const char *name, const char *text)
{
    static time_t next = 1000000;
    struct timespec times[2] = {{.tv_sec = next}, {.tv_sec = next}};

    next++;
    tree_write_bytes(name, text, strlen(text));
    assert_int_equal(0, utimensat(AT_FDCWD, tree_path(name), times, 0));
}

/* Removes a file, or a directory with nothing in it. */
static inline void
tree_remove(const char *name)
{
    assert_int_equal(0, remove(tree_path(name)));
}

static inline void
tree_rename(const char *from, const char *to)
{
    char old[sizeof(tree_name)];

    snprintf(old, sizeof(old), "%s", tree_path(from));
    assert_int_equal(0, rename(old, tree_path(to)));
}

static inline int
tree_remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int
tree_set_up(void **state)
{
    (void)state;
    sample_directory(tree_top, sizeof(tree_top));
    return 0;
}

static inline int
tree_tear_down(void **state)
{
    (void)state;
    return nftw(tree_top, tree_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#define in_tree(test) cmocka_unit_test_setup_teardown(test, tree_set_up, tree_tear_down)

#endif
