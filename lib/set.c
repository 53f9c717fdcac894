#include "set.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "link.h"
#include "remark.h"
#include "siphash.h"

enum { HEAD = 12, ENTRY_HEAD = 24 };

static const uint8_t id_key[16] = "signpost id    1";

/* Priority and place in one number whose order is theirs. */
static uint64_t
rank_of(const struct endpoint *endpoint)
{
    return (uint64_t)(uint32_t)(endpoint->priority + PRIORITY_MAX) << 32 |
           (uint32_t)endpoint->domain_place;
}

static void
encode_entry(struct buf *buf, const struct endpoint *endpoint, const char *remark)
{
    uint8_t head[ENTRY_HEAD] = {0};
    size_t start = buf->len, middle;

    put_u64(head, siphash(id_key, endpoint->id, strlen(endpoint->id)));
    put_u64(head + 8, rank_of(endpoint));
    put_u32(head + 20, (uint32_t)strlen(remark));
    buf_put(buf, head, sizeof(head));
    middle = buf->len;
    link_put_middle(buf, &endpoint->client);
    if (!buf->failed)
        put_u32((uint8_t *)buf->data + start + 16, (uint32_t)(buf->len - middle));
    buf_puts(buf, remark);
}

/* Appends entries while they fit; returns how many. */
static size_t
encode_entries(struct buf *buf, const struct endpoint *const *list, const char *const *remarks,
               size_t count)
{
    size_t start = buf->len - HEAD, before, i;

    for (i = 0; i < count && !buf->failed; i++) {
        before = buf->len;
        encode_entry(buf, list[i], remarks[i]);
        if (buf->len - start > SET_BYTES_MAX) {
            buf->len = before;
            break;
        }
    }
    return i;
}

int
set_encode(struct buf *buf, const struct endpoint *const *list, size_t count,
           const struct policy_options *options, bool is_wide, size_t *encoded, struct error *error)
{
    size_t most = count < SET_MAX ? count : SET_MAX, start = buf->len;
    const char **remarks = calloc(most + 1, sizeof(*remarks));
    uint8_t head[HEAD] = {options->by_name ? 1 : 0};
    struct pool pool;
    int rc = -1;

    pool_init(&pool);
    buf_put(buf, head, sizeof(head));
    if (remarks != NULL && !buf->failed &&
        remark_make(options->remark, list, most, is_wide, &pool, remarks) == 0) {
        *encoded = encode_entries(buf, list, remarks, most);
        rc = buf->failed ? -1 : 0;
    }
    free(remarks);
    pool_release(&pool);
    if (rc != 0)
        return error_set(error, "out of memory");
    put_u32((uint8_t *)buf->data + start + 4, options->max_links);
    put_u32((uint8_t *)buf->data + start + 8, (uint32_t)*encoded);
    return 0;
}

int
set_decode(const void *bytes, size_t len, struct set *set)
{
    const uint8_t *p = bytes;
    uint32_t i;

    if (len < HEAD)
        return -1;
    set->by_name = p[0] != 0;
    set->max_links = get_u32(p + 4);
    set->count = get_u32(p + 8);
    if (set->count > SET_MAX)
        return -1;
    p += HEAD;
    len -= HEAD;
    for (i = 0; i < set->count; i++) {
        struct set_entry *entry = &set->entries[i];

        if (len < ENTRY_HEAD)
            return -1;
        entry->id = get_u64(p);
        entry->rank = get_u64(p + 8);
        entry->middle_len = get_u32(p + 16);
        entry->remark_len = get_u32(p + 20);
        p += ENTRY_HEAD;
        len -= ENTRY_HEAD;
        if (entry->middle_len > len || entry->remark_len > len - entry->middle_len)
            return -1;
        entry->middle = (const char *)p;
        entry->remark = (const char *)p + entry->middle_len;
        p += entry->middle_len + entry->remark_len;
        len -= entry->middle_len + entry->remark_len;
    }
    return len == 0 ? 0 : -1;
}
