/*
 * What happens when a file that is mapped becomes shorter: reading past its end is a SIGBUS, which
 * would end the process. Instead the missing pages read as zeros, and whoever read asks afterwards.
 */
#ifndef SIGNPOST_FAULT_H
#define SIGNPOST_FAULT_H

#include <stdbool.h>

/* From now on. */
void fault_watch(void);

/* Whether anything was missing since the last call: then nothing that was read counts. */
bool fault_happened(void);

#endif
