#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "snapshot.h"

int
state_path(const char *directory, const char *file, char *out, size_t size, struct error *error)
{
    int len = snprintf(out, size, "%s/%s", directory, file);

    return len >= 0 && (size_t)len < size ? 0 : error_set(error, "%s: too long a path", directory);
}

int
state_snapshot_path(const char *directory, char *out, size_t size, struct error *error)
{
    char name[32];

    snprintf(name, sizeof(name), "snapshot-%d.cdb", SNAPSHOT_FORMAT);
    return state_path(directory, name, out, size, error);
}

int
state_make(const char *directory, struct error *error)
{
    char path[PATH_MAX];
    char *p;

    if (strlen(directory) >= sizeof(path))
        return error_set(error, "%s: too long a path", directory);
    memcpy(path, directory, strlen(directory) + 1);
    for (p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return error_set(error, "%s: %s; choose another place with the setting `state`", path,
                             strerror(errno));
        *p = '/';
    }
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return error_set(error, "%s: %s; choose another place with the setting `state`", path,
                         strerror(errno));
    return 0;
}

int
state_lock(const char *directory, const char *lock, bool wait, struct error *error)
{
    char path[PATH_MAX];
    int fd, rc;

    if (state_path(directory, lock, path, sizeof(path), error) != 0)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(error, "%s: %s", path, strerror(errno));
    do
        rc = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
    while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        error_set(error, "%s", "");
    else
        error_set(error, "%s: %s", path, strerror(errno));
    close(fd);
    return -1;
}

int
state_write(const char *directory, const char *file, const char *bytes, size_t len,
            struct error *error)
{
    char path[PATH_MAX], temporary[PATH_MAX + 4];
    int fd, rc = 0;

    if (state_path(directory, file, path, sizeof(path), error) != 0)
        return -1;
    snprintf(temporary, sizeof(temporary), "%s.tmp", path);
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
    return rc;
}
