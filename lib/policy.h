/*
 * Who gets what: the registry's routes and endpoints as one list of endpoints, and for each user
 * which of them are his. A pure function of the records and the options; the clock enters only
 * through `expires`.
 */
#ifndef SIGNPOST_POLICY_H
#define SIGNPOST_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "frame.h"
#include "refusal.h"
#include "registry.h"

struct policy_options {
    const char *core;    /* serve only routes of this core (normal form); NULL: of all the user's */
    bool all_domains;    /* an endpoint for every active domain of an entry, not only the first */
    bool by_name;        /* order equals by name, not spread over devices */
    unsigned max_links;  /* how many endpoints a device learns; 0: all */
    const char *remark;  /* template of the names in links; NULL: see set.h */
    bool by_token_only;  /* a UUID is no address, unless its device says so */
    bool with_user;      /* users' names are served (in a title) */
    struct strings urls; /* where the responder is reached; see frame.h */
    const char *frames[FRAMES];      /* templates; NULL: ours */
    const char *frame_paths[FRAMES]; /* their files, for messages */
};

/* One way in, complete: every default filled, the address known. Strings live in the registry. */
struct endpoint {
    const char *id;     /* identity: the route's or endpoint's id, with the domain if it has one */
    const char *path;   /* of its record */
    enum status status; /* of its record */
    const char *core;   /* NULL: needs no core */
    const char *entry;  /* address of the entry node, or NULL */
    const struct strings *groups;
    int32_t priority;       /* lower first */
    int32_t domain_place;   /* with all_domains: 0 for the first domains of the route, 1, … */
    const char *name;       /* given by the operator, or NULL */
    const char *location;   /* of the entry node, or NULL */
    const char *label;      /* what tells it apart for people, among those of its core */
    const char *wide_label; /* among those of all cores */
    struct client client;   /* with address and, for tls, sni */
    enum refusal refusal;   /* why nobody gets it, or REFUSAL_NONE */
};

struct policy {
    const struct registry *registry;
    struct policy_options options;
    struct pool pool;
    struct endpoint *endpoints; /* by priority, then label, then id */
    size_t count;
};

/*
 * Resolves the registry's routes and endpoints. The registry must outlive the policy. Returns 0,
 * or -1 with error filled (out of memory).
 */
int policy_init(struct policy *policy, const struct registry *registry,
                const struct policy_options *options, struct error *error);
void policy_release(struct policy *policy);

/* Whether an active endpoint is for this user (whatever the user's own status). */
enum refusal policy_endpoint(const struct policy *policy, const struct user *user,
                             const struct endpoint *endpoint);

/*
 * The endpoints that a user gets, in the policy's order, into list (room for policy->count).
 * Returns their number.
 */
size_t policy_select(const struct policy *policy, const struct user *user,
                     const struct endpoint **list);

/* Whether a user may have endpoints of several cores, so that they need their wide labels. */
bool policy_is_wide(const struct policy *policy, const struct user *user);

/* Why a user for whom policy_select has nothing gets nothing. */
enum refusal policy_nothing(const struct user *user);

/* What a device is called in its links: its name, else its user's, else "device". */
const char *policy_device_name(const struct device *device, const struct user *user);

/* Whether only tokens lead to a device, and not its UUID. */
bool policy_is_by_token_only(const struct policy *policy, const struct device *device);

/*
 * The status part of the way: device active, user there and active, not expired at a point in
 * time (seconds since the epoch). *user is set when there is one. Endpoints are not looked at.
 */
enum refusal policy_device(const struct policy *policy, const struct device *device, int64_t now,
                           const struct user **user);

#endif
