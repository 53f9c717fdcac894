/* load_served and load_files of cli.h. */
#include <limits.h>
#include <string.h>
#include <time.h>

#include "cache.h"
#include "cli.h"
#include "origin.h"

/* Brings what is known up to date with the origin. While that is changing, what is known holds. */
static int
load_changes(struct origin *origin, struct registry *known, struct registry *fresh,
             struct error *error)
{
    struct merge merge = {.now = (int64_t)time(NULL), .max_shrink = 100};
    char mark[VERSION_MAX] = "";

    if (origin->is_git && origin_look(origin, mark, error) != ORIGIN_SEEN) {
        if (known->version[0] == '\0')
            return -1;
        *fresh = *known;
        registry_init(known);
        return 0;
    }
    if (origin_read(origin, mark, known, fresh, &merge.is_whole, error) != 0 ||
        registry_merge(fresh, known, &merge, NULL, error) != 0)
        return -1;
    origin_version(origin, mark, fresh);
    return 0;
}

int
load_served(const struct config *config, struct registry *registry)
{
    char name[2 * PATH_MAX + 16];
    struct registry known;
    struct origin origin;
    struct cache cache;
    struct error error;
    int rc;

    registry_init(registry);
    registry_init(&known);
    if (origin_open(&origin, config->data, config->source, &error) != 0)
        return trouble("%s", error.text), -1;
    origin_name(&origin, name, sizeof(name));
    if (cache_load(config->state, &known, &cache, &error) == 0 && strcmp(cache.origin, name) != 0)
        registry_release(&known);
    rc = load_changes(&origin, &known, registry, &error);
    registry_release(&known);
    if (rc == 0)
        return 0;
    registry_release(registry);
    return trouble("%s", error.text), -1;
}

int
load_files(const char *directory, struct registry *registry, struct report *report)
{
    struct origin origin;
    struct error error;
    bool is_whole;

    registry_init(registry);
    registry->with_notices = true;
    if (origin_open(&origin, directory, ORIGIN_FILES, &error) != 0 ||
        origin_read(&origin, "", NULL, registry, &is_whole, &error) != 0) {
        registry_release(registry);
        return trouble("%s", error.text), -1;
    }
    origin_version(&origin, "", registry);
    registry_report(registry, report);
    if (registry_cross_check(registry, report) == 0)
        return 0;
    registry_release(registry);
    return trouble("out of memory"), -1;
}
