/*
 * The settings: one YAML or JSON file, then a few variables of the environment over it.
 */
#ifndef SIGNPOST_CONFIG_H
#define SIGNPOST_CONFIG_H

#include <stdbool.h>

#include "agent.h"
#include "liveness.h"
#include "origin.h"
#include "policy.h"
#include "pool.h"

#define CONFIG_DEFAULT_FILE  "/etc/signpost/signpost.yaml"
#define CONFIG_DEFAULT_STATE "/var/lib/signpost"

/*
 * What apps are told beside the servers. NULL: not told. Templates may hold {device} and {user}
 * (names); web_page_url also {uuid} and {address} (a UUID or token).
 */
struct profile_settings {
    const char *title;       /* `title`, a template: profile-title; default {device} */
    const char *filename;    /* `filename`, a template: content-disposition; default: the title */
    const char *support_url; /* `support_url` */
    const char
        *web_page_url;    /* `web_page_url`, a template; default: the page at the first address */
    const char *announce; /* `announce`, a template */
    const char *routing;  /* `routing`: a happ://routing/… link */
    unsigned update_interval; /* `update_interval`: whole hours; 0: not told */
};

/* Strings live in the config's pool. */
struct config {
    struct pool pool;
    const char *file;          /* that was read, or NULL: none there, all defaults */
    const char *data;          /* `data`, SIGNPOST_DATA: the registry's directory, or NULL */
    const char *state;         /* `state`, SIGNPOST_STATE: the state directory */
    enum origin_choice source; /* `source`: how `data` is read */
    unsigned max_shrink;       /* `max_shrink`: see struct merge */
    bool refresh;              /* `refresh`: the responder keeps the snapshot fresh itself */
    bool sandbox;              /* `sandbox`: the responder gives up what it does not need */
    /*
     * `core`, SIGNPOST_CORE; `domains`, `order`, `max_links`, `remark`, `uuid_addresses`;
     * `public_urls`, in the file's order: where the responder is reached; `templates`, once they
     * are loaded.
     */
    struct policy_options policy;
    struct profile_settings profile;
    struct agent_rules agents;     /* `user_agents` */
    struct health_settings health; /* `health` */
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

/*
 * Reads the files that `templates` names and tries each with two servers. The responder does not
 * need them. Returns 0, or -1 with error filled: file, place, and what would be right.
 */
int config_load_templates(struct config *config, struct error *error);

struct fields;

/* For config.c only: the settings of profiles without a file, and from one. */
void config_default_profile(struct profile_settings *profile);
void config_read_profile(struct config *config, struct fields *fields, const char *file);

void config_default_health(struct health_settings *health);
void config_read_health(struct config *config, struct fields *fields, const char *file);

/* For all of them: a path of the settings file, seen from where that file lies; on or off. */
const char *config_path(struct fields *fields, const char *key, const char *file);
bool config_switch(struct fields *fields, const char *key, bool otherwise);

void config_release(struct config *config);

#endif
