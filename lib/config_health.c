/* Settings of what is known of nodes; part of config.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "fields.h"
#include "host.h"
#include "uuid.h"

enum { VANTAGES_MAX = 16 };

static void
read_vantage(struct fields *list, const json_t *item, size_t index, const char *file,
             struct vantage_settings *vantage)
{
    static const char *const known[] = {"file", "inside", NULL};
    char number[24];
    struct fields fields = {.object = item,
                            .source = list->source,
                            .inside = "vantages",
                            .outer = list->inside,
                            .item = number,
                            .pool = list->pool};

    snprintf(number, sizeof(number), "%zu", index);
    if (!json_is_object(item)) {
        fields_fail(list, "vantages", "must be a list like [{file: PATH, inside: true}]");
        return;
    }
    fields_name_unknown(&fields, FINDING_ERROR, known);
    vantage->file = config_path(&fields, "file", file);
    vantage->is_inside = config_switch(&fields, "inside", false);
    if (vantage->file == NULL)
        fields_fail(&fields, "file", "each vantage needs the file that it is copied to");
    list->failed |= fields.failed;
}

static void
read_vantages(struct health_settings *health, struct fields *fields, const char *file)
{
    const json_t *list = json_object_get(fields->object, "vantages"), *item;
    struct vantage_settings *vantages;
    size_t i;

    if (!fields_has(fields, "vantages"))
        return;
    if (!json_is_array(list) || json_array_size(list) > VANTAGES_MAX) {
        fields_fail(fields, "vantages", "must be a list like [{file: PATH, inside: true}]");
        return;
    }
    vantages = pool_alloc(fields->pool, (json_array_size(list) + 1) * sizeof(*vantages));
    if (vantages == NULL) {
        fields_fail(fields, NULL, "out of memory");
        return;
    }
    json_array_foreach (list, i, item)
        read_vantage(fields, item, i, file, &vantages[i]);
    health->vantages = vantages;
    health->vantage_count = json_array_size(list);
}

static void
read_user(struct fields *fields, const char *node, struct probe_user *user)
{
    const char *text = fields_token(fields, node);
    char host[HOST_MAX];

    if (text == NULL || uuid_parse(text, strlen(text), &user->uuid) != 0)
        fields_fail(fields, node, "must be a UUID");
    if (host_parse(node, host) == HOST_BAD) {
        fields_fail(fields, node, "is no address of a node");
        return;
    }
    user->node = pool_copy(fields->pool, host, strlen(host));
    if (user->node == NULL)
        fields_fail(fields, NULL, "out of memory");
}

static int
compare_users(const void *a, const void *b)
{
    return memcmp(&((const struct probe_user *)a)->uuid, &((const struct probe_user *)b)->uuid,
                  sizeof(struct uuid));
}

static void
read_users(struct health_settings *health, struct fields *fields)
{
    struct probe_user *users;
    struct fields inner;
    const json_t *value;
    const char *node;

    if (!fields_inner(fields, "uuids", &inner))
        return;
    users = pool_alloc(fields->pool, (json_object_size(inner.object) + 1) * sizeof(*users));
    if (users == NULL) {
        fields_fail(fields, NULL, "out of memory");
        return;
    }
    /* The macro wants a pointer that is not const; nothing is changed through it. */
    json_object_foreach ((json_t *)(uintptr_t)inner.object, node, value) {
        read_user(&inner, node, &users[health->user_count++]);
        if (inner.failed)
            break;
    }
    if (!inner.failed && health->user_count > 0)
        qsort(users, health->user_count, sizeof(*users), compare_users);
    health->users = users;
    fields->failed |= inner.failed;
}

static unsigned
number(struct fields *fields, const char *key, unsigned otherwise, unsigned min, unsigned max)
{
    return (unsigned)fields_integer(fields, key, otherwise, min, max);
}

/* What signpost-health goes by. */
static void
read_probes(struct health_settings *health, struct fields *fields, const char *file)
{
    const char *text = fields_token(fields, "uuid");

    health->has_uuid = text != NULL;
    if (text != NULL && uuid_parse(text, strlen(text), &health->uuid) != 0)
        fields_fail(fields, "uuid", "must be a UUID");
    read_users(health, fields);
    health->vantage = fields_token(fields, "vantage");
    if (health->vantage != NULL && !health_is_vantage(health->vantage))
        fields_fail(fields, "vantage", "must be 1 to 64 letters, digits, '-', '.', '_'");
    health->target = fields_token(fields, "target");
    health->second_target = fields_token(fields, "second_target");
    health->large_target = fields_token(fields, "large_target");
    health->ca_file = config_path(fields, "ca_file", file);
    health->engine = fields_token(fields, "engine");
    /* A bare name is looked for in PATH. */
    if (health->engine != NULL && strchr(health->engine, '/') != NULL)
        health->engine = config_path(fields, "engine", file);
    health->status = number(fields, "status", health->status, 100, 599);
    health->interval = number(fields, "interval", health->interval, 1, 24 * 3600);
    health->timeout = number(fields, "timeout", health->timeout, 1, 60);
    health->remove_after = number(fields, "remove_after", health->remove_after, 0, 30 * 24 * 3600);
    health->at_once = number(fields, "at_once", health->at_once, 1, 256);
    health->fall = number(fields, "fall", health->fall, 1, 100);
    health->rise = number(fields, "rise", health->rise, 1, 100);
    health->large_every = number(fields, "large_every", 0, 0, 100000);
}

void
config_default_health(struct health_settings *health)
{
    *health = (struct health_settings){.status = 204,
                                       .interval = 30,
                                       .timeout = 8,
                                       .remove_after = 600,
                                       .at_once = 128,
                                       .fall = 3,
                                       .rise = 2};
}

void
config_read_health(struct config *config, struct fields *fields, const char *file)
{
    static const char *const known[] = {
        "inside",   "vantages",      "vantage",      "uuid",    "uuids",
        "target",   "second_target", "large_target", "ca_file", "status",
        "interval", "timeout",       "remove_after", "at_once", "fall",
        "rise",     "large_every",   "engine",       NULL};
    struct fields inner;

    if (!fields_inner(fields, "health", &inner))
        return;
    fields_name_unknown(&inner, FINDING_ERROR, known);
    config->health.is_inside = config_switch(&inner, "inside", false);
    read_vantages(&config->health, &inner, file);
    read_probes(&config->health, &inner, file);
    fields->failed |= inner.failed;
}
