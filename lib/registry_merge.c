/* What was read now and what was known before: registry_merge of registry.h. */
#include <stdlib.h>
#include <string.h>

#include "registry.h"

enum { LOST_TOLD = 20 };

/* Two records of one identity, old and new, or one of them. */
struct pair {
    const struct record *old;
    struct record *fresh;
};

/* Walks two sorted kinds together. */
struct walk {
    const struct registry *old;
    struct registry *fresh;
    enum kind kind;
    size_t old_at, fresh_at;
};

static bool
next_pair(struct walk *walk, struct pair *pair)
{
    int order;

    pair->old = registry_at(walk->old, walk->kind, walk->old_at);
    pair->fresh = (struct record *)(uintptr_t)registry_at(walk->fresh, walk->kind, walk->fresh_at);
    if (pair->old == NULL && pair->fresh == NULL)
        return false;
    order = pair->old == NULL     ? 1
            : pair->fresh == NULL ? -1
                                  : kind_compare(walk->kind)(pair->old, pair->fresh);
    if (order < 0)
        pair->fresh = NULL;
    else if (order > 0)
        pair->old = NULL;
    walk->old_at += pair->old != NULL;
    walk->fresh_at += pair->fresh != NULL;
    return true;
}

static bool
is_good(const struct record *record)
{
    return record != NULL && record->status != STATUS_UNREADABLE && record->status != STATUS_GONE;
}

static bool
is_lost(const struct merge *merge, const struct pair *pair)
{
    if (pair->old == NULL || pair->old->status != STATUS_ACTIVE)
        return false;
    /* What is kept back already has been accepted as such. */
    if (pair->fresh != NULL && pair->fresh->status == STATUS_UNREADABLE)
        return pair->old->trouble == NULL || !pair->old->trouble->is_kept;
    return pair->fresh == NULL ? merge->is_whole : pair->fresh->status == STATUS_GONE;
}

static void
tell_lost(struct walk walk, const struct merge *merge, struct report *report)
{
    size_t told = 0;
    struct pair pair;

    while (told < LOST_TOLD && next_pair(&walk, &pair))
        if (is_lost(merge, &pair)) {
            report_add(report, FINDING_ERROR, pair.old->path, "%s at once with too many others",
                       pair.fresh != NULL && pair.fresh->status == STATUS_UNREADABLE
                           ? "has turned unreadable"
                           : "has vanished");
            told++;
        }
}

/* How many of the fresh records tell of something that is lost. */
static size_t
count_bad(const struct walk *walk)
{
    const struct record *record;
    size_t count = 0, i;

    for (i = 0; (record = registry_at(walk->fresh, walk->kind, i)) != NULL; i++)
        count += record->status == STATUS_UNREADABLE || record->status == STATUS_GONE;
    return count;
}

/* Refuses what looks like a mishap, not like an order. */
static int
check_shrink(const struct walk *start, const struct merge *merge, struct report *report,
             struct error *error)
{
    struct walk walk = *start;
    size_t active = 0, lost = 0;
    struct pair pair;

    if (merge->max_shrink >= 100 || (!merge->is_whole && count_bad(start) < SHRINK_LEAST))
        return 0;
    while (next_pair(&walk, &pair)) {
        active += pair.old != NULL && pair.old->status == STATUS_ACTIVE;
        lost += is_lost(merge, &pair);
    }
    if (lost < SHRINK_LEAST || lost * 100 <= active * merge->max_shrink)
        return 0;
    tell_lost(*start, merge, report);
    return error_set(error,
                     "%zu of %zu active records in %s/ would vanish or turn unreadable at once, "
                     "more than max_shrink: %u allows; the last version stays. If it is meant so: "
                     "signpost compile --force",
                     lost, active, kind_directory(start->kind), merge->max_shrink);
}

static bool
has_error(const struct trouble *trouble)
{
    size_t i;

    for (i = 0; trouble != NULL && i < trouble->count; i++)
        if (trouble->findings[i].level == FINDING_ERROR)
            return true;
    return false;
}

/* Puts the last good version in a record's place, with the new troubles. */
static void
keep_old(enum kind kind, struct record *fresh, const struct record *old)
{
    struct device *device = (struct device *)(void *)fresh;
    const struct device_addresses *said = kind == KIND_DEVICE ? device->addresses : NULL;
    struct record head = *fresh;

    head.status = old->status;
    memcpy(fresh, old, kind_size(kind));
    *fresh = head;
    /* Whoever takes an address back must not wait for a field that is wrong beside it. */
    if (said != NULL)
        device->addresses = said->count > 0 || said->uuid != UUID_ADDRESS_DEFAULT ? said : NULL;
}

/*
 * Makes the fresh record of a pair what is to be served: it is already, but for what cannot be
 * read, which is the last good version with the new troubles. Returns whether there is anything.
 */
static bool
settle(const struct merge *merge, enum kind kind, const struct pair *pair)
{
    struct record *fresh = pair->fresh;
    const struct record *old = pair->old;
    struct trouble *trouble;

    if (fresh->status == STATUS_GONE)
        return false;
    /* It is ours alone: registry_put and registry_sort made it. */
    trouble = (struct trouble *)(uintptr_t)fresh->trouble;
    if (trouble != NULL)
        trouble->since = old != NULL && has_error(old->trouble) ? old->trouble->since : merge->now;
    if (fresh->status != STATUS_UNREADABLE || !is_good(old))
        return true;
    if (trouble != NULL)
        trouble->is_kept = true;
    keep_old(kind, fresh, old);
    return true;
}

/* Merges what is all there is. */
static int
merge_whole(struct walk walk, const struct merge *merge, struct error *error)
{
    enum kind kind = walk.kind;
    size_t most = walk.old->kinds[kind].count + walk.fresh->kinds[kind].count, count = 0;
    size_t size = kind_size(kind);
    char *items = malloc((most + 1) * size);
    struct pair pair;

    if (items == NULL)
        return error_set(error, "out of memory");
    registry_hint_large(items, (most + 1) * size);
    while (next_pair(&walk, &pair))
        if (pair.fresh != NULL && settle(merge, kind, &pair))
            memcpy(items + count++ * size, pair.fresh, size);
    free(walk.fresh->kinds[kind].items);
    walk.fresh->kinds[kind].items = items;
    walk.fresh->kinds[kind].count = count;
    walk.fresh->kinds[kind].room = most + 1;
    return 0;
}

/* Where a record is among sorted ones, or would be. */
static size_t
place_of(enum kind kind, const char *items, size_t count, const void *record)
{
    size_t low = 0, high = count, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (kind_compare(kind)(items + middle * kind_size(kind), record) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Puts what is new of known records in their places. Returns how many fresh ones are unknown. */
static size_t
replace_known(const struct walk *walk, const struct merge *merge, char *items, size_t count,
              bool *is_any_gone)
{
    size_t size = kind_size(walk->kind), unknown = 0, at, i;
    char *fresh = walk->fresh->kinds[walk->kind].items;

    for (i = 0; i < walk->fresh->kinds[walk->kind].count; i++) {
        struct pair pair = {.fresh = (struct record *)(void *)(fresh + i * size)};
        struct record *old;

        at = place_of(walk->kind, items, count, pair.fresh);
        old = (struct record *)(void *)(items + at * size);
        if (at < count && kind_compare(walk->kind)(old, pair.fresh) == 0)
            pair.old = old;
        if (!settle(merge, walk->kind, &pair)) {
            *is_any_gone |= pair.old != NULL;
            if (pair.old != NULL)
                old->status = STATUS_GONE;
        } else if (pair.old != NULL) {
            memcpy(old, pair.fresh, size);
        } else {
            memmove(fresh + unknown++ * size, pair.fresh, size);
        }
    }
    return unknown;
}

/* Closes the gaps that are left by what is gone. Returns how many records there are. */
static size_t
drop_gone(char *items, size_t count, size_t size)
{
    size_t kept = 0, i;

    for (i = 0; i < count; i++)
        if (((const struct record *)(const void *)(items + i * size))->status != STATUS_GONE) {
            if (kept != i)
                memcpy(items + kept * size, items + i * size, size);
            kept++;
        }
    return kept;
}

/* Adds sorted records to sorted ones that have room for them, from the end. */
static void
insert(enum kind kind, char *items, size_t count, const char *more, size_t more_count)
{
    size_t size = kind_size(kind), at;

    for (; more_count > 0; more_count--, count = at) {
        const char *last = more + (more_count - 1) * size;

        at = place_of(kind, items, count, last);
        memmove(items + (at + more_count) * size, items + at * size, (count - at) * size);
        memcpy(items + (at + more_count - 1) * size, last, size);
    }
}

/* Merges what has changed: mostly little, so that all the others stay where they are. */
static int
merge_changes(const struct walk *walk, struct registry *old, const struct merge *merge,
              struct error *error)
{
    enum kind kind = walk->kind;
    size_t size = kind_size(kind), count = old->kinds[kind].count, unknown;
    size_t most = count + walk->fresh->kinds[kind].count;
    char *items = old->kinds[kind].items;
    bool is_any_gone = false;

    if (items == NULL || most > old->kinds[kind].room) {
        items = realloc(items, (most + 1) * size);
        if (items == NULL)
            return error_set(error, "out of memory");
        old->kinds[kind].items = items;
        old->kinds[kind].room = most + 1;
    }
    unknown = replace_known(walk, merge, items, count, &is_any_gone);
    if (is_any_gone)
        count = drop_gone(items, count, size);
    insert(kind, items, count, walk->fresh->kinds[kind].items, unknown);
    free(walk->fresh->kinds[kind].items);
    walk->fresh->kinds[kind] = old->kinds[kind];
    walk->fresh->kinds[kind].count = count + unknown;
    memset(&old->kinds[kind], 0, sizeof(old->kinds[kind]));
    return 0;
}

static bool
is_named(const struct registry *registry, const char *path)
{
    size_t i;

    for (i = 0; i < registry->strays.count; i++)
        if (strcmp(registry->strays.items[i].path, path) == 0)
            return true;
    return false;
}

/* The strays that are still there: the fresh ones, and the old ones that nothing is new about. */
static int
merge_strays(struct registry *fresh, const struct registry *old, bool is_whole)
{
    size_t most = fresh->strays.count + old->strays.count, count = 0, i;
    struct stray *items = malloc((most + 1) * sizeof(*items));

    if (items == NULL)
        return -1;
    for (i = 0; !is_whole && i < old->strays.count; i++)
        if (!is_named(fresh, old->strays.items[i].path))
            items[count++] = old->strays.items[i];
    for (i = 0; i < fresh->strays.count; i++)
        if (fresh->strays.items[i].text != NULL)
            items[count++] = fresh->strays.items[i];
    free(fresh->strays.items);
    fresh->strays.items = items;
    fresh->strays.count = count;
    fresh->strays.room = most + 1;
    return 0;
}

int
registry_merge(struct registry *fresh, struct registry *old, const struct merge *merge,
               struct report *report, struct error *error)
{
    struct walk walk = {.old = old, .fresh = fresh};

    for (walk.kind = 0; walk.kind < KINDS; walk.kind++)
        if (check_shrink(&walk, merge, report, error) != 0)
            return -1;
    for (walk.kind = 0; walk.kind < KINDS; walk.kind++)
        if ((merge->is_whole ? merge_whole(walk, merge, error)
                             : merge_changes(&walk, old, merge, error)) != 0)
            return -1;
    if (merge_strays(fresh, old, merge->is_whole) != 0)
        return error_set(error, "out of memory");
    /* What lives on of the old records has its strings there. */
    pool_join(&fresh->pool, &old->pool);
    fresh->map = old->map;
    fresh->map_size = old->map_size;
    old->map = NULL;
    registry_release(old);
    return 0;
}
