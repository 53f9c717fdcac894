#include "subscription.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "siphash.h"

enum { DEAD = 2 };

struct place {
    uint64_t tier; /* 0, then what is down, then what is dead */
    uint64_t rank;
    uint64_t hash;
    uint16_t index;
};

static int
compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->tier != y->tier)
        return x->tier < y->tier ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Most lists are short: insertion, without calls. */
static void
sort(struct place *places, uint32_t count)
{
    struct place place;
    uint32_t i, n;

    if (count > 16) {
        qsort(places, count, sizeof(places[0]), compare_places);
        return;
    }
    for (i = 1; i < count; i++) {
        place = places[i];
        for (n = i; n > 0 && compare_places(&place, &places[n - 1]) < 0; n--)
            places[n] = places[n - 1];
        places[n] = place;
    }
}

static uint64_t
tier_of(enum health_state state)
{
    return state == HEALTH_DOWN ? 1 : state == HEALTH_DEAD || state == HEALTH_BLOCKED ? DEAD : 0;
}

/* How many of the sorted places the device gets. */
static uint32_t
cut(const struct set *set, const struct place *places, uint32_t count)
{
    uint32_t most = set->max_links > 0 && set->max_links < count ? set->max_links : count;
    uint32_t alive = count;

    while (alive > 0 && places[alive - 1].tier == DEAD)
        alive--;
    /* Never none, and never less than half: rather what is likely dead than nothing to try. */
    if (alive == 0 || 2 * alive < most)
        return most;
    return alive < most ? alive : most;
}

void
subscription_order(struct subscription *subscription, uint32_t known,
                   const struct liveness *liveness, int64_t now)
{
    const struct set *set = &subscription->set;
    struct place places[SET_MAX];
    uint32_t i, count = 0;
    uint8_t id[8];

    if (liveness != NULL && !liveness_speaks(liveness, now))
        liveness = NULL;
    for (i = 0; i < set->count; i++) {
        const struct set_entry *entry = &set->entries[i];
        struct place place = {0, entry->rank, 0, (uint16_t)i};

        if ((entry->features & ~known) != 0)
            continue;
        if (liveness != NULL)
            place.tier = tier_of(liveness_of(liveness, now, entry));
        if (!set->by_name) {
            put_u64(id, entry->id);
            place.hash = siphash(subscription->uuid.bytes, id, sizeof(id));
        }
        places[count++] = place;
    }
    subscription->count = 0;
    if (count == 0)
        return;
    sort(places, count);
    subscription->count = cut(set, places, count);
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

static int
find(struct snapshot *snapshot, const struct uuid *uuid, bool must_be_address, int64_t now,
     uint32_t known, const struct liveness *liveness, struct subscription *subscription)
{
    struct snapshot_device *device = &subscription->device;
    const uint8_t *bytes;
    size_t len;
    int rc = snapshot_get_device(snapshot, uuid, device);

    if (rc < 0)
        return -1;
    if (rc == 0)
        return refuse(subscription, REFUSAL_UNKNOWN);
    if (liveness != NULL && liveness_is_probe(liveness, uuid))
        return refuse(subscription, REFUSAL_PROBE);
    if (device->expires <= now)
        return refuse(subscription, REFUSAL_EXPIRED);
    if (must_be_address && device->is_by_token_only)
        return refuse(subscription, REFUSAL_ADDRESS);
    /* A device names a set that is in the same file; anything else is damage. */
    if (snapshot_get_set(snapshot, device->set, SET_LINKS, &bytes, &len) != 1 ||
        set_decode(bytes, len, &subscription->set) != 0 || subscription->set.count == 0)
        return -1;
    subscription->refusal = REFUSAL_NONE;
    subscription->uuid = *uuid;
    subscription->token = NULL;
    subscription_order(subscription, known, liveness, now);
    return subscription->count > 0 ? 0 : refuse(subscription, REFUSAL_CLIENT);
}

int
subscription_find(struct snapshot *snapshot, const struct uuid *uuid, int64_t now, uint32_t known,
                  const struct liveness *liveness, struct subscription *subscription)
{
    return find(snapshot, uuid, false, now, known, liveness, subscription);
}

static bool
is_of_one_case(const char *text, size_t len)
{
    bool has_lower = false, has_upper = false;
    size_t i;

    for (i = 0; i < len; i++) {
        has_lower |= text[i] >= 'a' && text[i] <= 'f';
        has_upper |= text[i] >= 'A' && text[i] <= 'F';
    }
    return !(has_lower && has_upper);
}

int
address_parse(const char *text, size_t len, struct address *address)
{
    *address = (struct address){.token = NULL};
    if (uuid_parse(text, len, &address->uuid) == 0)
        return is_of_one_case(text, len) ? 0 : -1;
    if (!token_is_form(text, len))
        return -1;
    address->token = text;
    address->token_len = len;
    token_hash(text, len, address->hash);
    return 0;
}

int
subscription_ask(struct snapshot *snapshot, const struct address *address, int64_t now,
                 uint32_t known, const struct liveness *liveness, struct subscription *subscription)
{
    struct snapshot_token token;
    int rc;

    if (address->token == NULL)
        return find(snapshot, &address->uuid, true, now, known, liveness, subscription);
    rc = snapshot_get_token(snapshot, address->hash, &token);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return refuse(subscription, REFUSAL_UNKNOWN);
    if (token.until <= now)
        return refuse(subscription, REFUSAL_ADDRESS);
    rc = find(snapshot, &token.uuid, false, now, known, liveness, subscription);
    subscription->token = address->token;
    subscription->token_len = address->token_len;
    return rc;
}

size_t
subscription_address(const struct subscription *subscription, char out[TOKEN_MAX + 1])
{
    if (subscription->token == NULL) {
        uuid_format(&subscription->uuid, out);
        return UUID_TEXT;
    }
    memcpy(out, subscription->token, subscription->token_len);
    out[subscription->token_len] = '\0';
    return subscription->token_len;
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
