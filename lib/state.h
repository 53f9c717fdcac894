/*
 * The state directory: where the snapshot and what belongs to it lie.
 *
 *     snapshot-<format>.cdb   what the responder reads (0640)
 *     status.json             what the last compile found (0640)
 *     health                  what signpost-health has found (0640, health.h)
 *     usage                   what users have used, if somebody collects it (usage.h)
 *     lock                    held while one compiles
 *     looked                  its time: when the registry need not be looked at before
 *     cache                   what the next compile needs of this one (0600, cache.h)
 *     health.lock             held by signpost-health
 *     drained                 nodes that are drained by hand (0640, drained.h)
 *     drained.lock            held while it is changed
 *     engine.sock             between signpost-health and its VPN engine
 *     back.lock               held by the one that a CGI program has left behind
 *     watch.lock              held by the one that watches the registry
 */
#ifndef SIGNPOST_STATE_H
#define SIGNPOST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Writes the path of a file in the state directory. Returns 0, or -1 (too long) with error filled.
 */
int state_path(const char *directory, const char *file, char *out, size_t size,
               struct error *error);

/* The snapshot's path, by its format. */
int state_snapshot_path(const char *directory, char *out, size_t size, struct error *error);

/* Makes the directory (0750), and those above it (0755), if they are not there. */
int state_make(const char *directory, struct error *error);

#define STATE_LOCK         "lock"
#define STATE_WATCH_LOCK   "watch.lock"
#define STATE_BACK_LOCK    "back.lock"
#define STATE_HEALTH_LOCK  "health.lock"
#define STATE_DRAINED_LOCK "drained.lock"

#define STATE_ENGINE_SOCKET "engine.sock"

/*
 * Takes one of the locks; waits for it if wait is set. Returns a descriptor to close, or -1 with
 * error filled; without wait, -1 with an empty text when another holds it.
 */
int state_lock(const char *directory, const char *lock, bool wait, struct error *error);

/* Whether somebody holds STATE_WATCH_LOCK. */
bool state_is_watched(const char *directory);

/* Replaces a small file in the directory as a whole: temporary name, sync, rename. Mode 0640. */
int state_write(const char *directory, const char *file, const char *bytes, size_t len,
                struct error *error);

/*
 * Removes what an interrupted compile has left: every file whose name ends in ".tmp". The caller
 * holds STATE_LOCK.
 */
void state_tidy(const char *directory);

/* How long a look at the registry lasts where nobody watches it, at least. */
enum { STATE_LOOK_MS = 2000 };

/*
 * Notes that the registry has been looked at and need not be again for a number of milliseconds.
 * Nothing depends on it but who looks when.
 */
void state_put_off(const char *directory, int64_t ms);

/* Whether the registry may be looked at again. Of several that ask at once, few get a yes. */
bool state_is_due(const char *directory);

#endif
