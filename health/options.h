/*
 * What the settings say of probes.
 */
#ifndef SIGNPOST_OPTIONS_H
#define SIGNPOST_OPTIONS_H

#include "config.h"
#include "probe.h"

/*
 * Fills all options but wake_fd, which stays as it is. Strings go into the pool or stay in the
 * settings. Returns 0, or -1 with error filled: what is needed is missing, or a target is none.
 */
int options_read(struct probe_options *options, const struct health_settings *settings,
                 struct pool *pool, struct error *error);

#endif
