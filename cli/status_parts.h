/* What signpost status is made of; for its files only. */
#ifndef SIGNPOST_STATUS_PARTS_H
#define SIGNPOST_STATUS_PARTS_H

#include "cli.h"

/*
 * Adds "health", a list with an object for each vantage, and "drained". Returns whether nothing is
 * wrong with their files. Those of the vantages in the settings must be there, and where
 * signpost-health is set up its own.
 */
bool status_add_health(json_t *out, const struct config *config);

/* Prints both. */
void status_print_health(const json_t *out);

#endif
