/* diff_parts.h: a walk over the tokens of two snapshots, which are sorted. */
#include "diff_parts.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Where the walk is in one of them. */
struct place {
    const struct snapshot *snapshot;
    uint32_t position;
    const uint8_t *key; /* of the next token, or NULL */
    struct snapshot_token token;
};

/* Goes on to the next token. Returns 0, or -1 when the snapshot is damaged. */
static int
step(struct place *place)
{
    const uint8_t *key, *value;
    size_t key_len, value_len;
    int rc;

    do
        rc = snapshot_next(place->snapshot, &place->position, &key, &key_len, &value, &value_len);
    while (rc == 1 && key_len != TOKEN_HASH);
    place->key = rc == 1 ? key : NULL;
    if (rc == 1)
        return snapshot_read_token(value, value_len, &place->token);
    return rc;
}

static size_t
say(const struct place *place, const char *what)
{
    char uuid[UUID_TEXT + 1];

    uuid_format(&place->token.uuid, uuid);
    printf("%s %s\n", uuid, what);
    return 1;
}

/* One token that both have. */
static size_t
compare(const struct place *old, const struct place *new)
{
    if (memcmp(&old->token.uuid, &new->token.uuid, sizeof(struct uuid)) != 0)
        return say(old, "loses a token") + say(new, "gains a token");
    return old->token.until != new->token.until ? say(new, "has a token that ends at another time")
                                                : 0;
}

int
diff_tokens(const struct snapshot *old, const struct snapshot *new, size_t *count)
{
    struct place a = {.snapshot = old}, b = {.snapshot = new};
    int order;

    *count = 0;
    if (step(&a) != 0 || step(&b) != 0)
        return -1;
    while (a.key != NULL || b.key != NULL) {
        order = a.key == NULL ? 1 : b.key == NULL ? -1 : memcmp(a.key, b.key, TOKEN_HASH);
        *count += order < 0   ? say(&a, "loses a token")
                  : order > 0 ? say(&b, "gains a token")
                              : compare(&a, &b);
        if ((order <= 0 && step(&a) != 0) || (order >= 0 && step(&b) != 0))
            return -1;
    }
    return 0;
}
