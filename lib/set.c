#include "set.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "escape.h"
#include "link.h"
#include "remark.h"
#include "siphash.h"

enum { HEAD = 12, ENTRY_HEAD = 44, FORM_HEAD = 4, FORM_ENTRY_HEAD = 8 };

static const uint8_t id_key[16] = "signpost id    1";
static const uint8_t config_key[16] = "signpost conf  1";

/* Priority and place in one number whose order is theirs. */
static uint64_t
rank_of(const struct endpoint *endpoint)
{
    return (uint64_t)(uint32_t)(endpoint->priority + PRIORITY_MAX) << 32 |
           (uint32_t)endpoint->domain_place;
}

/* The node that a client meets. */
static const char *
node_of(const struct endpoint *endpoint)
{
    return endpoint->entry != NULL ? endpoint->entry : endpoint->client.address;
}

uint64_t
set_node_key(const char *node)
{
    static const uint8_t key[16] = "signpost node  1";

    return siphash(key, node, strlen(node));
}

void
set_identify(const struct endpoint *endpoint, struct set_entry *entry)
{
    struct buf buf;

    buf_init(&buf, SET_BYTES_MAX);
    link_put_middle(&buf, &endpoint->client);
    entry->node = set_node_key(node_of(endpoint));
    entry->config = siphash(config_key, buf.data, buf.len);
    buf_release(&buf);
}

static void
encode_link(struct buf *buf, const struct endpoint *endpoint, const char *remark)
{
    uint8_t head[ENTRY_HEAD] = {0};
    size_t start = buf->len, middle;

    put_u64(head, siphash(id_key, endpoint->id, strlen(endpoint->id)));
    put_u64(head + 8, rank_of(endpoint));
    put_u64(head + 16, set_node_key(node_of(endpoint)));
    put_u32(head + 32, features_of(&endpoint->client));
    buf_put(buf, head, sizeof(head));
    middle = buf->len;
    link_put_middle(buf, &endpoint->client);
    if (!buf->failed) {
        put_u64((uint8_t *)buf->data + start + 24,
                siphash(config_key, buf->data + middle, buf->len - middle));
        put_u32((uint8_t *)buf->data + start + 36, (uint32_t)(buf->len - middle));
    }
    middle = buf->len;
    remark_escape(buf, remark, escape_percent);
    if (!buf->failed)
        put_u32((uint8_t *)buf->data + start + 40, (uint32_t)(buf->len - middle));
}

static void
encode_outbound(struct buf *buf, enum outbound outbound, const struct endpoint *endpoint,
                const char *remark)
{
    size_t start = buf->len, middle;

    buf_put(buf, (const uint8_t[FORM_ENTRY_HEAD]){0}, FORM_ENTRY_HEAD);
    middle = buf->len;
    remark_escape(buf, remark, escape_quoted);
    if (!buf->failed)
        put_u32((uint8_t *)buf->data + start, (uint32_t)(buf->len - middle));
    middle = buf->len;
    outbound_put(buf, outbound, &endpoint->client);
    if (!buf->failed)
        put_u32((uint8_t *)buf->data + start + 4, (uint32_t)(buf->len - middle));
}

/* Appends an endpoint to every form. Returns false, with all as before, when one has no room. */
static bool
encode_entry(struct buf *forms, const size_t *starts, const struct endpoint *endpoint,
             const char *remark)
{
    size_t before[SET_FORMS];
    bool fits = true;
    int i;

    for (i = 0; i < SET_FORMS; i++) {
        before[i] = forms[i].len;
        if (i == SET_LINKS)
            encode_link(&forms[i], endpoint, remark);
        else
            encode_outbound(&forms[i], (enum outbound)i, endpoint, remark);
        fits &= forms[i].len - starts[i] <= SET_BYTES_MAX;
    }
    for (i = 0; i < SET_FORMS && !fits; i++)
        forms[i].len = before[i];
    return fits;
}

static bool
have_failed(const struct buf *forms)
{
    int i;

    for (i = 0; i < SET_FORMS; i++)
        if (forms[i].failed)
            return true;
    return false;
}

/* Puts the heads and all entries that fit; returns how many. */
static size_t
encode_all(struct buf *forms, const struct endpoint *const *list, const char *const *remarks,
           size_t count, const struct policy_options *options)
{
    uint8_t head[HEAD] = {options->by_name ? 1 : 0};
    size_t starts[SET_FORMS], i;
    int form;

    for (form = 0; form < SET_FORMS; form++) {
        starts[form] = forms[form].len;
        buf_put(&forms[form], head, form == SET_LINKS ? HEAD : FORM_HEAD);
    }
    for (i = 0; i < count && encode_entry(forms, starts, list[i], remarks[i]); i++)
        ;
    if (have_failed(forms))
        return i;
    for (form = 0; form < SET_FORMS; form++) {
        uint8_t *start = (uint8_t *)forms[form].data + starts[form];

        put_u32(start + (form == SET_LINKS ? 8 : 0), (uint32_t)i);
        if (form == SET_LINKS)
            put_u32(start + 4, options->max_links);
    }
    return i;
}

int
set_encode(struct buf forms[SET_FORMS], const struct endpoint *const *list, size_t count,
           const struct policy_options *options, bool is_wide, size_t *encoded, struct error *error)
{
    size_t most = count < SET_MAX ? count : SET_MAX;
    const char **remarks = calloc(most + 1, sizeof(*remarks));
    struct pool pool;
    int rc = -1;

    pool_init(&pool);
    if (remarks != NULL && remark_make(options->remark, list, most, is_wide, &pool, remarks) == 0) {
        *encoded = encode_all(forms, list, remarks, most, options);
        rc = have_failed(forms) ? -1 : 0;
    }
    free(remarks);
    pool_release(&pool);
    return rc == 0 ? 0 : error_set(error, "out of memory");
}

/* Takes a text of len bytes from what is left. Returns NULL when it is not there. */
static const char *
take(const uint8_t **p, size_t *left, uint32_t len)
{
    const char *text = (const char *)*p;

    if (len > *left)
        return NULL;
    *p += len;
    *left -= len;
    return text;
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
        entry->node = get_u64(p + 16);
        entry->config = get_u64(p + 24);
        entry->features = get_u32(p + 32);
        entry->middle_len = get_u32(p + 36);
        entry->remark_len = get_u32(p + 40);
        p += ENTRY_HEAD;
        len -= ENTRY_HEAD;
        if ((entry->middle = take(&p, &len, entry->middle_len)) == NULL ||
            (entry->remark = take(&p, &len, entry->remark_len)) == NULL)
            return -1;
    }
    return len == 0 ? 0 : -1;
}

int
set_decode_outbounds(const void *bytes, size_t len, struct set *set)
{
    const uint8_t *p = bytes;
    uint32_t i;

    if (len < FORM_HEAD || get_u32(p) != set->count)
        return -1;
    p += FORM_HEAD;
    len -= FORM_HEAD;
    for (i = 0; i < set->count; i++) {
        struct set_entry *entry = &set->entries[i];

        if (len < FORM_ENTRY_HEAD)
            return -1;
        entry->name_len = get_u32(p);
        entry->outbound_len = get_u32(p + 4);
        p += FORM_ENTRY_HEAD;
        len -= FORM_ENTRY_HEAD;
        if ((entry->name = take(&p, &len, entry->name_len)) == NULL ||
            (entry->outbound = take(&p, &len, entry->outbound_len)) == NULL)
            return -1;
    }
    return len == 0 ? 0 : -1;
}
