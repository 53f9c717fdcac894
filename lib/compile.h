/*
 * Registry -> snapshot: resolves every device that may be served and writes the file. The clock
 * has no part in it: the same records and options give the same bytes.
 */
#ifndef SIGNPOST_COMPILE_H
#define SIGNPOST_COMPILE_H

#include "policy.h"
#include "registry.h"

struct compile_result {
    size_t devices;   /* in the snapshot */
    size_t users;     /* whom they belong to */
    size_t endpoints; /* that somebody gets */
    size_t sets;
};

/*
 * Writes the snapshot of a loaded registry to path (see snapshot_begin: the caller holds the
 * lock). Only what is served goes in: a device that is refused for another reason than expiry is
 * not in the file at all. Sets that had to be cut are reported. Returns 0, or -1 with error
 * filled and the old snapshot in place.
 */
int compile_snapshot(const struct registry *registry, const struct policy_options *options,
                     const char *path, struct report *report, struct compile_result *result,
                     struct error *error);

/*
 * Whether the snapshot at path was made of this version with these options; with is_deep, also
 * whether every byte of it is sound.
 */
bool compile_is_current(const char *path, const char *version, const struct policy_options *options,
                        bool is_deep);

#endif
