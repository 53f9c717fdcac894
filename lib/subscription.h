/*
 * An address of a device, its UUID or a token -> the endpoints that the device gets now, in order,
 * or the reason why not.
 */
#ifndef SIGNPOST_SUBSCRIPTION_H
#define SIGNPOST_SUBSCRIPTION_H

#include <stdint.h>

#include "refusal.h"
#include "feature.h"
#include "liveness.h"
#include "set.h"
#include "snapshot.h"
#include "uuid.h"

/* How a device is asked for. */
struct address {
    const char *token; /* as it was asked for, token_len characters; NULL: by the UUID */
    size_t token_len;
    union {
        struct uuid uuid;
        uint8_t hash[TOKEN_HASH]; /* of the token */
    };
};

/*
 * Reads a UUID, or else a token; the text is kept, not copied. A UUID's letters are all lower or
 * all upper case: what limits requests by their address has two spellings to count, not thousands.
 * Returns 0, or -1: it is neither.
 */
int address_parse(const char *text, size_t len, struct address *address);

/* Large (SET_MAX endpoints): keep one and use it again. */
struct subscription {
    enum refusal refusal; /* REFUSAL_NONE: the rest is filled */
    struct uuid uuid;
    const char *token; /* what it was asked for by, while the request lasts; NULL: by the UUID */
    size_t token_len;
    struct snapshot_device device; /* as the snapshot has it */
    struct set set;
    uint32_t count;          /* how many endpoints it gets */
    uint16_t order[SET_MAX]; /* indexes into set.entries */
};

/*
 * Looks a device up by what may be an address of it or not; as subscription_find otherwise. A token
 * that has ended, and a UUID that is no address, are refused.
 */
int subscription_ask(struct snapshot *snapshot, const struct address *address, int64_t now,
                     uint32_t known, const struct liveness *liveness,
                     struct subscription *subscription);

/*
 * Writes the address that it was asked for by, as it stands in a URL, and a terminator. Returns its
 * length.
 */
size_t subscription_address(const struct subscription *subscription, char out[TOKEN_MAX + 1]);

/*
 * Looks a device up, whatever its addresses are. now is seconds since the epoch; only what ends
 * looks at it. known are the features that the client knows: an endpoint that asks for another is
 * left out. liveness may be NULL. What is found points into the snapshot. Returns 0 (found or
 * refused), or -1 when the snapshot is damaged.
 */
int subscription_find(struct snapshot *snapshot, const struct uuid *uuid, int64_t now,
                      uint32_t known, const struct liveness *liveness,
                      struct subscription *subscription);

/*
 * Adds names and outbounds in a core's words to the endpoints of what was found. Returns 0, or -1
 * when the snapshot is damaged.
 */
int subscription_add_outbounds(struct snapshot *snapshot, enum outbound outbound,
                               struct subscription *subscription);

/*
 * Puts the set's endpoints that ask for no more than what is known in the device's order and caps
 * them: rank first; equals by a hash keyed with the device's UUID, which is stable for a device,
 * differs between devices and tells nobody the order of another's list, or as they stand when the
 * set says so. Needs uuid and set.
 *
 * Nodes of which liveness (NULL: nothing is known) tells at the time now that they are down come
 * last, and dead or blocked ones are left out; unless fewer than one, or than half of what the
 * device gets otherwise, would be left: then they come behind all others.
 */
void subscription_order(struct subscription *subscription, uint32_t known,
                        const struct liveness *liveness, int64_t now);

#endif
