/*
 * One compile: registry -> snapshot, and status.json beside it, which tells what this pass found.
 */
#ifndef SIGNPOST_PASS_H
#define SIGNPOST_PASS_H

#include "compile.h"
#include "config.h"
#include "report.h"

#define STATUS_FILE "status.json"

/* How many findings status.json keeps; all are counted. */
enum { STATUS_FINDINGS = 100 };

/*
 * Makes the state directory's snapshot anew. Findings also go to the report. The caller holds the
 * lock. Returns 0 with version (VERSION_MAX bytes) and result filled, or -1 with error filled;
 * status.json says so too.
 */
int pass_run(const struct config *config, struct report *report, char *version,
             struct compile_result *result, struct error *error);

#endif
