#include "label.h"

#include <stdlib.h>
#include <string.h>

/* A label on its way to being unique within its group. */
struct item {
    struct endpoint *endpoint;
    const char *group;
    const char *text;
    const char *more; /* what to add if it is not; may be NULL */
    bool is_shared;
};

static int
compare_texts(const struct item *a, const struct item *b)
{
    int order = strcmp(a->group, b->group);

    return order != 0 ? order : strcmp(a->text, b->text);
}

static int
compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int order = compare_texts(x, y);

    return order != 0 ? order : strcmp(x->endpoint->id, y->endpoint->id);
}

/* "Moscow" twice becomes "Moscow a.example.org" and "Moscow b.example.org". */
static int
add_more(struct item *items, size_t count, struct pool *pool)
{
    size_t i;

    for (i = 1; i < count; i++)
        if (compare_texts(&items[i], &items[i - 1]) == 0)
            items[i].is_shared = items[i - 1].is_shared = true;
    for (i = 0; i < count; i++) {
        struct item *item = &items[i];

        if (item->is_shared && item->more != NULL && strcmp(item->text, item->more) != 0)
            item->text = pool_printf(pool, "%s %s", item->text, item->more);
        if (item->text == NULL)
            return -1;
    }
    return 0;
}

static bool
is_taken(const struct item *items, size_t count, const struct item *wanted)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (&items[i] != wanted && compare_texts(&items[i], wanted) == 0)
            return true;
    return false;
}

/* What is still equal is numbered; the first keeps the plain label. */
static int
add_numbers(struct item *items, size_t count, struct pool *pool)
{
    size_t i, first = 0, number = 1;

    for (i = 1; i < count; i++) {
        const char *plain = items[i].text;

        if (compare_texts(&items[i], &items[first]) != 0) {
            first = i;
            number = 1;
            continue;
        }
        do {
            items[i].text = pool_printf(pool, "%s %zu", plain, ++number);
            if (items[i].text == NULL)
                return -1;
        } while (is_taken(items, count, &items[i]));
    }
    return 0;
}

static int
settle(struct item *items, size_t count, struct pool *pool)
{
    qsort(items, count, sizeof(*items), compare_items);
    if (add_more(items, count, pool) != 0)
        return -1;
    qsort(items, count, sizeof(*items), compare_items);
    return add_numbers(items, count, pool);
}

static const char *
plain_label(const struct endpoint *endpoint)
{
    if (endpoint->name != NULL)
        return endpoint->name;
    if (endpoint->location != NULL)
        return endpoint->location;
    return endpoint->client.address != NULL ? endpoint->client.address : endpoint->id;
}

static const char *
core_label(const struct policy *policy, const char *core)
{
    const struct node *node = core != NULL ? registry_node(policy->registry, core) : NULL;

    return node != NULL && node->location != NULL ? node->location : core;
}

int
label_endpoints(struct policy *policy)
{
    struct item *items = calloc(policy->count + 1, sizeof(*items));
    size_t i, count = 0;
    int rc;

    if (items == NULL)
        return -1;
    for (i = 0; i < policy->count; i++) {
        struct endpoint *endpoint = &policy->endpoints[i];

        endpoint->label = endpoint->wide_label = plain_label(endpoint);
        if (endpoint->status != STATUS_ARCHIVED)
            items[count++] = (struct item){.endpoint = endpoint,
                                           .group = endpoint->core != NULL ? endpoint->core : "",
                                           .text = endpoint->label,
                                           .more = endpoint->client.address};
    }
    rc = settle(items, count, &policy->pool);
    for (i = 0; rc == 0 && i < count; i++) {
        struct endpoint *endpoint = items[i].endpoint;

        endpoint->label = items[i].text;
        items[i].group = "";
        items[i].more = core_label(policy, endpoint->core);
        items[i].is_shared = false;
    }
    if (rc == 0)
        rc = settle(items, count, &policy->pool);
    for (i = 0; rc == 0 && i < count; i++)
        items[i].endpoint->wide_label = items[i].text;
    free(items);
    return rc;
}
