#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
file_write_all(int fd, const void *bytes, size_t len)
{
    const char *p = bytes;
    ssize_t n;

    while (len > 0) {
        n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int
file_sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = -1, rc = -1;

    if (directory != NULL)
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        rc = fsync(fd);
        close(fd);
    }
    free(directory);
    return rc;
}

int
file_replace(const char *path, const char *suffix, const void *bytes, size_t len,
             struct error *error)
{
    char temporary[PATH_MAX];
    int rc = 0, fd;

    if (snprintf(temporary, sizeof(temporary), "%s%s", path, suffix) >= (int)sizeof(temporary))
        return error_set(error, "too long a path: %s", path);
    unlink(temporary);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return error_set(error, "%s: %s", temporary, strerror(errno));
    if (file_write_all(fd, bytes, len) != 0 || fchmod(fd, 0640) != 0 || fsync(fd) != 0)
        rc = error_set(error, "%s: %s", temporary, strerror(errno));
    close(fd);
    if (rc == 0 && rename(temporary, path) != 0)
        rc = error_set(error, "%s: %s", path, strerror(errno));
    if (rc != 0)
        unlink(temporary);
    else
        /* It is there; a directory that cannot be synced loses it to a power failure only. */
        (void)file_sync_directory(path);
    return rc;
}

bool
file_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int
file_read_all(int fd, struct buf *buf)
{
    char past[1];
    ssize_t n;

    for (;;) {
        size_t room = buf->cap - buf->len, step = room < 4096 ? room : 4096;

        if (!buf_grow(buf, step))
            return -1;
        /* A full buffer is fine as long as nothing comes after it. */
        n = step > 0 ? read(fd, buf->data + buf->len, step) : read(fd, past, sizeof(past));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -1 : 0;
        if (step == 0) {
            buf->failed = true;
            return -1;
        }
        buf->len += (size_t)n;
    }
}
