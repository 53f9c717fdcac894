/* What `signpost explain` says of tokens; for explain.c only. */
#ifndef SIGNPOST_EXPLAIN_PARTS_H
#define SIGNPOST_EXPLAIN_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "registry.h"

/* A list of the device's tokens at a point in time: how each starts, its end and its state. */
json_t *explain_tokens(const struct token_owners *owners, const struct device *device, int64_t now);

/* Finds the device of a token, the first of several. Returns false: there is none. */
bool explain_find_token(const struct registry *registry, const char *token, struct uuid *uuid);

/* Whether one of the device's (what explain.c makes of it) leads to it now. */
bool explain_has_token(const json_t *device);

void explain_print_tokens(const json_t *tokens);

#endif
