/*
 * The health state file. An input is such a file without its last line: no fuzzer guesses a
 * checksum. As it is it must be refused, unless it brings a right one.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "health_parts.h"
#include "text.h"

enum { ENTRIES_MAX = 1000 };

static const char *path; /* of the file that the bytes are put into */
static int fd = -1;

static void
put_file(const char *bytes, size_t len)
{
    static char name[40];

    if (fd < 0)
        fd = memfd_create("health", MFD_CLOEXEC);
    require(fd >= 0 && ftruncate(fd, 0) == 0);
    require(pwrite(fd, bytes, len, 0) == (ssize_t)len);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    path = name;
}

/* Reads every line. Returns whether all is good. */
static bool
read_bytes(const char *bytes, size_t len)
{
    struct error error = {.text = ""};
    struct health_reader reader;
    struct health_line line;
    size_t count = 0;
    int rc = health_reader_init(&reader, bytes, len, &error);

    if (rc == 0)
        while ((rc = health_reader_next(&reader, &line, &error)) > 0) {
            count++;
            require(strlen(line.name) <= HEALTH_NAME_MAX && fuzz_is_utf8(line.name));
            require(strlen(line.reason) <= HEALTH_REASON_MAX && fuzz_is_utf8(line.reason));
            require(line.entry.state <= HEALTH_BLOCKED && line.entry.spoke <= HEALTH_ENGINE);
        }
    if (rc != 0)
        require(error.text[0] != '\0' && fuzz_is_utf8(error.text));
    else
        require(count == reader.count && health_is_vantage(reader.head.vantage));
    return rc == 0;
}

static bool
is_clean(const char *text)
{
    for (; *text != '\0'; text++)
        if (text_is_control(text, NULL))
            return false;
    return true;
}

/* What is good can be written, and is the same when it is read again. */
static void
check_written(const struct health_report *report)
{
    struct error error = {.text = ""};
    struct health_report again;
    struct buf buf;
    size_t i;

    buf_init(&buf, HEALTH_BYTES_MAX);
    require(health_put(&buf, &report->head, report->entries, report->count, &error) == 0);
    put_file(buf.data, buf.len);
    require(health_read_all(&again, path, &error) == 0);
    require(again.count == report->count);
    require(memcmp(&again.head, &report->head, offsetof(struct health_head, vantage)) == 0);
    require(strcmp(again.head.vantage, report->head.vantage) == 0);
    for (i = 0; i < again.count; i++) {
        const struct health_entry *a = &again.entries[i], *b = &report->entries[i];

        require(a->key == b->key && a->state == b->state && a->spoke == b->spoke &&
                a->since == b->since && a->last_success == b->last_success &&
                a->last_try == b->last_try && a->round_trip == b->round_trip);
        require(strcmp(a->name, b->name) == 0 && strcmp(a->reason, b->reason) == 0);
        require(is_clean(a->name) && is_clean(a->reason));
    }
    health_release_all(&again);
    buf_release(&buf);
}

/* Looking nodes up says what the whole says. */
static void
check_found(const struct health *health, const struct health_report *report)
{
    int64_t now = report->head.generated;
    size_t i;

    require(health->count == report->count && health->problem[0] == '\0');
    require(health_is_fresh(health, now) && health_is_fresh(health, now + report->head.ttl));
    require(!health_is_fresh(health, now + report->head.ttl + 1));
    require(!health_is_fresh(health, now - HEALTH_AHEAD_MAX - 1));
    for (i = 0; i < report->count && i < ENTRIES_MAX; i++) {
        const struct health_entry *entry = &report->entries[i];
        const struct health_node *node = health_find(health, entry->key);

        require(node != NULL && node->key == entry->key && node->state == entry->state &&
                node->since == entry->since);
        if (i + 1 < report->count && entry[1].key > entry->key + 1)
            require(health_find(health, entry->key + 1) == NULL);
    }
}

/* Bytes as a file: all the ways to read it agree. */
static void
check_file(const char *bytes, size_t len)
{
    bool is_good = read_bytes(bytes, len);
    struct error error = {.text = ""};
    struct health_report report;
    struct health health;

    put_file(bytes, len);
    health_init(&health);
    health_look(&health, path);
    require(health.is_there == is_good && (health.problem[0] == '\0') == is_good);
    require((health_read_all(&report, path, &error) == 0) == is_good);
    if (is_good) {
        check_found(&health, &report);
        check_written(&report);
    } else {
        require(health.count == 0 && report.count == 0);
    }
    health_release_all(&report);
    health_close(&health);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char sum[HEALTH_SUM_LINE + 1];
    char *copy = fuzz_copy(data, size), *whole = malloc(size + HEALTH_SUM_LINE);

    require(whole != NULL);
    check_file(copy, size);
    free(copy);
    if (size > 0)
        memcpy(whole, data, size);
    health_sum_line(whole, size, sum);
    memcpy(whole + size, sum, HEALTH_SUM_LINE);
    check_file(whole, size + HEALTH_SUM_LINE);
    free(whole);
    return 0;
}
