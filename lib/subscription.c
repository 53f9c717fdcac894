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
subscription_order(struct subscription *subscription)
{
    const struct set *set = &subscription->set;
    struct place places[SET_MAX], place;
    uint8_t id[8];
    uint32_t i, n;

    for (i = 0; i < set->count; i++) {
        place = (struct place){set->entries[i].rank, 0, (uint16_t)i};
        if (!set->by_name) {
            put_u64(id, set->entries[i].id);
            place.hash = siphash(subscription->uuid.bytes, id, sizeof(id));
        }
        places[i] = place;
    }
    /* Most lists are short: insertion, without calls. */
    if (set->count <= 16) {
        for (i = 1; i < set->count; i++) {
            place = places[i];
            for (n = i; n > 0 && compare_places(&place, &places[n - 1]) < 0; n--)
                places[n] = places[n - 1];
            places[n] = place;
        }
    } else {
        qsort(places, set->count, sizeof(places[0]), compare_places);
    }
    subscription->count = set->max_links > 0 && set->max_links < set->count ? set->max_links
                                                                            : set->count;
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
subscription_find(struct snapshot *snapshot, const struct uuid *uuid, int64_t now,
                  struct subscription *subscription)
{
    struct snapshot_device device;
    const uint8_t *bytes;
    size_t len;
    int rc = snapshot_get_device(snapshot, uuid, &device);

    if (rc < 0)
        return -1;
    if (rc == 0)
        return refuse(subscription, REFUSAL_UNKNOWN);
    if (device.expires <= now)
        return refuse(subscription, REFUSAL_EXPIRED);
    /* A device names a set that is in the same file; anything else is damage. */
    if (snapshot_get_set(snapshot, device.set, &bytes, &len) != 1 ||
        set_decode(bytes, len, &subscription->set) != 0 || subscription->set.count == 0)
        return -1;
    subscription->refusal = REFUSAL_NONE;
    subscription->uuid = *uuid;
    subscription->name = device.name;
    subscription->name_len = device.name_len;
    subscription_order(subscription);
    return 0;
}
