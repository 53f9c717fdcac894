/* What does not fit together between records: registry_cross_check of registry.h. */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "registry.h"

static bool
is_active(const struct record *record)
{
    return record->status == STATUS_ACTIVE;
}

static bool
entry_has_domain(const struct registry *registry, const char *ip)
{
    const struct domain *domain;
    size_t i;

    for (i = 0; (domain = registry_at(registry, KIND_DOMAIN, i)) != NULL; i++)
        if (is_active(&domain->record) && strcmp(domain->node_ip, ip) == 0)
            return true;
    return false;
}

static bool
has_route(const struct registry *registry, bool as_core, const char *ip)
{
    const struct route *route;
    size_t i;

    for (i = 0; (route = registry_at(registry, KIND_ROUTE, i)) != NULL; i++)
        if (strcmp(as_core ? route->core_ip : route->entry_ip, ip) == 0)
            return true;
    return false;
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
check_users(const struct registry *registry, struct report *report)
{
    const struct user *user;
    size_t i, n;

    for (i = 0; (user = registry_at(registry, KIND_USER, i)) != NULL; i++) {
        if (!is_active(&user->record))
            continue;
        for (n = 0; n < user->cores.count; n++) {
            const char *core = user->cores.items[n];

            /* A core without routes gives nothing; one that nothing names is a typing error. */
            if (registry_node(registry, core) == NULL &&
                registry_role(registry, "core", core) == NULL && !has_route(registry, true, core))
                report_add(report, FINDING_WARNING, user->record.path,
                           "core_nodes: no node, role or route knows the core %s", core);
        }
    }
}

static void
check_routes(const struct registry *registry, struct report *report)
{
    const struct route *route;
    size_t i;

    for (i = 0; (route = registry_at(registry, KIND_ROUTE, i)) != NULL; i++)
        if (is_active(&route->record) && route->client.address == NULL &&
            !entry_has_domain(registry, route->entry_ip))
            report_add(report, FINDING_WARNING, route->record.path,
                       "entry_ip: the entry %s has no active domain (and the route no "
                       "client.address); not served",
                       route->entry_ip);
}

static void
check_domains(const struct registry *registry, struct report *report)
{
    const struct domain *domain;
    size_t i;

    for (i = 0; (domain = registry_at(registry, KIND_DOMAIN, i)) != NULL; i++)
        if (is_active(&domain->record) && registry_node(registry, domain->node_ip) == NULL &&
            registry_role(registry, "entry", domain->node_ip) == NULL &&
            !has_route(registry, false, domain->node_ip))
            report_add(report, FINDING_WARNING, domain->record.path,
                       "node_ip: no node, role or route knows the entry %s", domain->node_ip);
}

void
registry_cross_check(const struct registry *registry, struct report *report)
{
    check_devices(registry, report);
    check_users(registry, report);
    check_routes(registry, report);
    check_domains(registry, report);
}
