/*
 * What one compile remembers for the next, in the state directory's file "cache" (0600: it holds
 * the names of users): the whole registry, so that only what changed is read and what turns bad
 * keeps its last good version; and what has been said. It may be deleted at any time: the next
 * compile reads everything.
 */
#ifndef SIGNPOST_CACHE_H
#define SIGNPOST_CACHE_H

#include "registry.h"

#define CACHE_FILE "cache"

struct cache {
    const char *origin;   /* where the records came from; another origin makes the cache void */
    const uint64_t *said; /* a number for each finding that has been told, sorted */
    size_t said_count;
};

/*
 * Loads it: the registry must be empty, and owns what cache points to. Returns 0; or -1 with error
 * filled and an empty registry: there is none (an empty text), or it is damaged or of another
 * version, which only means that all is read anew.
 */
int cache_load(const char *directory, struct registry *registry, struct cache *cache,
               struct error *error);

/*
 * Reads only where the cache's records came from and their version, unchecked: a hint of what will
 * be asked. Each buffer is "" when there is none or it does not fit.
 */
void cache_peek(const char *directory, char *origin, size_t size, char version[VERSION_MAX]);

/*
 * Replaces it, under a temporary name first. Not synced: after a crash it is found to be damaged
 * or is an old one, and either will do.
 */
int cache_save(const char *directory, const struct registry *registry, const struct cache *cache,
               struct error *error);

#endif
