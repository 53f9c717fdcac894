/* What `signpost diff` says of tokens; for diff.c only. */
#ifndef SIGNPOST_DIFF_PARTS_H
#define SIGNPOST_DIFF_PARTS_H

#include <stddef.h>

#include "snapshot.h"

/*
 * Prints which devices gain and lose tokens from old to new, and whose end at another time; never
 * which. Counts them. Returns 0, or -1 when a snapshot is damaged.
 */
int diff_tokens(const struct snapshot *old, const struct snapshot *new, size_t *count);

#endif
