#include "registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "host.h"

void
registry_init(struct registry *registry)
{
    memset(registry, 0, sizeof(*registry));
    pool_init(&registry->pool);
}

void
registry_release(struct registry *registry)
{
    enum kind kind;

    for (kind = 0; kind < KINDS; kind++)
        free(registry->kinds[kind].items);
    pool_release(&registry->pool);
    registry_init(registry);
}

/* Makes room for one more record of a kind and returns it, not yet counted. */
static void *
next_slot(struct registry *registry, enum kind kind)
{
    size_t count = registry->kinds[kind].count, room = registry->kinds[kind].room;
    void *items;

    if (count == room) {
        room = room == 0 ? 16 : room + room / 2;
        items = realloc(registry->kinds[kind].items, room * kind_size(kind));
        if (items == NULL)
            return NULL;
        registry->kinds[kind].items = items;
        registry->kinds[kind].room = room;
    }
    return (char *)registry->kinds[kind].items + count * kind_size(kind);
}

int
registry_add(struct registry *registry, enum kind kind, const char *name, const char *bytes,
             size_t len, struct report *report, struct error *error)
{
    char *path = pool_printf(&registry->pool, "%s/%s", kind_directory(kind), name);
    struct source source = {path, bytes, len, report};
    void *record = next_slot(registry, kind);
    enum document_syntax syntax;
    struct error problem;
    json_t *tree;
    size_t stem;

    if (path == NULL || record == NULL)
        return error_set(error, "out of memory");
    syntax = document_syntax(name, &stem);
    if (record_identify(kind, path, name, stem, &registry->pool, record, &problem) != 0) {
        report_error(report, path, &problem);
        return 0;
    }
    registry->kinds[kind].count++;
    tree = document_parse(bytes, len, syntax, &problem);
    if (tree == NULL) {
        report_error(report, path, &problem);
        return 0;
    }
    record_read(kind, tree, &source, &registry->pool, record);
    json_decref(tree);
    return 0;
}

void
registry_sort(struct registry *registry, struct report *report)
{
    enum kind kind;

    for (kind = 0; kind < KINDS; kind++) {
        size_t size = kind_size(kind), count = registry->kinds[kind].count, i, kept = 0;
        record_compare *compare = kind_compare(kind);
        char *items = registry->kinds[kind].items;

        if (count == 0)
            continue;
        qsort(items, count, size, compare);
        for (i = 1; i < count; i++) {
            struct record *last = (struct record *)(void *)(items + kept * size);
            struct record *this = (struct record *)(void *)(items + i * size);

            if (compare(last, this) == 0) {
                report_add(report, FINDING_ERROR, this->path,
                           "%s is the same record; neither is served until one is removed",
                           last->path);
                last->status = STATUS_UNREADABLE;
                continue;
            }
            kept++;
            if (kept != i)
                memcpy(items + kept * size, this, size);
        }
        registry->kinds[kind].count = kept + 1;
    }
}

const void *
registry_at(const struct registry *registry, enum kind kind, size_t index)
{
    if (index >= registry->kinds[kind].count)
        return NULL;
    return (const char *)registry->kinds[kind].items + index * kind_size(kind);
}

static const void *
find(const struct registry *registry, enum kind kind, const void *key)
{
    if (registry->kinds[kind].count == 0)
        return NULL;
    return bsearch(key, registry->kinds[kind].items, registry->kinds[kind].count, kind_size(kind),
                   kind_compare(kind));
}

const struct user *
registry_user(const struct registry *registry, int64_t id)
{
    struct user key = {.id = id};

    return find(registry, KIND_USER, &key);
}

const struct device *
registry_device(const struct registry *registry, const struct uuid *uuid)
{
    struct device key = {.uuid = *uuid};

    return find(registry, KIND_DEVICE, &key);
}

const struct node *
registry_node(const struct registry *registry, const char *ip)
{
    struct node key = {.ip = ip};

    return find(registry, KIND_NODE, &key);
}

const struct role *
registry_role(const struct registry *registry, const char *kind, const char *ip)
{
    char id[HOST_MAX + 8];
    struct role key = {.id = id};

    snprintf(id, sizeof(id), "%s_%s", kind, ip);
    return find(registry, KIND_ROLE, &key);
}
