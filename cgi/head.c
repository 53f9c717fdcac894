#include "head.h"

#include <stdint.h>
#include <string.h>

enum {
    RECORD_HEAD = 8,
    TYPE_BEGIN = 1,
    TYPE_PARAMS = 4,
    TYPE_STDIN = 5,
    BEGIN_BODY = 8,
    ROLE_RESPONDER = 1,
    FLAG_KEEP = 1
};

struct record {
    unsigned type;
    unsigned id;
    size_t content;
    size_t padding;
};

static struct record
read_record(const unsigned char *p)
{
    return (struct record){
        .type = p[1],
        .id = (unsigned)p[2] << 8 | p[3],
        .content = (size_t)p[4] << 8 | p[5],
        .padding = p[6],
    };
}

/*
 * Where in the name-value pairs we are. They form one stream, cut into records anywhere: in a
 * name, a value or a length.
 */
struct pairs {
    unsigned count;
    unsigned lengths; /* of the current pair: how many are known */
    unsigned have;    /* bytes of the length that is being read */
    uint32_t length;  /* as far as it is read */
    size_t text;      /* bytes of name and value still to come */
};

/* One byte of a length: one byte up to 127, else four with the top bit set, most significant first.
 */
static bool
take_length_byte(struct pairs *pairs, unsigned char byte)
{
    pairs->length = pairs->length << 8 | byte;
    pairs->have++;
    if (pairs->have == 1 && byte >= 0x80)
        return true;
    if (pairs->have > 1 && pairs->have < 4)
        return true;
    pairs->length &= 0x7fffffff;
    if (pairs->length > HEAD_MAX)
        return false;
    pairs->text += pairs->length;
    pairs->length = 0;
    pairs->have = 0;
    pairs->lengths++;
    return true;
}

static bool
take_pairs(struct pairs *pairs, const unsigned char *p, size_t len)
{
    size_t n;

    while (len > 0) {
        if (pairs->lengths < 2) {
            if (!take_length_byte(pairs, *p))
                return false;
            n = 1;
        } else {
            n = pairs->text < len ? pairs->text : len;
            /* libfcgi makes C strings of them: a NUL would hide what follows it. */
            if (memchr(p, '\0', n) != NULL)
                return false;
            pairs->text -= n;
        }
        p += n;
        len -= n;
        if (pairs->lengths == 2 && pairs->text == 0) {
            pairs->lengths = 0;
            if (++pairs->count > HEAD_PAIRS_MAX)
                return false;
        }
    }
    return true;
}

static bool
is_between_pairs(const struct pairs *pairs)
{
    return pairs->lengths == 0 && pairs->have == 0;
}

/* The head of a whole FCGI_BEGIN_REQUEST; its body follows. */
static bool
is_begin(const unsigned char *p, const struct record *record)
{
    const unsigned char *body = p + RECORD_HEAD;

    return record->type == TYPE_BEGIN && record->id != 0 && record->content == BEGIN_BODY &&
           body[0] == 0 && body[1] == ROLE_RESPONDER;
}

enum head_verdict
head_check(const unsigned char *bytes, size_t len, struct head *head)
{
    struct pairs pairs = {0};
    struct record record;
    bool has_begun = false, has_params = false;
    unsigned id = 0;
    size_t at = 0, size;

    for (;;) {
        if (len - at < RECORD_HEAD)
            return HEAD_PART;
        if (bytes[at] != 1) /* version */
            return HEAD_BAD;
        record = read_record(bytes + at);
        if (has_begun && record.id != id)
            return HEAD_BAD;
        if (has_params) {
            if (record.type != TYPE_STDIN)
                return HEAD_BAD;
            size = RECORD_HEAD + record.content + record.padding;
            if (record.content == 0 && len - at < size)
                return HEAD_PART;
            head->is_clean = record.content == 0 && record.padding == 0 && len - at == size;
            return HEAD_WHOLE;
        }
        size = RECORD_HEAD + record.content + record.padding;
        if (at + size > HEAD_MAX)
            return HEAD_BAD;
        if (len - at < size)
            return HEAD_PART;
        /*
         * Where it changes streams libfcgi forgets about padding and takes it for records, which
         * nobody would have looked at. No web server pads there.
         */
        if (record.padding != 0 && (!has_begun || record.content == 0))
            return HEAD_BAD;
        if (!has_begun) {
            if (!is_begin(bytes + at, &record))
                return HEAD_BAD;
            has_begun = true;
            id = record.id;
            head->keep_connection = bytes[at + RECORD_HEAD + 2] & FLAG_KEEP;
        } else if (record.type != TYPE_PARAMS ||
                   !take_pairs(&pairs, bytes + at + RECORD_HEAD, record.content)) {
            return HEAD_BAD;
        } else if (record.content == 0) {
            if (!is_between_pairs(&pairs))
                return HEAD_BAD;
            has_params = true;
        }
        at += size;
    }
}
