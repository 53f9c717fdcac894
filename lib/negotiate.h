/*
 * What a request says about the form that it wants -> a format, and what the client knows.
 *
 * In this order: ?format=, a path suffix, the User-Agent's rule, Accept (a browser), base64. An
 * unknown word in the query is passed over: an app that asks for more than we have must not lose
 * its servers.
 */
#ifndef SIGNPOST_NEGOTIATE_H
#define SIGNPOST_NEGOTIATE_H

#include "agent.h"

/* Terminated strings, or NULL. */
struct hints {
    const char *query;      /* "format=clash&…" */
    const char *suffix;     /* "clash": what follows the UUID's slash */
    const char *user_agent; /* User-Agent */
    const char *accept;     /* Accept (RFC 9110 section 12.5.1) */
};

struct choice {
    enum format format; /* FORMAT_NONE: nobody to give anything to */
    enum frame frame;   /* for FORMAT_SING_BOX: which one */
    uint32_t known;     /* features that client and form know */
    const char *app;    /* who asks, or NULL: an unknown app */
};

/* own are the operator's rules, or NULL. Returns 0; -1 when the suffix is none. */
int negotiate(const struct hints *hints, const struct agent_rules *own, struct choice *choice);

#endif
