#include "file.h"

#include <errno.h>
#include <fcntl.h>
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
file_read_all(int fd, struct buf *buf)
{
    size_t step;
    ssize_t n;

    for (;;) {
        step = buf->cap - buf->len < 4096 ? buf->cap - buf->len : 4096;
        /* A full buffer is fine as long as nothing comes after it. */
        if (!buf_grow(buf, step > 0 ? step : 1))
            return -1;
        n = read(fd, buf->data + buf->len, step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -1 : 0;
        buf->len += (size_t)n;
    }
}
