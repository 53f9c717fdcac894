/*
 * One compile: registry -> snapshot, with what the last one left behind, and status.json beside
 * it, which tells what this one found.
 */
#ifndef SIGNPOST_PASS_H
#define SIGNPOST_PASS_H

#include "compile.h"
#include "config.h"
#include "report.h"

enum pass_end {
    PASS_FAILED = -1, /* the old snapshot is still there */
    PASS_COMPILED,
    PASS_UNCHANGED, /* the snapshot is of this version and these settings already */
    PASS_WAITING    /* a rebase or merge is under way */
};

struct pass {
    const struct config *config;
    bool is_forced;        /* max_shrink does not count */
    bool is_deep;          /* look at every byte of the snapshot before it is left as it is */
    struct report *report; /* findings that the pass before did not have go there; may be NULL */

    /* What came of it. */
    char version[VERSION_MAX];
    enum pass_end end;
    struct compile_result compiled; /* of PASS_COMPILED */
    size_t counts[FINDING_LEVELS];  /* of all findings, new and old */
};

/*
 * Makes the state directory's snapshot anew where that is needed. The caller holds the lock. Fills
 * error on PASS_FAILED and PASS_WAITING; status.json says so too.
 */
enum pass_end pass_run(struct pass *pass, struct error *error);

#endif
