/* How `signpost token` and `rekey` come by a record; for token.c only. */
#ifndef SIGNPOST_TOKEN_PARTS_H
#define SIGNPOST_TOKEN_PARTS_H

#include <stddef.h>

#include <jansson.h>

#include "uuid.h"

/*
 * The record of a device as its file in the registry says now, committed or not, and the file's
 * path within the registry. Prints why there is none and returns NULL.
 */
json_t *token_read_record(const char *data, const struct uuid *uuid, char *path, size_t size);

#endif
