#include "socket.h"

#include <errno.h>
#include <string.h>
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

/* Whether a process accepts connections there. */
static int
is_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd >= 0 ? connect(fd, (const struct sockaddr *)address, sizeof(*address)) : -1;
    int code = errno;

    if (fd >= 0)
        close(fd);
    return rc == 0 || code == EAGAIN;
}

int
socket_listen(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, rc;

    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(error, "%s: too long a path for a socket (%zu bytes at most)", path,
                         sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(error, "%s: %s", path, strerror(errno));
    rc = bind_at(fd, &address);
    if (rc != 0 && errno == EADDRINUSE) {
        if (is_alive(&address)) {
            close(fd);
            return error_set(error, "%s: another process serves it", path);
        }
        if (lstat(path, &made) == 0 && !S_ISSOCK(made.st_mode)) {
            close(fd);
            return error_set(error, "%s: there is a file that is no socket", path);
        }
        unlink(path);
        rc = bind_at(fd, &address);
    }
    if (rc != 0 || listen(fd, BACKLOG) != 0 || lstat(path, &made) != 0) {
        error_set(error, "%s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

void
socket_remove(const char *path)
{
    struct stat now;

    if (lstat(path, &now) == 0 && now.st_dev == made.st_dev && now.st_ino == made.st_ino)
        unlink(path);
}
