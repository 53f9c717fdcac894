/* What does not fit together between records: registry_cross_check of registry.h. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"

static bool
is_active(const struct record *record)
{
    return record->status == STATUS_ACTIVE;
}

/* Addresses that records name, sorted: what the users and domains of a large registry refer to. */
struct addresses {
    const char **items;
    size_t count;
};

static int
compare_addresses(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
has(const struct addresses *addresses, const char *ip)
{
    return addresses->count > 0 && bsearch(&ip, addresses->items, addresses->count,
                                           sizeof(*addresses->items), compare_addresses) != NULL;
}

/* Makes room for what at most count records name. */
static bool
start(struct addresses *addresses, size_t count)
{
    addresses->count = 0;
    addresses->items = calloc(count + 1, sizeof(*addresses->items));
    return addresses->items != NULL;
}

static void
finish(struct addresses *addresses)
{
    if (addresses->count > 0)
        qsort(addresses->items, addresses->count, sizeof(*addresses->items), compare_addresses);
}

/* The entries that have an active domain. */
static bool
find_entries_with_domain(const struct registry *registry, struct addresses *entries)
{
    const struct domain *domain;
    size_t i;

    if (!start(entries, registry->kinds[KIND_DOMAIN].count))
        return false;
    for (i = 0; (domain = registry_at(registry, KIND_DOMAIN, i)) != NULL; i++)
        if (is_active(&domain->record))
            entries->items[entries->count++] = domain->node_ip;
    finish(entries);
    return true;
}

/* Every address that a node, a role or a route knows as "core" or "entry". */
static bool
find_known(const struct registry *registry, const char *kind, struct addresses *known)
{
    bool is_core = strcmp(kind, "core") == 0;
    size_t prefix = strlen(kind), i;
    const struct route *route;
    const struct node *node;
    const struct role *role;

    if (!start(known, registry->kinds[KIND_NODE].count + registry->kinds[KIND_ROLE].count +
                          registry->kinds[KIND_ROUTE].count))
        return false;
    for (i = 0; (node = registry_at(registry, KIND_NODE, i)) != NULL; i++)
        known->items[known->count++] = node->ip;
    for (i = 0; (role = registry_at(registry, KIND_ROLE, i)) != NULL; i++)
        if (strncmp(role->id, kind, prefix) == 0 && role->id[prefix] == '_')
            known->items[known->count++] = role->id + prefix + 1;
    for (i = 0; (route = registry_at(registry, KIND_ROUTE, i)) != NULL; i++)
        known->items[known->count++] = is_core ? route->core_ip : route->entry_ip;
    finish(known);
    return true;
}

static void
check_devices(const struct registry *registry, struct report *report)
{
    const struct device *device;
    size_t i;

    for (i = 0; (device = registry_at(registry, KIND_DEVICE, i)) != NULL; i++)
        if (is_active(&device->record) && registry_user(registry, device->user_id) == NULL)
            report_add(report, FINDING_WARNING, device->record.path,
                       "user_id: there is no user %" PRId64, device->user_id);
}

static void
check_users(const struct registry *registry, const struct addresses *cores, struct report *report)
{
    const struct user *user;
    size_t i, n;

    for (i = 0; (user = registry_at(registry, KIND_USER, i)) != NULL; i++)
        /* A core without routes gives nothing; one that nothing names is a typing error. */
        for (n = 0; is_active(&user->record) && n < user->cores.count; n++)
            if (!has(cores, user->cores.items[n]))
                report_add(report, FINDING_WARNING, user->record.path,
                           "core_nodes: no node, role or route knows the core %s",
                           user->cores.items[n]);
}

static void
check_routes(const struct registry *registry, const struct addresses *with_domain,
             struct report *report)
{
    const struct route *route;
    size_t i;

    for (i = 0; (route = registry_at(registry, KIND_ROUTE, i)) != NULL; i++)
        if (is_active(&route->record) && route->client.address == NULL &&
            !has(with_domain, route->entry_ip))
            report_add(report, FINDING_WARNING, route->record.path,
                       "entry_ip: the entry %s has no active domain (and the route no "
                       "client.address); not served",
                       route->entry_ip);
}

static void
check_domains(const struct registry *registry, const struct addresses *entries,
              struct report *report)
{
    const struct domain *domain;
    size_t i;

    for (i = 0; (domain = registry_at(registry, KIND_DOMAIN, i)) != NULL; i++)
        if (is_active(&domain->record) && !has(entries, domain->node_ip))
            report_add(report, FINDING_WARNING, domain->record.path,
                       "node_ip: no node, role or route knows the entry %s", domain->node_ip);
}

int
registry_cross_check(const struct registry *registry, struct report *report)
{
    struct addresses cores = {NULL, 0}, entries = {NULL, 0}, with_domain = {NULL, 0};
    struct token_owners owners;
    int rc = -1;

    if (registry_tokens(registry, &owners, report) != 0)
        return -1;
    token_owners_release(&owners);
    if (find_known(registry, "core", &cores) && find_known(registry, "entry", &entries) &&
        find_entries_with_domain(registry, &with_domain)) {
        check_devices(registry, report);
        check_users(registry, &cores, report);
        check_routes(registry, &with_domain, report);
        check_domains(registry, &entries, report);
        rc = 0;
    }
    free(cores.items);
    free(entries.items);
    free(with_domain.items);
    return rc;
}
