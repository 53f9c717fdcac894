/* The YAML half of document.h: libyaml's events -> jansson tree. For document.c only. */
#ifndef SIGNPOST_DOCUMENT_YAML_H
#define SIGNPOST_DOCUMENT_YAML_H

#include "document.h"

/* As document_parse, for YAML; len is within DOCUMENT_MAX. */
json_t *document_parse_yaml(const char *bytes, size_t len, struct error *error);

#endif
