/*
 * What is known of nodes when a poll is answered: the health files of all vantages, and what is
 * drained by hand.
 */
#ifndef SIGNPOST_LIVENESS_H
#define SIGNPOST_LIVENESS_H

#include <limits.h>

#include "drained.h"
#include "health.h"
#include "set.h"

/* Another place that nodes are asked from: its file, copied here. */
struct vantage_settings {
    const char *file;
    bool is_inside;
};

/* Whose UUID the probes of a node carry. */
struct probe_user {
    const char *node; /* address in normal form */
    struct uuid uuid;
};

/* The setting `health`. Where no unit is named, numbers are as in the file. */
struct health_settings {
    bool is_inside;                          /* `inside`: our own vantage is where the users are */
    const struct vantage_settings *vantages; /* `vantages` */
    size_t vantage_count;
    /* The rest is for signpost-health alone. */
    const char *vantage; /* `vantage`: the name of our own */
    bool has_uuid;
    struct uuid uuid;               /* `uuid`: of the probe device */
    const struct probe_user *users; /* `uuids`: other ones, by node; ascending by UUID */
    size_t user_count;
    const char *target, *second_target, *large_target; /* http://…; NULL: none */
    unsigned status;                                   /* `status` of the targets' answer */
    unsigned interval, timeout, remove_after;          /* seconds */
    unsigned at_once, fall, rise;
    unsigned large_every; /* every so many probes ask the large target; 0: none */
    const char *ca_file;  /* `ca_file`, or NULL: the system's */
    const char *engine;   /* `engine`: Xray, for what probes cannot do without; or NULL */
};

struct liveness {
    const struct health_settings *settings; /* NULL: none */
    struct vantage *vantages; /* our own first, then those of the setting health.vantages */
    const char **paths;       /* of their files */
    size_t count;
    struct drained drained;
    char own[PATH_MAX], drained_path[PATH_MAX];
};

/*
 * Prepares for the files of a state directory and those that the settings name; reads none. Returns
 * 0, or -1 with error filled. The settings must outlive it. Release it either way.
 */
int liveness_init(struct liveness *liveness, const char *state,
                  const struct health_settings *settings, struct error *error);
void liveness_release(struct liveness *liveness);

/* Reads again what has changed; costs a stat of each file otherwise. */
void liveness_look(struct liveness *liveness);

/* Whether anything at all may be known at a time (seconds since the epoch). */
bool liveness_speaks(const struct liveness *liveness, int64_t now);

/* Whether a UUID is for probes, and so nobody's address. */
bool liveness_is_probe(const struct liveness *liveness, const struct uuid *uuid);

/* What is known of an endpoint. A node that is drained is HEALTH_DEAD whatever else is known. */
enum health_state liveness_of(const struct liveness *liveness, int64_t now,
                              const struct set_entry *entry);

#endif
