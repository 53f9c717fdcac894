#include "subscription.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "siphash.h"

struct place {
    uint64_t rank;
    uint64_t hash;
    uint16_t index;
};

static int
compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

void
subscription_order(struct subscription *subscription, uint32_t known)
{
    const struct set *set = &subscription->set;
    struct place places[SET_MAX], place;
    uint8_t id[8];
    uint32_t i, n, count = 0;

    for (i = 0; i < set->count; i++) {
        if ((set->entries[i].features & ~known) != 0)
            continue;
        place = (struct place){set->entries[i].rank, 0, (uint16_t)i};
        if (!set->by_name) {
            put_u64(id, set->entries[i].id);
            place.hash = siphash(subscription->uuid.bytes, id, sizeof(id));
        }
        places[count++] = place;
    }
    /* Most lists are short: insertion, without calls. */
    if (count <= 16) {
        for (i = 1; i < count; i++) {
            place = places[i];
            for (n = i; n > 0 && compare_places(&place, &places[n - 1]) < 0; n--)
                places[n] = places[n - 1];
            places[n] = place;
        }
    } else {
        qsort(places, count, sizeof(places[0]), compare_places);
    }
    subscription->count = set->max_links > 0 && set->max_links < count ? set->max_links : count;
    for (i = 0; i < subscription->count; i++)
        subscription->order[i] = places[i].index;
}

static int
refuse(struct subscription *subscription, enum refusal refusal)
{
    subscription->refusal = refusal;
    subscription->count = 0;
    return 0;
}

int
subscription_find(struct snapshot *snapshot, const struct uuid *uuid, int64_t now, uint32_t known,
                  struct subscription *subscription)
{
    struct snapshot_device *device = &subscription->device;
    const uint8_t *bytes;
    size_t len;
    int rc = snapshot_get_device(snapshot, uuid, device);

    if (rc < 0)
        return -1;
    if (rc == 0)
        return refuse(subscription, REFUSAL_UNKNOWN);
    if (device->expires <= now)
        return refuse(subscription, REFUSAL_EXPIRED);
    /* A device names a set that is in the same file; anything else is damage. */
    if (snapshot_get_set(snapshot, device->set, SET_LINKS, &bytes, &len) != 1 ||
        set_decode(bytes, len, &subscription->set) != 0 || subscription->set.count == 0)
        return -1;
    subscription->refusal = REFUSAL_NONE;
    subscription->uuid = *uuid;
    subscription_order(subscription, known);
    return subscription->count > 0 ? 0 : refuse(subscription, REFUSAL_CLIENT);
}

int
subscription_add_outbounds(struct snapshot *snapshot, enum outbound outbound,
                           struct subscription *subscription)
{
    const uint8_t *bytes;
    size_t len;

    if (snapshot_get_set(snapshot, subscription->device.set, (int)outbound, &bytes, &len) != 1)
        return -1;
    return set_decode_outbounds(bytes, len, &subscription->set);
}
