#include "health_parts.h"

#include <inttypes.h>
#include <stdio.h>

#include "escape.h"
#include "file.h"
#include "siphash.h"
#include "text.h"

const uint8_t health_sum_key[16] = "signpost health";

const char *
health_state_word(enum health_state state)
{
    static const char *const words[] = {[HEALTH_UNKNOWN] = "unknown",
                                        [HEALTH_ALIVE] = "alive",
                                        [HEALTH_DOWN] = "down",
                                        [HEALTH_DEAD] = "dead",
                                        [HEALTH_BLOCKED] = "blocked"};

    return words[state];
}

const char *
health_speaker_word(enum health_speaker speaker)
{
    static const char *const words[] = {
        [HEALTH_NONE] = "none", [HEALTH_NATIVE] = "native", [HEALTH_ENGINE] = "engine"};

    return words[speaker];
}

bool
health_is_vantage(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._");

    return len > 0 && len <= HEALTH_VANTAGE_MAX && name[len] == '\0';
}

int64_t
health_ttl(int64_t interval)
{
    return interval <= 60 ? 300 : interval < HEALTH_TTL_MAX / 5 ? 5 * interval : HEALTH_TTL_MAX;
}

uint64_t
health_next_sequence(const struct health_head *before, int64_t now)
{
    uint64_t clock = now > 0 ? (uint64_t)now : 0;

    return before == NULL || before->sequence < clock ? clock : before->sequence + 1;
}

void
health_sum_line(const void *bytes, size_t len, char out[HEALTH_SUM_LINE + 1])
{
    snprintf(out, HEALTH_SUM_LINE + 1, "end %016" PRIx64 "\n", siphash(health_sum_key, bytes, len));
}

/* Copies a text for people, such that it may stand in the file. */
static void
tidy(const char *text, size_t max, char *out)
{
    size_t len = text != NULL ? text_cut(text, max) : 0, i;

    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
    if (!text_is_utf8(out, len))
        for (i = 0; i < len; i++)
            if ((unsigned char)out[i] >= 0x80)
                out[i] = '?';
    text_clean(out);
}

static void
put_entry(struct buf *buf, const struct health_entry *entry)
{
    char text[(HEALTH_NAME_MAX > HEALTH_REASON_MAX ? HEALTH_NAME_MAX : HEALTH_REASON_MAX) + 1];

    buf_printf(buf, "%016" PRIx64 " %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu32 " %s ",
               entry->key, health_state_word(entry->state), entry->since, entry->last_success,
               entry->last_try, entry->round_trip, health_speaker_word(entry->spoke));
    tidy(entry->name, HEALTH_NAME_MAX, text);
    if (text[0] == '\0')
        buf_putc(buf, '-');
    else if (strcmp(text, "-") == 0)
        buf_puts(buf, "%2D");
    else
        escape_percent(buf, text, strlen(text));
    tidy(entry->reason, HEALTH_REASON_MAX, text);
    if (text[0] != '\0') {
        buf_putc(buf, ' ');
        buf_puts(buf, text);
    }
    buf_putc(buf, '\n');
}

static bool
is_time(int64_t time)
{
    return time >= 0 && time <= HEALTH_TIME_MAX;
}

int
health_put(struct buf *buf, const struct health_head *head, const struct health_entry *entries,
           size_t count, struct error *error)
{
    char sum[HEALTH_SUM_LINE + 1];
    size_t start = buf->len, i;

    if (!health_is_vantage(head->vantage))
        return error_set(error, "'%s' is no name for a vantage", head->vantage);
    if (head->sequence > HEALTH_SEQUENCE_MAX || !is_time(head->generated) || head->ttl < 1 ||
        head->ttl > HEALTH_TTL_MAX)
        return error_set(error, "sequence, time or ttl is out of range");
    buf_printf(buf, HEALTH_MAGIC "%d %" PRIu64 " %" PRId64 " %" PRId64 " %s %zu\n", HEALTH_FORMAT,
               head->sequence, head->generated, head->ttl, head->vantage, count);
    for (i = 0; i < count; i++) {
        if (i > 0 && entries[i].key <= entries[i - 1].key)
            return error_set(error, "key %016" PRIx64 " does not ascend", entries[i].key);
        if (!is_time(entries[i].since) || !is_time(entries[i].last_success) ||
            !is_time(entries[i].last_try))
            return error_set(error, "key %016" PRIx64 ": a time is out of range", entries[i].key);
        put_entry(buf, &entries[i]);
    }
    if (buf->failed)
        return error_set(error, "%zu nodes: too large a file, or no memory", count);
    health_sum_line(buf->data + start, buf->len - start, sum);
    buf_puts(buf, sum);
    return buf->failed ? error_set(error, "too large a file, or no memory") : 0;
}

int
health_write(const char *path, const struct health_head *head, const struct health_entry *entries,
             size_t count, struct error *error)
{
    struct buf buf;
    int rc;

    buf_init(&buf, HEALTH_BYTES_MAX);
    error->line = error->column = 0;
    rc = health_put(&buf, head, entries, count, error);
    if (rc == 0)
        rc = file_replace(path, ".new", buf.data, buf.len, error);
    buf_release(&buf);
    return rc;
}
