/*
 * How the health state file is read and put together, on bytes. For health*.c only; health.h says
 * what the file looks like.
 */
#ifndef SIGNPOST_HEALTH_PARTS_H
#define SIGNPOST_HEALTH_PARTS_H

#include "buf.h"
#include "health.h"

#define HEALTH_MAGIC "signpost-health "

/* Key and the greatest numbers of the file. */
extern const uint8_t health_sum_key[16];
#define HEALTH_TIME_MAX     INT64_C(253402300799) /* the end of the year 9999 */
#define HEALTH_SEQUENCE_MAX UINT64_C(0x7fffffffffffffff)

/* "end ", 16 digits, newline */
enum { HEALTH_SUM_LINE = 4 + 16 + 1 };

/* Writes the last line of a file whose bytes before it are these, terminated. */
void health_sum_line(const void *bytes, size_t len, char out[HEALTH_SUM_LINE + 1]);

/*
 * Appends a whole file. Returns 0, or -1 with error filled: entries that do not ascend, a head that
 * readers would refuse, more than the buffer may hold.
 */
int health_put(struct buf *buf, const struct health_head *head, const struct health_entry *entries,
               size_t count, struct error *error);

/* Where a reader is in the bytes of a file. */
struct health_reader {
    const char *p, *end; /* the node lines that are left */
    struct health_head head;
    size_t count, read; /* node lines by the head, and so far */
    uint64_t last;      /* key of the one before */
    unsigned line;      /* of the file, from 1, where p is */
};

/* What a line says, and the room for its strings. */
struct health_line {
    struct health_entry entry;
    char name[HEALTH_NAME_MAX + 1], reason[HEALTH_REASON_MAX + 1];
};

/* Checks the sum and reads the head. The bytes must outlive the reader. Returns 0, or -1 with error
 * filled. */
int health_reader_init(struct health_reader *reader, const char *bytes, size_t len,
                       struct error *error);

/* Reads the next node line. Returns 1, 0 when there are no more, or -1 with error filled. */
int health_reader_next(struct health_reader *reader, struct health_line *line, struct error *error);

/*
 * Appends the bytes of a file to a buffer with a cap of HEALTH_BYTES_MAX. *st is what was opened;
 * zeros when another try may find the same file good. Returns 0, or -1 with error filled.
 */
int health_load(struct buf *buf, const char *path, struct stat *st, struct error *error);

#endif
