#include "pack.h"

#include <string.h>

#include "bytes.h"

enum field_type { END, STRING, STRINGS, INT64, INT32, UUID, BOOL, ADDRESSES };

struct field {
    enum field_type type;
    size_t offset;
};

#define CLIENT(type, member)                  \
    {                                         \
        type, offsetof(struct client, member) \
    }

static const struct field client_fields[] = {CLIENT(INT32, type),
                                             CLIENT(INT32, security),
                                             CLIENT(INT32, port),
                                             CLIENT(STRING, address),
                                             CLIENT(STRING, service),
                                             CLIENT(STRING, flow),
                                             CLIENT(STRING, sni),
                                             CLIENT(STRING, fp),
                                             CLIENT(STRING, alpn),
                                             CLIENT(STRING, host),
                                             CLIENT(STRING, path),
                                             CLIENT(STRING, mode),
                                             CLIENT(STRING, authority),
                                             CLIENT(STRING, extra),
                                             CLIENT(STRING, encryption),
                                             CLIENT(STRING, pbk),
                                             CLIENT(STRING, sid),
                                             CLIENT(STRING, spx),
                                             CLIENT(STRING, pqv),
                                             CLIENT(STRING, ech),
                                             CLIENT(STRING, pcs),
                                             CLIENT(STRING, vcn),
                                             {END, 0}};

_Static_assert(sizeof(enum transport) == 4 && sizeof(enum security) == 4, "packed as INT32");

#define FIELD(type, kind, member)           \
    {                                       \
        type, offsetof(struct kind, member) \
    }

static const struct field fields[KINDS][10] = {
    [KIND_USER] = {FIELD(INT64, user, id),
                   FIELD(INT64, user, expires),
                   FIELD(INT64, user, traffic_limit),
                   FIELD(STRING, user, username),
                   FIELD(STRINGS, user, cores),
                   FIELD(STRINGS, user, groups),
                   {END, 0}},
    [KIND_DEVICE] = {FIELD(UUID, device, uuid),
                     FIELD(INT64, device, user_id),
                     FIELD(STRING, device, name),
                     FIELD(ADDRESSES, device, addresses),
                     {END, 0}},
    [KIND_NODE] = {FIELD(STRING, node, ip), FIELD(STRING, node, location), {END, 0}},
    [KIND_ROLE] = {FIELD(STRING, role, id), {END, 0}},
    [KIND_ROUTE] = {FIELD(STRING, route, id),
                    FIELD(STRING, route, entry_ip),
                    FIELD(STRING, route, core_ip),
                    FIELD(INT32, route, priority),
                    FIELD(STRING, route, name),
                    FIELD(STRINGS, route, groups),
                    FIELD(BOOL, route, is_usable),
                    {END, 0}},
    [KIND_DOMAIN] = {FIELD(STRING, domain, name),
                     FIELD(STRING, domain, node_ip),
                     FIELD(INT32, domain, priority),
                     {END, 0}},
    [KIND_ENDPOINT] = {FIELD(STRING, endpoint_record, id),
                       FIELD(INT32, endpoint_record, priority),
                       FIELD(STRING, endpoint_record, name),
                       FIELD(STRING, endpoint_record, node_ip),
                       FIELD(STRINGS, endpoint_record, groups),
                       FIELD(BOOL, endpoint_record, is_usable),
                       {END, 0}},
};

/* The client that a record holds, or NULL. */
static struct client *
client_of(enum kind kind, void *record)
{
    if (kind == KIND_ROUTE)
        return &((struct route *)record)->client;
    if (kind == KIND_ENDPOINT)
        return &((struct endpoint_record *)record)->client;
    return NULL;
}

void
pack_u64(struct buf *buf, uint64_t value)
{
    uint8_t bytes[8];

    put_u64(bytes, value);
    buf_put(buf, bytes, sizeof(bytes));
}

void
pack_number(struct buf *buf, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_putc(buf, (char)(unsigned char)(value | 0x80));
    buf_putc(buf, (char)value);
}

void
pack_string(struct buf *buf, const char *string)
{
    size_t len;

    if (string == NULL) {
        pack_number(buf, 0);
        return;
    }
    len = strlen(string);
    pack_number(buf, len + 1);
    buf_put(buf, string, len + 1);
}

static void
pack_strings(struct buf *buf, const struct strings *list)
{
    size_t i;

    pack_number(buf, list->count);
    for (i = 0; i < list->count; i++)
        pack_string(buf, list->items[i]);
}

static void
pack_trouble(struct buf *buf, const struct trouble *trouble)
{
    size_t i;

    pack_number(buf, trouble == NULL ? 0 : trouble->is_kept ? 2 : 1);
    if (trouble == NULL)
        return;
    pack_u64(buf, (uint64_t)trouble->since);
    pack_strings(buf, &trouble->also);
    pack_number(buf, trouble->count);
    for (i = 0; i < trouble->count; i++) {
        pack_number(buf, trouble->findings[i].level);
        pack_number(buf, trouble->findings[i].line);
        pack_number(buf, trouble->findings[i].column);
        pack_string(buf, trouble->findings[i].path);
        pack_string(buf, trouble->findings[i].text);
    }
}

static void
pack_addresses(struct buf *buf, const struct device_addresses *addresses)
{
    size_t i;

    pack_number(buf, addresses == NULL ? 0 : 1 + (unsigned)addresses->uuid);
    if (addresses == NULL)
        return;
    pack_number(buf, addresses->count);
    for (i = 0; i < addresses->count; i++) {
        buf_put(buf, addresses->tokens[i].hash, TOKEN_HASH);
        pack_u64(buf, (uint64_t)addresses->tokens[i].until);
        pack_string(buf, addresses->tokens[i].start);
    }
}

static void
pack_fields(struct buf *buf, const struct field *field, const void *from)
{
    int32_t small;
    int64_t large;

    for (; field->type != END; field++) {
        const char *at = (const char *)from + field->offset;

        switch (field->type) {
        case STRING:
            pack_string(buf, *(const char *const *)(const void *)at);
            break;
        case STRINGS:
            pack_strings(buf, (const struct strings *)(const void *)at);
            break;
        case INT64:
            memcpy(&large, at, sizeof(large));
            pack_u64(buf, (uint64_t)large);
            break;
        case INT32:
            memcpy(&small, at, sizeof(small));
            pack_number(buf, (uint32_t)small);
            break;
        case UUID:
            buf_put(buf, at, sizeof(struct uuid));
            break;
        case ADDRESSES:
            pack_addresses(buf, *(const struct device_addresses *const *)(const void *)at);
            break;
        default:
            buf_putc(buf, *(const bool *)at ? 1 : 0);
            break;
        }
    }
}

void
pack_record(struct buf *buf, enum kind kind, const void *record)
{
    const struct record *head = record;
    const struct client *client = client_of(kind, (void *)(uintptr_t)record);

    buf_putc(buf, (char)head->status);
    pack_string(buf, head->path);
    pack_trouble(buf, head->trouble);
    pack_number(buf, head->facts); /* of a commit's records: 0 */
    pack_number(buf, head->content);
    pack_fields(buf, fields[kind], record);
    if (client != NULL)
        pack_fields(buf, client_fields, client);
}

/* The next len bytes, or NULL. */
static const uint8_t *
take(struct unpack *unpack, size_t len)
{
    const uint8_t *at = unpack->at;

    if (unpack->failed || (size_t)(unpack->end - at) < len) {
        unpack->failed = true;
        return NULL;
    }
    unpack->at += len;
    return at;
}

uint64_t
unpack_u64(struct unpack *unpack)
{
    const uint8_t *bytes = take(unpack, 8);

    return bytes != NULL ? get_u64(bytes) : 0;
}

static uint8_t
unpack_byte(struct unpack *unpack)
{
    const uint8_t *byte = take(unpack, 1);

    return byte != NULL ? *byte : 0;
}

uint64_t
unpack_number(struct unpack *unpack)
{
    uint64_t value = 0;
    unsigned shift;
    uint8_t byte;

    for (shift = 0; shift < 64; shift += 7) {
        byte = unpack_byte(unpack);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    unpack->failed = true;
    return 0;
}

const char *
unpack_string(struct unpack *unpack)
{
    uint64_t len = unpack_number(unpack);
    const uint8_t *bytes;

    if (len == 0 || len > SIZE_MAX)
        return NULL;
    bytes = take(unpack, (size_t)len);
    if (bytes != NULL && bytes[len - 1] != '\0') {
        unpack->failed = true;
        return NULL;
    }
    return (const char *)bytes;
}

/* Room for count items that take at least a byte each. */
static void *
make_room(struct unpack *unpack, uint64_t count, size_t size)
{
    void *room;

    if (unpack->failed || count > (size_t)(unpack->end - unpack->at)) {
        unpack->failed = true;
        return NULL;
    }
    room = pool_alloc(unpack->pool, (size_t)count * size);
    unpack->failed |= room == NULL;
    return room;
}

static void
unpack_strings(struct unpack *unpack, struct strings *list)
{
    uint64_t count = unpack_number(unpack);

    *list = (struct strings){NULL, 0};
    if (count == 0)
        return;
    list->items = make_room(unpack, count, sizeof(*list->items));
    while (!unpack->failed && list->count < count) {
        list->items[list->count] = unpack_string(unpack);
        unpack->failed |= list->items[list->count] == NULL;
        list->count++;
    }
}

static const struct trouble *
unpack_trouble(struct unpack *unpack)
{
    uint8_t flag = unpack_byte(unpack);
    struct finding *findings;
    struct trouble *trouble;
    uint64_t count, i;

    if (flag == 0)
        return NULL;
    trouble = make_room(unpack, 1, sizeof(*trouble));
    if (trouble == NULL)
        return NULL;
    trouble->is_kept = flag == 2;
    trouble->since = (int64_t)unpack_u64(unpack);
    unpack_strings(unpack, &trouble->also);
    count = unpack_number(unpack);
    findings = make_room(unpack, count, sizeof(*findings));
    for (i = 0; !unpack->failed && i < count; i++) {
        findings[i].level = unpack_number(unpack) % FINDING_LEVELS;
        findings[i].line = (unsigned)unpack_number(unpack);
        findings[i].column = (unsigned)unpack_number(unpack);
        findings[i].path = unpack_string(unpack);
        findings[i].text = unpack_string(unpack);
        unpack->failed |= findings[i].path == NULL || findings[i].text == NULL;
    }
    trouble->findings = findings;
    trouble->count = unpack->failed ? 0 : (size_t)count;
    return trouble;
}

static void
unpack_token(struct unpack *unpack, struct token *token)
{
    const uint8_t *hash = take(unpack, TOKEN_HASH);
    const char *start;

    memset(token, 0, sizeof(*token));
    token->until = (int64_t)unpack_u64(unpack);
    start = unpack_string(unpack);
    unpack->failed |= hash == NULL || start == NULL || strlen(start) > TOKEN_START;
    if (unpack->failed)
        return;
    memcpy(token->hash, hash, TOKEN_HASH);
    memcpy(token->start, start, strlen(start));
}

static const struct device_addresses *
unpack_addresses(struct unpack *unpack)
{
    uint64_t word = unpack_number(unpack), count, i;
    struct device_addresses *addresses;
    struct token *tokens;

    unpack->failed |= word > 1 + UUID_ADDRESS_OFF;
    if (word == 0 || unpack->failed)
        return NULL;
    addresses = make_room(unpack, 1, sizeof(*addresses));
    count = unpack_number(unpack);
    tokens = make_room(unpack, count, sizeof(*tokens));
    if (addresses == NULL || tokens == NULL)
        return NULL;
    for (i = 0; !unpack->failed && i < count; i++)
        unpack_token(unpack, &tokens[i]);
    *addresses = (struct device_addresses){(enum uuid_address)(word - 1), tokens,
                                           unpack->failed ? 0 : (size_t)count};
    return addresses;
}

static void
unpack_fields(struct unpack *unpack, const struct field *field, void *into)
{
    const uint8_t *bytes;
    int32_t small;
    int64_t large;

    for (; field->type != END; field++) {
        char *at = (char *)into + field->offset;

        switch (field->type) {
        case STRING:
            *(const char **)(void *)at = unpack_string(unpack);
            break;
        case STRINGS:
            unpack_strings(unpack, (struct strings *)(void *)at);
            break;
        case INT64:
            large = (int64_t)unpack_u64(unpack);
            memcpy(at, &large, sizeof(large));
            break;
        case INT32:
            small = (int32_t)(uint32_t)unpack_number(unpack);
            memcpy(at, &small, sizeof(small));
            break;
        case UUID:
            bytes = take(unpack, sizeof(struct uuid));
            if (bytes != NULL)
                memcpy(at, bytes, sizeof(struct uuid));
            break;
        case ADDRESSES:
            *(const struct device_addresses **)(void *)at = unpack_addresses(unpack);
            break;
        default:
            *(bool *)at = unpack_byte(unpack) != 0;
            break;
        }
    }
}

void
unpack_record(struct unpack *unpack, enum kind kind, void *record)
{
    struct record *head = record;
    struct client *client = client_of(kind, record);

    memset(record, 0, kind_size(kind));
    head->status = unpack_byte(unpack);
    unpack->failed |= head->status > STATUS_UNREADABLE;
    head->path = unpack_string(unpack);
    unpack->failed |= head->path == NULL;
    head->trouble = unpack_trouble(unpack);
    head->facts = unpack_number(unpack);
    head->content = unpack_number(unpack);
    unpack_fields(unpack, fields[kind], record);
    if (client != NULL)
        unpack_fields(unpack, client_fields, client);
}
