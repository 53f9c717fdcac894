#include "records.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "host.h"
#include "records_parts.h"

const char *const kind_directories[KINDS + 1] = {"users",  "devices", "nodes",    "roles",
                                                 "routes", "domains", "endpoints"};

static const char *const statuses[] = {"active",  "inactive",   "archived", "blocked",
                                       "unknown", "unreadable", "gone"};

const char *
status_name(enum status status)
{
    return statuses[status];
}

const char *
kind_directory(enum kind kind)
{
    return kind_directories[kind];
}

size_t
kind_size(enum kind kind)
{
    static const size_t sizes[KINDS] = {sizeof(struct user),           sizeof(struct device),
                                        sizeof(struct node),           sizeof(struct role),
                                        sizeof(struct route),          sizeof(struct domain),
                                        sizeof(struct endpoint_record)};

    return sizes[kind];
}

static int
compare_users(const void *a, const void *b)
{
    int64_t x = ((const struct user *)a)->id, y = ((const struct user *)b)->id;

    return (x > y) - (x < y);
}

static int
compare_devices(const void *a, const void *b)
{
    return memcmp(&((const struct device *)a)->uuid, &((const struct device *)b)->uuid,
                  sizeof(struct uuid));
}

static int
compare_nodes(const void *a, const void *b)
{
    return strcmp(((const struct node *)a)->ip, ((const struct node *)b)->ip);
}

static int
compare_roles(const void *a, const void *b)
{
    return strcmp(((const struct role *)a)->id, ((const struct role *)b)->id);
}

static int
compare_routes(const void *a, const void *b)
{
    return strcmp(((const struct route *)a)->id, ((const struct route *)b)->id);
}

static int
compare_domains(const void *a, const void *b)
{
    return strcmp(((const struct domain *)a)->name, ((const struct domain *)b)->name);
}

static int
compare_endpoints(const void *a, const void *b)
{
    return strcmp(((const struct endpoint_record *)a)->id, ((const struct endpoint_record *)b)->id);
}

record_compare *
kind_compare(enum kind kind)
{
    static record_compare *const functions[KINDS] = {
        compare_users,  compare_devices, compare_nodes,    compare_roles,
        compare_routes, compare_domains, compare_endpoints};

    return functions[kind];
}

/* An IP address in normal form in the pool, or NULL. */
static const char *
normal_ip(struct pool *pool, const char *text)
{
    char host[HOST_MAX];
    enum host_kind kind = host_parse(text, host);

    if (kind != HOST_IPV4 && kind != HOST_IPV6)
        return NULL;
    return pool_copy(pool, host, strlen(host));
}

static int
identify_user(const char *stem, struct user *user, struct error *error)
{
    char *end;
    long long id;

    if (stem[0] < '1' || stem[0] > '9' || strlen(stem) > 18)
        return error_set(error, "the file's name must be the user's id, a number from 1");
    id = strtoll(stem, &end, 10);
    if (*end != '\0')
        return error_set(error, "the file's name must be the user's id, a number from 1");
    user->id = id;
    user->expires = EXPIRES_NEVER;
    return 0;
}

static int
identify_role(const char *stem, struct pool *pool, struct role *role, struct error *error)
{
    const char *prefix = strncmp(stem, "core_", 5) == 0    ? "core_"
                         : strncmp(stem, "entry_", 6) == 0 ? "entry_"
                                                           : NULL;
    const char *ip = prefix != NULL ? normal_ip(pool, stem + strlen(prefix)) : NULL;

    if (ip == NULL)
        return error_set(error, "the file's name must be core_<ip> or entry_<ip>");
    role->id = pool_printf(pool, "%s%s", prefix, ip);
    return role->id != NULL ? 0 : error_set(error, "out of memory");
}

static int
identify_route(const char *stem, struct pool *pool, struct route *route, struct error *error)
{
    const char *core = strstr(stem, "_core_");
    char *entry;

    if (strncmp(stem, "entry_", 6) == 0 && core != NULL && core > stem + 6) {
        entry = pool_copy(pool, stem + 6, (size_t)(core - stem) - 6);
        if (entry == NULL)
            return error_set(error, "out of memory");
        route->entry_ip = normal_ip(pool, entry);
        route->core_ip = normal_ip(pool, core + 6);
    }
    if (route->entry_ip == NULL || route->core_ip == NULL)
        return error_set(error, "the file's name must be entry_<ip>_core_<ip>");
    route->id = pool_printf(pool, "entry_%s_core_%s", route->entry_ip, route->core_ip);
    route->priority = PRIORITY_DEFAULT;
    return route->id != NULL ? 0 : error_set(error, "out of memory");
}

static int
identify_domain(const char *stem, struct pool *pool, struct domain *domain, struct error *error)
{
    char host[HOST_MAX];

    if (host_parse(stem, host) != HOST_NAME)
        return error_set(error, "the file's name must be a domain name "
                                "(write other scripts as xn--… punycode)");
    domain->name = pool_copy(pool, host, strlen(host));
    domain->priority = PRIORITY_DEFAULT;
    return domain->name != NULL ? 0 : error_set(error, "out of memory");
}

int
record_identify(enum kind kind, const char *path, const char *stem, size_t stem_len,
                struct pool *pool, void *record, struct error *error)
{
    char name[NAME_MAX + 1];

    if (stem_len >= sizeof(name))
        return error_set(error, "the file's name is too long");
    memcpy(name, stem, stem_len);
    name[stem_len] = '\0';
    memset(record, 0, kind_size(kind));
    *(struct record *)record = (struct record){.path = path, .status = STATUS_UNREADABLE};
    switch (kind) {
    case KIND_USER:
        return identify_user(name, record, error);
    case KIND_DEVICE: {
        struct device *device = record;

        if (uuid_parse(name, stem_len, &device->uuid) != 0)
            return error_set(error, "the file's name must be the device's UUID");
        return 0;
    }
    case KIND_NODE: {
        struct node *node = record;

        node->ip = normal_ip(pool, name);
        return node->ip != NULL ? 0 : error_set(error, "the file's name must be an IP address");
    }
    case KIND_ROLE:
        return identify_role(name, pool, record, error);
    case KIND_ROUTE:
        return identify_route(name, pool, record, error);
    case KIND_DOMAIN:
        return identify_domain(name, pool, record, error);
    default: {
        struct endpoint_record *endpoint = record;

        endpoint->id = pool_copy(pool, name, stem_len);
        endpoint->priority = PRIORITY_DEFAULT;
        return endpoint->id != NULL ? 0 : error_set(error, "out of memory");
    }
    }
}

static enum status
read_status(struct fields *fields)
{
    const json_t *value = json_object_get(fields->object, "status");
    const char *text = json_string_value(value);
    int i;

    if (value == NULL || json_is_null(value)) {
        fields_say(fields, FINDING_ERROR, NULL, "no status; taken as not active");
        return STATUS_WRONG;
    }
    for (i = STATUS_ACTIVE; text != NULL && i <= STATUS_BLOCKED; i++)
        if (strcmp(text, statuses[i]) == 0)
            return (enum status)i;
    fields_say(fields, FINDING_ERROR, "status",
               "'%s' is none of active, inactive, archived, blocked; taken as not active",
               text != NULL ? text : "(not a string)");
    return STATUS_WRONG;
}

/* The inside must name what the file's name names, in any spelling of the same address. */
static void
check_identity(struct fields *fields, const char *key, const char *expected, bool is_host)
{
    const char *text = fields_token(fields, key);
    char host[HOST_MAX];

    if (text == NULL)
        return;
    if (is_host && host_parse(text, host) != HOST_BAD)
        text = host;
    if (strcmp(text, expected) != 0)
        fields_fail(fields, key, "'%s' does not agree with the file's name", text);
}

static const char *
read_ip(struct fields *fields, const char *key)
{
    const char *text = fields_token(fields, key), *ip;

    if (text == NULL)
        return NULL;
    ip = normal_ip(fields->pool, text);
    if (ip == NULL)
        fields_fail(fields, key, "'%s' is not an IP address", text);
    return ip;
}

static int32_t
read_priority(struct fields *fields)
{
    return (int32_t)fields_integer(fields, "priority", PRIORITY_DEFAULT, -PRIORITY_MAX,
                                   PRIORITY_MAX);
}

static void
read_user(struct fields *fields, struct user *user)
{
    static const char *const known[] = {"id",
                                        "username",
                                        "status",
                                        "core_nodes",
                                        "created",
                                        "expires",
                                        "groups",
                                        "traffic_limit",
                                        "hash",
                                        "email",
                                        "telegram",
                                        "hash_telegram_id",
                                        "encrypted_telegram_id",
                                        NULL};
    const char *expires;
    size_t i;

    user->record.status = read_status(fields);
    user->username = fields_text(fields, "username");
    if (fields_has(fields, "id") &&
        fields_integer(fields, "id", user->id, INT64_MIN, INT64_MAX) != user->id)
        fields_fail(fields, "id", "does not agree with the file's name");
    user->traffic_limit = fields_integer(fields, "traffic_limit", 0, 0, INT64_MAX);
    fields_strings(fields, "core_nodes", &user->cores);
    for (i = 0; i < user->cores.count; i++) {
        const char *ip = normal_ip(fields->pool, user->cores.items[i]);

        if (ip == NULL) {
            fields_fail(fields, "core_nodes", "'%s' is not an IP address", user->cores.items[i]);
            return;
        }
        user->cores.items[i] = ip;
    }
    strings_sort(&user->cores);
    fields_strings(fields, "groups", &user->groups);
    /* A date with a time has a space in some hands, so it is text, not a token. */
    expires = fields_text(fields, "expires");
    if (expires != NULL && date_parse(expires, &user->expires) != 0)
        fields_fail(fields, "expires",
                    "'%s' is neither a date (2026-12-31) nor an RFC 3339 time "
                    "(2026-12-31T18:00:00Z)",
                    expires);
    fields_name_unknown(fields, FINDING_NOTICE, known);
}

static void
read_device(struct fields *fields, struct device *device)
{
    static const char *const known[] = {"uuid",    "user_id", "device",         "status",
                                        "created", "tokens",  "uuid_addresses", NULL};
    const char *text = fields_token(fields, "uuid");
    struct uuid inside;

    device->record.status = read_status(fields);
    device->name = fields_text(fields, "device");
    if (text != NULL && (uuid_parse(text, strlen(text), &inside) != 0 ||
                         memcmp(&inside, &device->uuid, sizeof(inside)) != 0)) {
        fields_fail(fields, "uuid", "does not agree with the file's name");
        return; /* the rest, tokens above all, is another's */
    }
    device->user_id = fields_integer(fields, "user_id", 0, 1, INT64_MAX);
    if (device->user_id == 0 && !fields->failed)
        fields_fail(fields, NULL, "no user_id");
    device_read_addresses(fields, device);
    fields_name_unknown(fields, FINDING_NOTICE, known);
}

static void
read_node(struct fields *fields, struct node *node)
{
    static const char *const known[] = {"ip", "hostname", "location", "status", NULL};

    node->record.status = read_status(fields);
    node->location = fields_text(fields, "location");
    check_identity(fields, "ip", node->ip, true);
    fields_name_unknown(fields, FINDING_NOTICE, known);
}

static void
read_role(struct fields *fields, struct role *role)
{
    static const char *const known[] = {"node_ip", "status", NULL};

    role->record.status = read_status(fields);
    check_identity(fields, "node_ip", strchr(role->id, '_') + 1, true);
    fields_name_unknown(fields, FINDING_NOTICE, known);
}

/* Reads `client:` into an already defaulted client; tells whether it can be served. */
static bool
read_client(struct fields *fields, enum status status, struct client *client)
{
    struct source silent = *fields->source;
    struct fields inner;

    if (fields_inner(fields, "client", &inner)) {
        client_read(&inner, client);
        /* This mapping is Signpost's own: an unknown field in it is a typing error. */
        fields_name_unknown(&inner, FINDING_WARNING, client_keys);
        fields->failed |= inner.failed;
    } else {
        inner = *fields;
    }
    /* What cannot work is nobody's concern in a record that is not served anyway. */
    silent.report = NULL;
    if (status != STATUS_ACTIVE)
        inner.source = &silent;
    return !fields->failed && client_check(&inner, client);
}

static void
read_route(struct fields *fields, struct route *route)
{
    static const char *const known[] = {"entry_ip",
                                        "core_ip",
                                        "status",
                                        "client_service_name",
                                        "core_service_name",
                                        "last_rotation",
                                        "created",
                                        "priority",
                                        "name",
                                        "groups",
                                        "client",
                                        NULL};

    route->record.status = read_status(fields);
    check_identity(fields, "entry_ip", route->entry_ip, true);
    check_identity(fields, "core_ip", route->core_ip, true);
    route->priority = read_priority(fields);
    route->name = fields_text(fields, "name");
    fields_strings(fields, "groups", &route->groups);
    client_defaults(&route->client, fields_token(fields, "client_service_name"));
    route->is_usable = read_client(fields, route->record.status, &route->client);
    fields_name_unknown(fields, FINDING_NOTICE, known);
}

static void
read_domain(struct fields *fields, struct domain *domain)
{
    static const char *const known[] = {"domain", "node_ip", "status", "created", "priority", NULL};

    domain->record.status = read_status(fields);
    check_identity(fields, "domain", domain->name, true);
    domain->node_ip = read_ip(fields, "node_ip");
    if (domain->node_ip == NULL && !fields->failed)
        fields_fail(fields, NULL, "no node_ip");
    domain->priority = read_priority(fields);
    fields_name_unknown(fields, FINDING_NOTICE, known);
}

static void
read_endpoint(struct fields *fields, struct endpoint_record *endpoint)
{
    static const char *const known[] = {
        "status",  "priority", "groups", "name", "node_ip", "client", "client_service_name",
        "created", NULL};
    const char *known_flat[64];
    size_t i, n;

    endpoint->record.status = read_status(fields);
    endpoint->priority = read_priority(fields);
    endpoint->name = fields_text(fields, "name");
    endpoint->node_ip = read_ip(fields, "node_ip");
    fields_strings(fields, "groups", &endpoint->groups);
    client_defaults(&endpoint->client, fields_token(fields, "client_service_name"));
    /* An endpoint is hardly more than its client fields: they may stand beside the others too. */
    client_read(fields, &endpoint->client);
    endpoint->is_usable = read_client(fields, endpoint->record.status, &endpoint->client);
    if (endpoint->client.address == NULL && !fields->failed)
        fields_fail(fields, NULL, "no address");
    for (n = 0; known[n] != NULL; n++)
        known_flat[n] = known[n];
    for (i = 0; (known_flat[n] = client_keys[i]) != NULL; i++)
        n++;
    fields_name_unknown(fields, FINDING_NOTICE, known_flat);
}

void
record_read(enum kind kind, const json_t *tree, const struct source *source, struct pool *pool,
            void *record)
{
    struct fields fields = {.object = tree, .source = source, .pool = pool};
    union {
        struct record record;
        struct user user;
        struct device device;
        struct node node;
        struct role role;
        struct route route;
        struct domain domain;
        struct endpoint_record endpoint;
    } read;

    if (!json_is_object(tree)) {
        fields_fail(&fields, NULL, "must be a mapping of fields");
        return;
    }
    memcpy(&read, record, kind_size(kind));
    switch (kind) {
    case KIND_USER:
        read_user(&fields, &read.user);
        break;
    case KIND_DEVICE:
        read_device(&fields, &read.device);
        break;
    case KIND_NODE:
        read_node(&fields, &read.node);
        break;
    case KIND_ROLE:
        read_role(&fields, &read.role);
        break;
    case KIND_ROUTE:
        read_route(&fields, &read.route);
        break;
    case KIND_DOMAIN:
        read_domain(&fields, &read.domain);
        break;
    case KIND_ENDPOINT:
        read_endpoint(&fields, &read.endpoint);
        break;
    }
    if (!fields.failed)
        memcpy(record, &read, kind_size(kind));
    else if (read.record.status != STATUS_ACTIVE)
        ((struct record *)record)->status = read.record.status;
    else if (kind == KIND_DEVICE)
        ((struct device *)record)->addresses = read.device.addresses;
}
