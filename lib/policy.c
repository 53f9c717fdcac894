#include "policy.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "label.h"

static bool
is_active(const struct record *record)
{
    return record->status == STATUS_ACTIVE;
}

/* Active as far as nodes/ and roles/ say anything about it. role is "entry" or "core". */
static bool
node_is_active(const struct registry *registry, const char *role_kind, const char *ip)
{
    const struct node *node = registry_node(registry, ip);
    const struct role *role = registry_role(registry, role_kind, ip);

    return (node == NULL || is_active(&node->record)) && (role == NULL || is_active(&role->record));
}

static const char *
location_of(const struct registry *registry, const char *ip)
{
    const struct node *node = ip != NULL ? registry_node(registry, ip) : NULL;

    return node != NULL ? node->location : NULL;
}

static struct endpoint *
add(struct policy *policy, size_t *room)
{
    struct endpoint *endpoints;

    if (policy->count == *room) {
        *room = *room == 0 ? 16 : *room * 2;
        endpoints = realloc(policy->endpoints, *room * sizeof(*endpoints));
        if (endpoints == NULL)
            return NULL;
        policy->endpoints = endpoints;
    }
    return memset(&policy->endpoints[policy->count++], 0, sizeof(struct endpoint));
}

static enum refusal
route_refusal(const struct registry *registry, const struct route *route)
{
    if (!is_active(&route->record))
        return REFUSAL_STATUS;
    if (!node_is_active(registry, "entry", route->entry_ip))
        return REFUSAL_ENTRY_STATUS;
    if (!node_is_active(registry, "core", route->core_ip))
        return REFUSAL_CORE_STATUS;
    if (!route->is_usable)
        return REFUSAL_UNUSABLE;
    return REFUSAL_NONE;
}

static bool
is_name(const char *address)
{
    char host[HOST_MAX];

    return host_parse(address, host) == HOST_NAME;
}

/* The address is known now: fill what follows from it and the entry's domain (or NULL). */
static void
complete(struct client *client, const char *domain)
{
    if (client->security != SECURITY_TLS || client->sni != NULL || client->address == NULL)
        return;
    client->sni = is_name(client->address) ? client->address : domain;
}

/* Adds a route by one domain, or by none: then it has an address of its own, or no domain. */
static struct endpoint *
add_route(struct policy *policy, size_t *room, const struct route *route,
          const struct domain *domain)
{
    struct endpoint *endpoint = add(policy, room);
    const char *name = domain != NULL ? domain->name : NULL;

    if (endpoint == NULL)
        return NULL;
    endpoint->id = route->id;
    endpoint->path = route->record.path;
    endpoint->status = route->record.status;
    endpoint->core = route->core_ip;
    endpoint->entry = route->entry_ip;
    endpoint->groups = &route->groups;
    endpoint->priority = route->priority;
    endpoint->name = route->name;
    endpoint->location = location_of(policy->registry, route->entry_ip);
    endpoint->client = route->client;
    endpoint->refusal = route_refusal(policy->registry, route);
    if (endpoint->client.address == NULL)
        endpoint->client.address = name;
    if (endpoint->refusal == REFUSAL_NONE && endpoint->client.address == NULL)
        endpoint->refusal = REFUSAL_NO_DOMAIN;
    complete(&endpoint->client, name);
    return endpoint;
}

static int
compare_domains(const void *a, const void *b)
{
    const struct domain *x = *(const struct domain *const *)a;
    const struct domain *y = *(const struct domain *const *)b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* The domains of an entry but for archived ones, by priority, then name. */
static size_t
domains_of(const struct registry *registry, const char *entry_ip, const struct domain **list)
{
    const struct domain *domain;
    size_t i, count = 0;

    for (i = 0; (domain = registry_at(registry, KIND_DOMAIN, i)) != NULL; i++)
        if (domain->node_ip != NULL && domain->record.status != STATUS_ARCHIVED &&
            strcmp(domain->node_ip, entry_ip) == 0)
            list[count++] = domain;
    qsort(list, count, sizeof(*list), compare_domains);
    return count;
}

/* Adds a route once for every domain. Those that are not active count for labels only. */
static int
add_by_all_domains(struct policy *policy, size_t *room, const struct route *route,
                   const struct domain *const *domains, size_t count)
{
    const struct domain *last = NULL;
    struct endpoint *endpoint;
    int32_t place = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        endpoint = add_route(policy, room, route, domains[i]);
        if (endpoint == NULL)
            return -1;
        endpoint->id = pool_printf(&policy->pool, "%s %s", route->id, domains[i]->name);
        if (endpoint->id == NULL)
            return -1;
        if (!is_active(&domains[i]->record)) {
            if (endpoint->refusal == REFUSAL_NONE)
                endpoint->refusal = REFUSAL_DOMAIN_STATUS;
            continue;
        }
        /* Domains of one priority share a place, whatever numbers other entries use. */
        place += last != NULL && domains[i]->priority != last->priority;
        endpoint->domain_place = place;
        last = domains[i];
    }
    return 0;
}

static int
add_route_domains(struct policy *policy, size_t *room, const struct route *route,
                  const struct domain **domains)
{
    size_t count = domains_of(policy->registry, route->entry_ip, domains), i;

    if (policy->options.all_domains && route->client.address == NULL && count > 0)
        return add_by_all_domains(policy, room, route, domains, count);
    for (i = 0; i < count && !is_active(&domains[i]->record); i++)
        ;
    return add_route(policy, room, route, i < count ? domains[i] : NULL) != NULL ? 0 : -1;
}

static int
add_routes(struct policy *policy, size_t *room)
{
    const struct domain **domains = calloc(policy->registry->kinds[KIND_DOMAIN].count + 1,
                                           sizeof(*domains));
    const struct route *route;
    size_t i;
    int rc = domains != NULL ? 0 : -1;

    for (i = 0; rc == 0 && (route = registry_at(policy->registry, KIND_ROUTE, i)) != NULL; i++)
        rc = add_route_domains(policy, room, route, domains);
    free(domains);
    return rc;
}

static int
add_endpoint(struct policy *policy, size_t *room, const struct endpoint_record *record)
{
    struct endpoint *endpoint = add(policy, room);

    if (endpoint == NULL)
        return -1;
    endpoint->id = record->id;
    endpoint->path = record->record.path;
    endpoint->status = record->record.status;
    endpoint->entry = record->node_ip;
    endpoint->groups = &record->groups;
    endpoint->priority = record->priority;
    endpoint->name = record->name;
    endpoint->location = location_of(policy->registry, record->node_ip);
    endpoint->client = record->client;
    complete(&endpoint->client, NULL);
    if (!is_active(&record->record))
        endpoint->refusal = REFUSAL_STATUS;
    else if (record->node_ip != NULL && !node_is_active(policy->registry, "entry", record->node_ip))
        endpoint->refusal = REFUSAL_ENTRY_STATUS;
    else if (!record->is_usable)
        endpoint->refusal = REFUSAL_UNUSABLE;
    return 0;
}

static int
compare_endpoints(const void *a, const void *b)
{
    const struct endpoint *x = a, *y = b;
    int order;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    if (x->domain_place != y->domain_place)
        return x->domain_place < y->domain_place ? -1 : 1;
    order = strcmp(x->label, y->label);
    return order != 0 ? order : strcmp(x->id, y->id);
}

int
policy_init(struct policy *policy, const struct registry *registry,
            const struct policy_options *options, struct error *error)
{
    const struct endpoint_record *record;
    size_t i, room = 0;

    *policy = (struct policy){.registry = registry, .options = *options};
    if (add_routes(policy, &room) != 0)
        goto no_memory;
    for (i = 0; (record = registry_at(registry, KIND_ENDPOINT, i)) != NULL; i++)
        if (add_endpoint(policy, &room, record) != 0)
            goto no_memory;
    if (policy->count > 0 && label_endpoints(policy) != 0)
        goto no_memory;
    if (policy->count > 0)
        qsort(policy->endpoints, policy->count, sizeof(*policy->endpoints), compare_endpoints);
    return 0;
no_memory:
    policy_release(policy);
    return error_set(error, "out of memory");
}

void
policy_release(struct policy *policy)
{
    free(policy->endpoints);
    pool_release(&policy->pool);
    *policy = (struct policy){.registry = NULL};
}

enum refusal
policy_endpoint(const struct policy *policy, const struct user *user,
                const struct endpoint *endpoint)
{
    const char *core = policy->options.core;

    if (endpoint->refusal != REFUSAL_NONE)
        return endpoint->refusal;
    if (endpoint->core != NULL && core != NULL && strcmp(endpoint->core, core) != 0)
        return REFUSAL_OTHER_CORE;
    if (endpoint->core != NULL && !strings_has(&user->cores, endpoint->core))
        return REFUSAL_NOT_ON_CORE;
    if (endpoint->groups->count > 0 && !strings_share(endpoint->groups, &user->groups))
        return REFUSAL_GROUP;
    return REFUSAL_NONE;
}

bool
policy_is_wide(const struct policy *policy, const struct user *user)
{
    return policy->options.core == NULL && user->cores.count > 1;
}

size_t
policy_select(const struct policy *policy, const struct user *user, const struct endpoint **list)
{
    size_t i, count = 0;

    for (i = 0; i < policy->count; i++)
        if (policy_endpoint(policy, user, &policy->endpoints[i]) == REFUSAL_NONE)
            list[count++] = &policy->endpoints[i];
    return count;
}

enum refusal
policy_nothing(const struct user *user)
{
    return user->cores.count == 0 ? REFUSAL_NO_CORE : REFUSAL_NOTHING;
}

const char *
policy_device_name(const struct device *device, const struct user *user)
{
    if (device->name != NULL)
        return device->name;
    return user->username != NULL ? user->username : "device";
}

bool
policy_is_by_token_only(const struct policy *policy, const struct device *device)
{
    enum uuid_address uuid = device->addresses != NULL ? device->addresses->uuid
                                                       : UUID_ADDRESS_DEFAULT;

    if (uuid == UUID_ADDRESS_DEFAULT)
        return policy->options.by_token_only;
    return uuid == UUID_ADDRESS_OFF;
}

enum refusal
policy_device(const struct policy *policy, const struct device *device, int64_t now,
              const struct user **user)
{
    *user = NULL;
    if (device == NULL)
        return REFUSAL_UNKNOWN;
    *user = device->user_id > 0 ? registry_user(policy->registry, device->user_id) : NULL;
    if (!is_active(&device->record))
        return REFUSAL_DEVICE_STATUS;
    if (*user == NULL)
        return REFUSAL_NO_USER;
    if (!is_active(&(*user)->record))
        return REFUSAL_USER_STATUS;
    if ((*user)->expires <= now)
        return REFUSAL_EXPIRED;
    return REFUSAL_NONE;
}
