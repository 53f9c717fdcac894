#include "health_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "file.h"
#include "text.h"

/* Bytes of a line. */
struct slice {
    const char *p;
    size_t len;
};

/* Takes the next word: what stands before a space, or all that is left; then p of the rest is NULL.
 */
static struct slice
take(struct slice *rest)
{
    const char *space = rest->p != NULL ? memchr(rest->p, ' ', rest->len) : NULL;
    struct slice word = *rest;

    *rest = (struct slice){NULL, 0};
    if (space != NULL) {
        size_t left = word.len - (size_t)(space - word.p) - 1;

        word.len = (size_t)(space - word.p);
        *rest = (struct slice){space + 1, left};
    }
    return word;
}

static bool
is_word(struct slice word, const char *wanted)
{
    size_t len = strlen(wanted);

    return word.p != NULL && word.len == len && memcmp(word.p, wanted, len) == 0;
}

static bool
take_number(struct slice *rest, uint64_t max, uint64_t *value)
{
    struct slice word = take(rest);
    size_t i;

    *value = 0;
    if (word.p == NULL || word.len == 0 || (word.len > 1 && word.p[0] == '0'))
        return false;
    for (i = 0; i < word.len; i++)
        if (word.p[i] < '0' || word.p[i] > '9' || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(word.p[i] - '0'), value))
            return false;
    return *value <= max;
}

static bool
take_time(struct slice *rest, int64_t *time)
{
    uint64_t value;
    bool is_good = take_number(rest, (uint64_t)HEALTH_TIME_MAX, &value);

    *time = (int64_t)value;
    return is_good;
}

/* The value of a hexadecimal digit, or -1. */
static int
digit(char c, char ten)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= ten && c <= ten + 5 ? c - ten + 10 : -1;
}

static bool
take_key(struct slice *rest, uint64_t *key)
{
    struct slice word = take(rest);
    size_t i;

    *key = 0;
    if (word.p == NULL || word.len != 16)
        return false;
    for (i = 0; i < 16; i++) {
        int value = digit(word.p[i], 'a');

        if (value < 0)
            return false;
        *key = *key << 4 | (uint64_t)value;
    }
    return true;
}

static bool
take_state(struct slice *rest, enum health_state *state)
{
    struct slice word = take(rest);

    for (*state = HEALTH_UNKNOWN; *state <= HEALTH_BLOCKED; (*state)++)
        if (is_word(word, health_state_word(*state)))
            return true;
    return false;
}

static bool
take_speaker(struct slice *rest, enum health_speaker *speaker)
{
    struct slice word = take(rest);

    for (*speaker = HEALTH_NONE; *speaker <= HEALTH_ENGINE; (*speaker)++)
        if (is_word(word, health_speaker_word(*speaker)))
            return true;
    return false;
}

/* Whether a terminated copy of len bytes is a text for people. */
static bool
is_text(const char *text, size_t len)
{
    size_t i;

    if (memchr(text, '\0', len) != NULL || !text_is_utf8(text, len))
        return false;
    for (i = 0; i < len; i++)
        if (text_is_control(text + i, NULL))
            return false;
    return true;
}

/* Decodes a name. RFC 3986 section 2.1, hexadecimal digits in upper case. */
static bool
take_name(struct slice *rest, char out[HEALTH_NAME_MAX + 1])
{
    struct slice word = take(rest);
    size_t i, len = 0;

    out[0] = '\0';
    if (is_word(word, "-"))
        return true;
    for (i = 0; i < word.len && len < HEALTH_NAME_MAX; i++) {
        int high = 0, low = 0;

        if (word.p[i] != '%') {
            out[len++] = word.p[i];
            continue;
        }
        if (word.len - i < 3 || (high = digit(word.p[i + 1], 'A')) < 0 ||
            (low = digit(word.p[i + 2], 'A')) < 0)
            return false;
        out[len++] = (char)(high << 4 | low);
        i += 2;
    }
    out[len] = '\0';
    return i == word.len && len > 0 && is_text(out, len);
}

/* The rest of the line: nothing at all, or a space (which is taken) and a text. */
static bool
take_reason(const struct slice *rest, char out[HEALTH_REASON_MAX + 1])
{
    out[0] = '\0';
    if (rest->p == NULL)
        return true;
    if (rest->len == 0 || rest->len > HEALTH_REASON_MAX)
        return false;
    memcpy(out, rest->p, rest->len);
    out[rest->len] = '\0';
    return is_text(out, rest->len);
}

/* The line that starts here, without its newline; p is NULL when there is none. */
static struct slice
next_line(const struct health_reader *reader)
{
    size_t left = (size_t)(reader->end - reader->p);
    const char *newline = left > 0 ? memchr(reader->p, '\n', left) : NULL;

    if (newline == NULL)
        return (struct slice){NULL, 0};
    return (struct slice){reader->p, (size_t)(newline - reader->p)};
}

static void
step(struct health_reader *reader, struct slice line)
{
    reader->p = line.p + line.len + 1;
    reader->line++;
}

/* Whether the last line is that of the bytes before it. */
static bool
is_whole(const char *bytes, size_t len)
{
    char sum[HEALTH_SUM_LINE + 1];

    if (len <= HEALTH_SUM_LINE || bytes[len - HEALTH_SUM_LINE - 1] != '\n')
        return false;
    health_sum_line(bytes, len - HEALTH_SUM_LINE, sum);
    return memcmp(bytes + len - HEALTH_SUM_LINE, sum, HEALTH_SUM_LINE) == 0;
}

/* The head behind the format's number. A node line takes more than 32 bytes: what the head says is
 * not believed before it can be so. */
static bool
read_head(struct health_reader *reader, struct slice line)
{
    struct slice vantage;
    uint64_t count;

    if (!take_number(&line, HEALTH_SEQUENCE_MAX, &reader->head.sequence) ||
        !take_time(&line, &reader->head.generated) || !take_time(&line, &reader->head.ttl) ||
        reader->head.ttl < 1 || reader->head.ttl > HEALTH_TTL_MAX)
        return false;
    vantage = take(&line);
    if (vantage.len < 1 || vantage.len > HEALTH_VANTAGE_MAX)
        return false;
    memcpy(reader->head.vantage, vantage.p, vantage.len);
    reader->head.vantage[vantage.len] = '\0';
    if (!health_is_vantage(reader->head.vantage) ||
        !take_number(&line, (uint64_t)(reader->end - reader->p) / 32, &count))
        return false;
    reader->count = (size_t)count;
    return line.p == NULL && strlen(reader->head.vantage) == vantage.len;
}

int
health_reader_init(struct health_reader *reader, const char *bytes, size_t len, struct error *error)
{
    struct slice first, line;
    uint64_t format;

    *reader = (struct health_reader){.p = bytes, .line = 1};
    if (len == 0) {
        error_set(error, "empty");
        return -1;
    }
    reader->end = bytes + len;
    first = line = next_line(reader);
    if (first.p == NULL || !is_word(take(&line), "signpost-health") ||
        !take_number(&line, UINT64_MAX, &format))
        return error_set_at(error, 1, 1, "not a health state file");
    if (format != HEALTH_FORMAT)
        return error_set_at(error, 1, 1, "format %" PRIu64 "; this program reads %d", format,
                            HEALTH_FORMAT);
    if (!is_whole(bytes, len))
        return error_set(error, "damaged or cut short: its checksum is another");
    reader->end = bytes + len - HEALTH_SUM_LINE;
    if (!read_head(reader, line))
        return error_set_at(
            error, 1, 1, "not 'signpost-health 1 <sequence> <generated> <ttl> <vantage> <count>'");
    step(reader, first);
    return 0;
}

static bool
read_line(struct slice rest, struct health_line *line)
{
    struct health_entry *entry = &line->entry;
    uint64_t round_trip = 0;
    bool is_good = take_key(&rest, &entry->key) && take_state(&rest, &entry->state) &&
                   take_time(&rest, &entry->since) && take_time(&rest, &entry->last_success) &&
                   take_time(&rest, &entry->last_try) &&
                   take_number(&rest, UINT32_MAX, &round_trip) &&
                   take_speaker(&rest, &entry->spoke) && take_name(&rest, line->name) &&
                   take_reason(&rest, line->reason);

    entry->round_trip = (uint32_t)round_trip;
    entry->name = line->name;
    entry->reason = line->reason;
    return is_good;
}

int
health_reader_next(struct health_reader *reader, struct health_line *line, struct error *error)
{
    struct slice text = next_line(reader);

    if (reader->read == reader->count || text.p == NULL) {
        if (reader->p == reader->end && reader->read == reader->count)
            return 0;
        error_set_at(error, reader->line, 1, "not the %zu nodes that the first line says",
                     reader->count);
        return -1;
    }
    if (!read_line(text, line)) {
        error_set_at(error, reader->line, 1,
                     "not '<key> <state> <since> <last success> <last try> <round trip> <spoke> "
                     "<name>[ <reason>]'");
        return -1;
    }
    if (reader->read > 0 && line->entry.key <= reader->last)
        return error_set_at(error, reader->line, 1,
                            "key %016" PRIx64 " stands behind %016" PRIx64 "; keys must ascend",
                            line->entry.key, reader->last);
    reader->last = line->entry.key;
    reader->read++;
    step(reader, text);
    return 1;
}

static int
read_all(int fd, struct buf *buf, struct stat *st, struct error *error)
{
    if (file_read_all(fd, buf) == 0 && buf->len == (size_t)st->st_size)
        return 0;
    *st = (struct stat){0};
    return error_set(error, "cannot be read whole, or no memory");
}

int
health_load(struct buf *buf, const char *path, struct stat *st, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

    *st = (struct stat){0};
    error->line = error->column = 0;
    if (fd < 0)
        return error_set(error, "%s", strerror(errno));
    if (fstat(fd, st) != 0)
        rc = error_set(error, "%s", strerror(errno));
    else if (!S_ISREG(st->st_mode))
        rc = error_set(error, "not a file");
    else if (st->st_size > HEALTH_BYTES_MAX)
        rc = error_set(error, "more than %d MB", HEALTH_BYTES_MAX / (1024 * 1024));
    else
        rc = read_all(fd, buf, st, error);
    close(fd);
    return rc;
}

/* Copies an entry, whose strings are a line's. Returns false without memory. */
static bool
copy_entry(struct health_report *report, const struct health_entry *entry)
{
    struct health_entry *copy = &report->entries[report->count];

    *copy = *entry;
    copy->name = pool_copy(&report->pool, entry->name, strlen(entry->name));
    copy->reason = pool_copy(&report->pool, entry->reason, strlen(entry->reason));
    report->count++;
    return copy->name != NULL && copy->reason != NULL;
}

static int
read_entries(struct health_report *report, const struct buf *buf, struct error *error)
{
    struct health_reader reader;
    struct health_line line;
    int rc;

    if (health_reader_init(&reader, buf->data, buf->len, error) != 0)
        return -1;
    report->head = reader.head;
    report->entries = pool_alloc(&report->pool, (reader.count + 1) * sizeof(*report->entries));
    if (report->entries == NULL)
        return error_set(error, "no memory");
    while ((rc = health_reader_next(&reader, &line, error)) > 0)
        if (!copy_entry(report, &line.entry))
            return error_set(error, "no memory");
    return rc;
}

int
health_read_all(struct health_report *report, const char *path, struct error *error)
{
    struct stat ignored;
    struct buf buf;
    int rc;

    *report = (struct health_report){.count = 0};
    pool_init(&report->pool);
    buf_init(&buf, HEALTH_BYTES_MAX);
    rc = health_load(&buf, path, &ignored, error);
    if (rc == 0)
        rc = read_entries(report, &buf, error);
    if (rc != 0)
        health_release_all(report);
    buf_release(&buf);
    return rc;
}

void
health_release_all(struct health_report *report)
{
    pool_release(&report->pool);
    *report = (struct health_report){.count = 0};
    pool_init(&report->pool);
}
