/* Whose a token is: registry_tokens of registry.h. */
#include <stdlib.h>
#include <string.h>

#include "registry.h"

/* By hash, then by device. */
static int
compare_owners(const void *a, const void *b)
{
    const struct token_owner *x = a, *y = b;
    int order = memcmp(x->token->hash, y->token->hash, TOKEN_HASH);

    return order != 0 ? order : memcmp(&x->device->uuid, &y->device->uuid, sizeof(struct uuid));
}

static size_t
count_tokens(const struct registry *registry)
{
    const struct device *device;
    size_t count = 0, i;

    for (i = 0; (device = registry_at(registry, KIND_DEVICE, i)) != NULL; i++)
        count += device->addresses != NULL ? device->addresses->count : 0;
    return count;
}

static void
gather(const struct registry *registry, struct token_owners *owners)
{
    const struct device *device;
    size_t i, n;

    for (i = 0; (device = registry_at(registry, KIND_DEVICE, i)) != NULL; i++)
        for (n = 0; device->addresses != NULL && n < device->addresses->count; n++)
            owners->items[owners->count++] = (struct token_owner){&device->addresses->tokens[n],
                                                                  device};
}

/* Leaves out what more than one device has. */
static void
settle(struct token_owners *owners, struct report *report)
{
    struct token_owner *items = owners->items;
    size_t i, end, kept = 0;

    for (i = 0; i < owners->count; i = end) {
        for (end = i + 1; end < owners->count &&
                          memcmp(items[i].token->hash, items[end].token->hash, TOKEN_HASH) == 0;
             end++)
            report_add(report, FINDING_ERROR, items[end].device->record.path,
                       "tokens: %s has one of them too; neither device gets it, until only one "
                       "has it",
                       items[i].device->record.path);
        if (end == i + 1)
            items[kept++] = items[i];
    }
    owners->count = kept;
}

int
registry_tokens(const struct registry *registry, struct token_owners *owners, struct report *report)
{
    size_t count = count_tokens(registry);

    *owners = (struct token_owners){NULL, 0};
    if (count == 0)
        return 0;
    owners->items = calloc(count, sizeof(*owners->items));
    if (owners->items == NULL)
        return -1;
    gather(registry, owners);
    qsort(owners->items, owners->count, sizeof(*owners->items), compare_owners);
    settle(owners, report);
    return 0;
}

void
token_owners_release(struct token_owners *owners)
{
    free(owners->items);
    *owners = (struct token_owners){NULL, 0};
}

bool
token_owners_have(const struct token_owners *owners, const struct token *token,
                  const struct device *device)
{
    struct token_owner key = {token, device};

    return owners->count > 0 &&
           bsearch(&key, owners->items, owners->count, sizeof(key), compare_owners) != NULL;
}
