#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Peers that come faster than they are accepted queue here; past it they get an error at once. */
enum { BACKLOG = 4096 };

static struct stat made;

static int
bind_at(int fd, const struct sockaddr_un *address)
{
    mode_t mask = umask(0117);
    int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address));

    umask(mask);
    return rc;
}

/* Whether the socket there is what a process has left behind. If not, error says what it is. */
static bool
is_left_behind(const char *path, const struct sockaddr_un *address, struct error *error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd >= 0 ? connect(fd, (const struct sockaddr *)address, sizeof(*address)) : -1;
    int code = errno;

    if (fd >= 0)
        close(fd);
    if (lstat(path, &made) == 0 && !S_ISSOCK(made.st_mode))
        error_set(error, "%s: there is a file that is no socket", path);
    else if (rc == 0 || code == EAGAIN || code == EPROTOTYPE)
        error_set(error, "%s: another process serves it", path);
    else if (code != ECONNREFUSED && code != ENOENT)
        error_set(error, "%s: in use, as it seems: %s", path, strerror(code));
    else
        return true;
    return false;
}

static int
bind_and_listen(int fd, const char *path, const struct sockaddr_un *address, struct error *error)
{
    int rc = bind_at(fd, address);

    if (rc != 0 && errno == EADDRINUSE) {
        if (!is_left_behind(path, address, error))
            return -1;
        unlink(path);
        rc = bind_at(fd, address);
    }
    if (rc != 0 || listen(fd, BACKLOG) != 0 || lstat(path, &made) != 0)
        return error_set(error, "%s: %s", path, strerror(errno));
    return 0;
}

/* Keeps others that start from taking our socket for one left behind before it listens. */
static int
lock_directory(const char *path)
{
    char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
    size_t len = strlen(path);
    int fd;

    while (len > 0 && path[len - 1] != '/')
        len--;
    snprintf(directory, sizeof(directory), "%.*s.", (int)len, path);
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems have no locks; then it is as likely to go well as anywhere. */
    if (fd >= 0)
        (void)flock(fd, LOCK_EX);
    return fd;
}

int
socket_listen(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, lock, rc;

    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(error, "%s: too long a path for a socket (%zu bytes at most)", path,
                         sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(error, "%s: %s", path, strerror(errno));
    lock = lock_directory(path);
    rc = bind_and_listen(fd, path, &address, error);
    if (lock >= 0)
        close(lock);
    if (rc == 0)
        return fd;
    close(fd);
    return -1;
}

void
socket_remove(const char *path)
{
    struct stat now;

    if (lstat(path, &now) == 0 && now.st_dev == made.st_dev && now.st_ino == made.st_ino)
        unlink(path);
}
