#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
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

/* Whatever umask we run under: others must get there. */
static int
make_directory(const char *path, mode_t mode, struct error *error)
{
    if (mkdir(path, mode) == 0 ? chmod(path, mode) == 0 : errno == EEXIST)
        return 0;
    return error_set(error, "%s: %s; choose another place with the setting `state`", path,
                     strerror(errno));
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
        if (make_directory(path, 0755, error) != 0)
            return -1;
        *p = '/';
    }
    return make_directory(path, 0750, error);
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

bool
state_is_watched(const char *directory)
{
    char path[PATH_MAX];
    struct error ignored;
    bool is_watched;
    int fd;

    if (state_path(directory, STATE_WATCH_LOCK, path, sizeof(path), &ignored) != 0)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    /* Shared: others that ask the same are no watchers. */
    is_watched = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return is_watched;
}

int
state_write(const char *directory, const char *file, const char *bytes, size_t len,
            struct error *error)
{
    char path[PATH_MAX];

    if (state_path(directory, file, path, sizeof(path), error) != 0)
        return -1;
    return file_replace(path, ".tmp", bytes, len, error);
}

static int
open_looked(const char *directory)
{
    char path[PATH_MAX];
    struct error ignored;

    if (state_path(directory, "looked", path, sizeof(path), &ignored) != 0)
        return -1;
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Sets the time until which nobody need look, as that of the last change; now is the last access.
 */
static void
set_due(int fd, int64_t ms)
{
    struct timespec times[2];

    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[1] = times[0];
    times[1].tv_sec += (time_t)(ms / 1000);
    times[1].tv_nsec += (long)(ms % 1000) * 1000000;
    if (times[1].tv_nsec >= 1000000000) {
        times[1].tv_sec++;
        times[1].tv_nsec -= 1000000000;
    }
    (void)futimens(fd, times);
}

void
state_put_off(const char *directory, int64_t ms)
{
    int fd = open_looked(directory);

    if (fd < 0)
        return;
    set_due(fd, ms);
    close(fd);
}

static bool
is_after(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

bool
state_is_due(const char *directory)
{
    int fd = open_looked(directory);
    struct timespec now;
    struct stat st;
    bool is_due = false;

    if (fd < 0)
        return false;
    clock_gettime(CLOCK_REALTIME, &now);
    /* What was noted later than now is from before the clock was set back. */
    if (fstat(fd, &st) == 0 && (!is_after(&st.st_mtim, &now) || is_after(&st.st_atim, &now) ||
                                st.st_mtim.tv_sec > now.tv_sec + 24 * 3600)) {
        is_due = true;
        set_due(fd, STATE_LOOK_MS);
    }
    close(fd);
    return is_due;
}

void
state_tidy(const char *directory)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    size_t len;

    if (stream == NULL)
        return;
    while ((entry = readdir(stream)) != NULL) {
        len = strlen(entry->d_name);
        if (len > 4 && strcmp(entry->d_name + len - 4, ".tmp") == 0)
            (void)unlinkat(dirfd(stream), entry->d_name, 0);
    }
    closedir(stream);
}
