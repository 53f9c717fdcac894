/*
 * Whether a template makes a profile that can be parsed.
 */
#ifndef SIGNPOST_FORMAT_CHECK_H
#define SIGNPOST_FORMAT_CHECK_H

#include "error.h"
#include "format.h"

/*
 * Fills a template in for two servers and for one, and parses what comes of it: JSON, or YAML
 * (anchors and aliases are the app's to read). Returns 0, or -1 with error filled.
 */
int format_check(enum frame frame, const char *text, size_t len, const struct strings *urls,
                 struct error *error);

#endif
