/*
 * The settings: one YAML or JSON file, then a few variables of the environment over it.
 */
#ifndef SIGNPOST_CONFIG_H
#define SIGNPOST_CONFIG_H

#include <stdbool.h>

#include "origin.h"
#include "policy.h"
#include "pool.h"

#define CONFIG_DEFAULT_FILE  "/etc/signpost/signpost.yaml"
#define CONFIG_DEFAULT_STATE "/var/lib/signpost"

/* Strings live in the config's pool. */
struct config {
    struct pool pool;
    const char *file;          /* that was read, or NULL: none there, all defaults */
    const char *data;          /* `data`, SIGNPOST_DATA: the registry's directory, or NULL */
    const char *state;         /* `state`, SIGNPOST_STATE: the state directory */
    enum origin_choice source; /* `source`: how `data` is read */
    unsigned max_shrink;       /* `max_shrink`: see struct merge */
    bool refresh;              /* `refresh`: the responder keeps the snapshot fresh itself */
    struct policy_options
        policy; /* `core`, SIGNPOST_CORE; `domains`, `order`, `max_links`, `remark` */
    struct strings
        public_urls; /* `public_urls`, in the file's order: where the responder is reached */
};

/*
 * Reads the settings: the given file (which must be there), else the one that $SIGNPOST_CONFIG
 * names (likewise), else CONFIG_DEFAULT_FILE if it is there. A relative `data` or `state` in a
 * file is relative to the file. Without `state`: the first of $STATE_DIRECTORY, else
 * CONFIG_DEFAULT_STATE if it is there or /var/lib can be written, else signpost/ under
 * $XDG_STATE_HOME or ~/.local/state. Returns 0, or -1 with error filled: file, place, key and what
 * would be right. Release it either way.
 */
int config_load(struct config *config, const char *file, struct error *error);

void config_release(struct config *config);

#endif
