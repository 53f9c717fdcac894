/*
 * Health state files for tests: entries in short, and bytes with a checksum that is right whatever
 * else is wrong. What is asserted here is not the subject of any test.
 */
#ifndef SIGNPOST_UNIT_HEALTH_FILES_H
#define SIGNPOST_UNIT_HEALTH_FILES_H

#include "health_parts.h"
#include "tree.h"

#define NOW 1790000000

static struct error error;

static inline struct health_head
head_of(uint64_t sequence, const char *vantage)
{
    struct health_head head = {.sequence = sequence, .generated = NOW, .ttl = 300};

    snprintf(head.vantage, sizeof(head.vantage), "%s", vantage);
    return head;
}

static inline struct health_entry
entry_of(uint64_t key, enum health_state state)
{
    return (struct health_entry){.key = key,
                                 .state = state,
                                 .spoke = HEALTH_NATIVE,
                                 .since = NOW - 100,
                                 .last_success = NOW - 50,
                                 .last_try = NOW - 10,
                                 .round_trip = 42,
                                 .name = "Frankfurt 1",
                                 .reason = ""};
}

/* Appends the last line that the text needs. */
static inline void
sign(struct buf *buf, const char *text)
{
    char sum[HEALTH_SUM_LINE + 1];

    buf_clear(buf);
    buf_puts(buf, text);
    health_sum_line(buf->data, buf->len, sum);
    buf_puts(buf, sum);
    assert_false(buf->failed);
}

/*
 * Reads bytes to the end, from a block of exactly their size. Returns how many nodes there are, or
 * -1 with error filled.
 */
static inline int
read_bytes(const char *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    struct health_reader reader;
    struct health_line line;
    int count = 0, rc;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    error = (struct error){.text = ""};
    rc = health_reader_init(&reader, copy, len, &error);
    if (rc == 0)
        while ((rc = health_reader_next(&reader, &line, &error)) > 0)
            count++;
    free(copy);
    if (rc != 0)
        assert_true(strlen(error.text) > 0);
    return rc == 0 ? count : -1;
}

#endif
