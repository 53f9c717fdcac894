#include "liveness.h"

#include <stdlib.h>
#include <string.h>

#include "state.h"

int
liveness_init(struct liveness *liveness, const char *state, const struct health_settings *settings,
              struct error *error)
{
    size_t more = settings->vantage_count, i;

    *liveness = (struct liveness){.settings = settings};
    drained_init(&liveness->drained);
    if (state_path(state, HEALTH_FILE, liveness->own, sizeof(liveness->own), error) != 0 ||
        state_path(state, DRAINED_FILE, liveness->drained_path, sizeof(liveness->drained_path),
                   error) != 0)
        return -1;
    liveness->vantages = calloc(1 + more, sizeof(*liveness->vantages));
    liveness->paths = calloc(1 + more, sizeof(*liveness->paths));
    if (liveness->vantages == NULL || liveness->paths == NULL)
        return error_set(error, "out of memory");
    liveness->count = 1 + more;
    liveness->paths[0] = liveness->own;
    liveness->vantages[0].is_inside = settings->is_inside;
    for (i = 0; i < more; i++) {
        liveness->paths[1 + i] = settings->vantages[i].file;
        liveness->vantages[1 + i].is_inside = settings->vantages[i].is_inside;
    }
    for (i = 0; i < liveness->count; i++)
        health_init(&liveness->vantages[i].health);
    return 0;
}

void
liveness_release(struct liveness *liveness)
{
    size_t i;

    for (i = 0; i < liveness->count; i++)
        health_close(&liveness->vantages[i].health);
    free(liveness->vantages);
    free(liveness->paths);
    drained_close(&liveness->drained);
    *liveness = (struct liveness){.count = 0};
}

void
liveness_look(struct liveness *liveness)
{
    size_t i;

    for (i = 0; i < liveness->count; i++)
        health_look(&liveness->vantages[i].health, liveness->paths[i]);
    drained_look(&liveness->drained, liveness->drained_path);
}

bool
liveness_speaks(const struct liveness *liveness, int64_t now)
{
    size_t i;

    for (i = 0; i < liveness->count; i++)
        if (health_is_fresh(&liveness->vantages[i].health, now))
            return true;
    return liveness->drained.count > 0;
}

static int
compare_uuid(const void *uuid, const void *user)
{
    return memcmp(uuid, &((const struct probe_user *)user)->uuid, sizeof(struct uuid));
}

bool
liveness_is_probe(const struct liveness *liveness, const struct uuid *uuid)
{
    const struct health_settings *settings = liveness->settings;

    if (settings == NULL)
        return false;
    if (settings->has_uuid && memcmp(uuid, &settings->uuid, sizeof(*uuid)) == 0)
        return true;
    return settings->user_count > 0 && bsearch(uuid, settings->users, settings->user_count,
                                               sizeof(*settings->users), compare_uuid) != NULL;
}

enum health_state
liveness_of(const struct liveness *liveness, int64_t now, const struct set_entry *entry)
{
    if (drained_has(&liveness->drained, entry->node))
        return HEALTH_DEAD;
    return health_combine(liveness->vantages, liveness->count, now, entry->config);
}
