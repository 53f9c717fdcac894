/*
 * Labels: what tells endpoints apart for people. For policy.c only.
 *
 * A label is the operator's name, else the entry's location, else the address. Apps remember a
 * server by its name, so a label must not change when another endpoint comes and goes: labels are
 * settled among all endpoints that are not archived, served or not.
 */
#ifndef SIGNPOST_LABEL_H
#define SIGNPOST_LABEL_H

#include "policy.h"

/*
 * Fills label (unique among endpoints of the same core: equal ones get their address added) and
 * wide_label (unique among all: equal ones get their core's location added). What is still equal
 * is numbered, in the order of ids. Returns 0, or -1 without memory.
 */
int label_endpoints(struct policy *policy);

#endif
