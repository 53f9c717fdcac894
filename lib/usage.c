#include "usage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"

/* A line of three numbers. */
struct line {
    int64_t id;
    uint64_t upload, download;
};

void
usage_init(struct usage *usage)
{
    *usage = (struct usage){.bytes = NULL};
}

void
usage_close(struct usage *usage)
{
    if (usage->bytes != NULL)
        munmap((void *)(uintptr_t)usage->bytes, usage->len);
    usage_init(usage);
}

/* Maps a file. Returns 0, or -1 with errno; an empty file is mapped to nothing. */
static int
map(struct usage *usage, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    void *bytes = MAP_FAILED;

    if (fd < 0)
        return -1;
    if (fstat(fd, &usage->st) != 0 || !S_ISREG(usage->st.st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    if (usage->st.st_size > 0)
        bytes = mmap(NULL, (size_t)usage->st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (bytes != MAP_FAILED) {
        usage->bytes = bytes;
        usage->len = (size_t)usage->st.st_size;
    }
    return bytes != MAP_FAILED || usage->st.st_size == 0 ? 0 : -1;
}

void
usage_look(struct usage *usage, const char *path)
{
    struct usage fresh;
    struct stat st;

    if (stat(path, &st) != 0) {
        usage_close(usage);
        return;
    }
    if (file_is_same(&st, &usage->st))
        return;
    usage_init(&fresh);
    (void)map(&fresh, path);
    usage_close(usage);
    *usage = fresh;
}

/* Reads digits up to a delimiter. Returns what follows it, or NULL. */
static const char *
number(const char *p, const char *end, char delimiter, uint64_t *value)
{
    const char *start = p;

    for (*value = 0; p < end && *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*p - '0'), value))
            return NULL;
    return p > start && p < end && *p == delimiter ? p + 1 : NULL;
}

/* Reads the line that starts here. Returns the next one's start, or NULL. */
static const char *
read_line(const char *p, const char *end, struct line *line)
{
    uint64_t id;

    if ((p = number(p, end, ' ', &id)) == NULL || id > INT64_MAX ||
        (p = number(p, end, ' ', &line->upload)) == NULL)
        return NULL;
    line->id = (int64_t)id;
    return number(p, end, '\n', &line->download);
}

bool
usage_find(const struct usage *usage, int64_t user_id, uint64_t *upload, uint64_t *download)
{
    const char *low = usage->bytes, *high, *middle, *next;
    struct line line;

    *upload = *download = 0;
    if (low == NULL)
        return false;
    high = low + usage->len;
    while (low < high) {
        middle = low + (high - low) / 2;
        while (middle > low && middle[-1] != '\n')
            middle--;
        next = read_line(middle, high, &line);
        if (next == NULL)
            return false;
        if (line.id == user_id) {
            *upload = line.upload;
            *download = line.download;
            return true;
        }
        if (line.id < user_id)
            low = next;
        else
            high = middle;
    }
    return false;
}

int
usage_check(const char *path, struct error *error)
{
    struct usage usage;
    struct line line, before = {.id = -1};
    const char *p, *end;
    unsigned count = 0;
    int rc = 0;

    usage_init(&usage);
    error->line = error->column = 0;
    if (map(&usage, path) != 0)
        return errno == ENOENT ? 0 : error_set(error, "%s", strerror(errno));
    if (usage.bytes == NULL)
        return 0;
    p = usage.bytes;
    end = p + usage.len;
    while (rc == 0 && p < end) {
        count++;
        p = read_line(p, end, &line);
        if (p == NULL)
            rc = error_set_at(error, count, 1, "not '<user id> <bytes up> <bytes down>'");
        else if (line.id <= before.id)
            rc = error_set_at(error, count, 1, "user %lld stands behind user %lld; ids must ascend",
                              (long long)line.id, (long long)before.id);
        before = line;
    }
    usage_close(&usage);
    return rc;
}
