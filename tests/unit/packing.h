/* Records of every kind with every field set, and what it takes that two are the same. */
#ifndef SIGNPOST_UNIT_PACKING_H
#define SIGNPOST_UNIT_PACKING_H

#include <stddef.h>
#include <stdlib.h>

#include "pack.h"

/* Room for a record of any kind. */
union any {
    struct record record;
    struct user user;
    struct device device;
    struct node node;
    struct role role;
    struct route route;
    struct domain domain;
    struct endpoint_record endpoint;
};

enum { CLIENT_STRINGS_AT = offsetof(struct client, address), LONG_LIST = 1000 };
enum { CLIENT_STRINGS = (sizeof(struct client) - CLIENT_STRINGS_AT) / sizeof(char *) };

/* The strings of a client, which are all that follows its numbers. */
static inline const char **
client_strings(struct client *client)
{
    return &client->address;
}

/* How a record is filled. */
enum filling { EMPTY, FULL, EXTREME, FILLINGS };

static const char *const packing_few[] = {"a", "", "Москва 🚇"};
static const char *packing_many[LONG_LIST];
static char packing_long[70000];

static inline struct strings
fill_list(enum filling filling)
{
    static const char *few[3];
    size_t i;

    if (filling == EMPTY)
        return (struct strings){NULL, 0};
    for (i = 0; i < LONG_LIST; i++)
        packing_many[i] = packing_few[i % 3];
    memcpy(few, packing_few, sizeof(few));
    return filling == FULL ? (struct strings){few, 3} : (struct strings){packing_many, LONG_LIST};
}

static inline const char *
fill_string(enum filling filling)
{
    memset(packing_long, 'x', sizeof(packing_long) - 1);
    return filling == EMPTY ? NULL : filling == FULL ? "Ünïcode ✓" : packing_long;
}

static inline void
fill_client(enum filling filling, struct client *client)
{
    static char texts[CLIENT_STRINGS][8];
    const char **strings = client_strings(client);
    size_t i;

    client->type = filling == EMPTY ? 0 : TRANSPORTS - 1;
    client->security = filling == EMPTY ? 0 : SECURITIES - 1;
    client->port = filling == EMPTY ? 0 : filling == FULL ? 443 : UINT32_MAX;
    for (i = 0; i < CLIENT_STRINGS; i++) {
        snprintf(texts[i], sizeof(texts[i]), "f%zu", i);
        strings[i] = filling == EMPTY ? NULL : i % 5 == 4 ? "" : texts[i];
    }
}

static inline const struct trouble *
fill_trouble(enum filling filling)
{
    static const struct finding few[] = {
        {FINDING_ERROR, "users/7.json", 3, 14, "'Ünïcode ✓' is wrong"},
        {FINDING_NOTICE, "", 0, 0, ""},
        {FINDING_WARNING, "users/7.yaml", UINT32_MAX, UINT32_MAX, "x"},
        {FINDING_WARNING, "users/7.yaml", 1, 1, packing_long},
    };
    static struct trouble trouble;

    trouble = (struct trouble){.since = filling == FULL ? 1700000000 : INT64_MIN,
                               .is_kept = filling == FULL,
                               .count = filling == FULL ? 3 : 1,
                               .findings = filling == FULL ? few : few + 3,
                               .also = fill_list(filling)};
    return filling == EMPTY ? NULL : &trouble;
}

static inline const struct device_addresses *
fill_addresses(enum filling filling)
{
    static struct token tokens[2];
    static struct device_addresses addresses;

    tokens[0] = (struct token){.until = EXPIRES_NEVER, .start = "aB-_"};
    tokens[1] = (struct token){.until = INT64_MIN};
    memset(tokens[1].hash, 0xfe, TOKEN_HASH);
    addresses = filling == FULL ? (struct device_addresses){UUID_ADDRESS_OFF, tokens, 2}
                                : (struct device_addresses){.uuid = UUID_ADDRESS_ON};
    return filling == EMPTY ? NULL : &addresses;
}

static inline void
fill_fields(enum kind kind, enum filling filling, union any *any)
{
    static const int32_t small[FILLINGS] = {0, -100, INT32_MIN};
    static const int64_t large[FILLINGS] = {0, INT64_MAX, INT64_MIN};
    const char *string = fill_string(filling);
    struct strings list = fill_list(filling);
    bool yes = filling == FULL;

    switch (kind) {
    case KIND_USER:
        any->user = (struct user){
            any->record, large[filling], ~large[filling], large[filling], string, list, list};
        break;
    case KIND_DEVICE:
        any->device = (struct device){.record = any->record, .user_id = large[filling]};
        memset(any->device.uuid.bytes, filling == EMPTY ? 0 : 0xfe, sizeof(struct uuid));
        any->device.name = string;
        any->device.addresses = fill_addresses(filling);
        break;
    case KIND_NODE:
        any->node = (struct node){any->record, "2001:db8::1", string};
        break;
    case KIND_ROLE:
        any->role = (struct role){any->record, "core_2001:db8::1"};
        break;
    case KIND_ROUTE:
        any->route = (struct route){.record = any->record,
                                    .id = "entry_a_core_b",
                                    .entry_ip = "a",
                                    .core_ip = "b",
                                    .priority = small[filling],
                                    .name = string,
                                    .groups = list,
                                    .is_usable = yes};
        fill_client(filling, &any->route.client);
        break;
    case KIND_DOMAIN:
        any->domain = (struct domain){any->record, "a.example", string, small[filling]};
        break;
    case KIND_ENDPOINT:
        any->endpoint = (struct endpoint_record){.record = any->record,
                                                 .id = "e",
                                                 .priority = small[filling],
                                                 .name = string,
                                                 .node_ip = string,
                                                 .groups = list,
                                                 .is_usable = yes};
        fill_client(filling, &any->endpoint.client);
        break;
    }
}

/* Makes a record; what it points to lasts until the next one is made. */
static inline void
fill(enum kind kind, enum filling filling, union any *any)
{
    static const enum status statuses[FILLINGS] = {STATUS_ACTIVE, STATUS_BLOCKED,
                                                   STATUS_UNREADABLE};

    memset(any, 0, sizeof(*any));
    any->record = (struct record){.path = "users/7.json",
                                  .trouble = fill_trouble(filling),
                                  .facts = filling == EMPTY ? 0 : UINT64_MAX,
                                  .content = filling == EMPTY ? 0 : UINT64_C(1) << 63,
                                  .status = statuses[filling]};
    fill_fields(kind, filling, any);
}

static inline void
assert_strings(const char *expected, const char *actual)
{
    if (expected == NULL)
        assert_null(actual);
    else
        assert_string_equal(expected, actual);
}

static inline void
assert_lists(const struct strings *expected, const struct strings *actual)
{
    size_t i;

    assert_int_equal(expected->count, actual->count);
    for (i = 0; i < expected->count; i++)
        assert_string_equal(expected->items[i], actual->items[i]);
}

static inline void
assert_heads(const struct record *expected, const struct record *actual)
{
    const struct trouble *a = expected->trouble, *b = actual->trouble;
    size_t i;

    assert_int_equal(expected->status, actual->status);
    assert_string_equal(expected->path, actual->path);
    assert_true(expected->facts == actual->facts);
    assert_true(expected->content == actual->content);
    assert_int_equal(a != NULL, b != NULL);
    if (a == NULL)
        return;
    assert_true(a->since == b->since);
    assert_int_equal(a->is_kept, b->is_kept);
    assert_lists(&a->also, &b->also);
    assert_int_equal(a->count, b->count);
    for (i = 0; i < a->count; i++) {
        assert_int_equal(a->findings[i].level, b->findings[i].level);
        assert_int_equal(a->findings[i].line, b->findings[i].line);
        assert_int_equal(a->findings[i].column, b->findings[i].column);
        assert_string_equal(a->findings[i].path, b->findings[i].path);
        assert_string_equal(a->findings[i].text, b->findings[i].text);
    }
}

static inline void
assert_clients(struct client *expected, struct client *actual)
{
    size_t i;

    assert_int_equal(expected->type, actual->type);
    assert_int_equal(expected->security, actual->security);
    assert_int_equal(expected->port, actual->port);
    for (i = 0; i < CLIENT_STRINGS; i++)
        assert_strings(client_strings(expected)[i], client_strings(actual)[i]);
}

static inline void
assert_routes(struct route *a, struct route *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->entry_ip, b->entry_ip);
    assert_string_equal(a->core_ip, b->core_ip);
    assert_int_equal(a->priority, b->priority);
    assert_strings(a->name, b->name);
    assert_lists(&a->groups, &b->groups);
    assert_int_equal(a->is_usable, b->is_usable);
    assert_clients(&a->client, &b->client);
}

static inline void
assert_endpoints(struct endpoint_record *a, struct endpoint_record *b)
{
    assert_string_equal(a->id, b->id);
    assert_int_equal(a->priority, b->priority);
    assert_strings(a->name, b->name);
    assert_strings(a->node_ip, b->node_ip);
    assert_lists(&a->groups, &b->groups);
    assert_int_equal(a->is_usable, b->is_usable);
    assert_clients(&a->client, &b->client);
}

static inline void
assert_addresses(const struct device_addresses *a, const struct device_addresses *b)
{
    size_t i;

    assert_int_equal(a != NULL, b != NULL);
    if (a == NULL)
        return;
    assert_int_equal(a->uuid, b->uuid);
    assert_int_equal(a->count, b->count);
    for (i = 0; i < a->count; i++) {
        assert_memory_equal(a->tokens[i].hash, b->tokens[i].hash, TOKEN_HASH);
        assert_true(a->tokens[i].until == b->tokens[i].until);
        assert_string_equal(a->tokens[i].start, b->tokens[i].start);
    }
}

static inline void
assert_same(enum kind kind, union any *a, union any *b)
{
    assert_heads(&a->record, &b->record);
    switch (kind) {
    case KIND_USER:
        assert_true(a->user.id == b->user.id);
        assert_true(a->user.expires == b->user.expires);
        assert_true(a->user.traffic_limit == b->user.traffic_limit);
        assert_strings(a->user.username, b->user.username);
        assert_lists(&a->user.cores, &b->user.cores);
        assert_lists(&a->user.groups, &b->user.groups);
        break;
    case KIND_DEVICE:
        assert_memory_equal(&a->device.uuid, &b->device.uuid, sizeof(struct uuid));
        assert_true(a->device.user_id == b->device.user_id);
        assert_strings(a->device.name, b->device.name);
        assert_addresses(a->device.addresses, b->device.addresses);
        break;
    case KIND_NODE:
        assert_string_equal(a->node.ip, b->node.ip);
        assert_strings(a->node.location, b->node.location);
        break;
    case KIND_ROLE:
        assert_string_equal(a->role.id, b->role.id);
        break;
    case KIND_ROUTE:
        assert_routes(&a->route, &b->route);
        break;
    case KIND_DOMAIN:
        assert_string_equal(a->domain.name, b->domain.name);
        assert_strings(a->domain.node_ip, b->domain.node_ip);
        assert_int_equal(a->domain.priority, b->domain.priority);
        break;
    case KIND_ENDPOINT:
        assert_endpoints(&a->endpoint, &b->endpoint);
        break;
    }
}

#endif
