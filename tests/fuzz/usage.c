/* The file of what users have used; an input is such a file. */
#include "fuzz.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "usage.h"

enum { IDS_MAX = 300 };

struct said {
    uint64_t id, upload, download;
};

/*
 * Reads a line by the words of usage.h, with another reader than usage.c's. Returns its length with
 * the newline, or 0 when it is not such a line.
 */
static size_t
read_line(const char *line, size_t len, struct said *said)
{
    uint64_t *const numbers[] = {&said->id, &said->upload, &said->download};
    const char *newline = memchr(line, '\n', len);
    char *text, *p, *end = NULL;
    bool is_good = newline != NULL;
    int i;

    if (!is_good)
        return 0;
    len = (size_t)(newline - line);
    text = fuzz_string(line, len);
    for (i = 0, p = text; i < 3 && is_good; i++, p = end + 1) {
        errno = 0;
        is_good = *p >= '0' && *p <= '9';
        *numbers[i] = strtoull(p, &end, 10);
        is_good = is_good && errno == 0 && *end == (i < 2 ? ' ' : '\0');
    }
    is_good = is_good && said->id <= INT64_MAX && end == text + len;
    free(text);
    return is_good ? len + 1 : 0;
}

/* Whether some line of the file says so. */
static bool
is_said(const char *bytes, size_t len, const struct said *wanted)
{
    struct said said;
    size_t at, n;

    for (at = 0; at < len;) {
        const char *newline = memchr(bytes + at, '\n', len - at);

        n = read_line(bytes + at, len - at, &said);
        if (n > 0 && memcmp(&said, wanted, sizeof(said)) == 0)
            return true;
        if (newline == NULL)
            return false;
        at = (size_t)(newline - bytes) + 1;
    }
    return false;
}

static void
check_user(const struct usage *usage, uint64_t id, bool is_good, bool is_there)
{
    struct said said = {.id = id};
    bool found = usage_find(usage, (int64_t)id, &said.upload, &said.download);

    if (found)
        require(is_said(usage->bytes, usage->len, &said));
    else
        require(said.upload == 0 && said.download == 0);
    if (is_good)
        require(found == is_there);
}

/* What usage_check says of the bytes as a file. */
static bool
passes_check(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct error error = {.text = ""};
    char path[40];
    int rc;

    if (fd < 0)
        fd = memfd_create("usage", MFD_CLOEXEC);
    require(fd >= 0 && ftruncate(fd, 0) == 0);
    require(pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    rc = usage_check(path, &error);
    if (rc != 0)
        require(error.text[0] != '\0' && error.line > 0 && fuzz_is_utf8(error.text));
    return rc == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct usage usage = {.bytes = size > 0 ? fuzz_copy(data, size) : NULL, .len = size};
    bool is_good = true, check = passes_check(data, size);
    struct said said, before = {0};
    size_t at, n;
    int lines;

    for (at = 0, lines = 0; at < size && is_good; at += n, lines++) {
        n = read_line(usage.bytes + at, size - at, &said);
        is_good = n > 0 && (lines == 0 || said.id > before.id);
        before = said;
    }
    require(check == is_good);
    for (at = 0, lines = 0; at < size && lines < IDS_MAX; at += n, lines++) {
        n = read_line(usage.bytes + at, size - at, &said);
        if (n == 0)
            break;
        check_user(&usage, said.id, check, true);
        /* The next number is somebody's only if the next line says so. */
        if (said.id < INT64_MAX && at + n < size &&
            read_line(usage.bytes + at + n, size - at - n, &before) > 0)
            check_user(&usage, said.id + 1, check, before.id == said.id + 1);
    }
    check_user(&usage, 0, false, false);
    check_user(&usage, INT64_MAX, false, false);
    check_user(&usage, UINT64_MAX, check, false); /* -1 */
    free((void *)(uintptr_t)usage.bytes);
    return 0;
}
