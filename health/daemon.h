/* The daemon: who is asked when, and what is written down of it. */
#ifndef SIGNPOST_DAEMON_H
#define SIGNPOST_DAEMON_H

#include <stdbool.h>

#include "config.h"

/*
 * Probes the nodes of the snapshot in service until a descriptor (-1: none) becomes readable, or,
 * with once, until every node has been asked and it is clear which are alive. Writes the
 * state file after every change and at least every interval. Complaints go to stderr. Returns 0, or
 * -1 with error filled.
 */
int daemon_run(const struct config *config, int stop_fd, bool once, struct error *error);

#endif
