/*
 * Why a device gets nothing, or not a certain endpoint. The reason is for the operator (explain,
 * logs) and never for the wire, where every refusal is the same 404.
 */
#ifndef SIGNPOST_REFUSAL_H
#define SIGNPOST_REFUSAL_H

enum refusal {
    REFUSAL_NONE,
    /* the device */
    REFUSAL_UNKNOWN, /* no such device, or none that is served */
    REFUSAL_DEVICE_STATUS,
    REFUSAL_NO_USER,
    REFUSAL_USER_STATUS,
    REFUSAL_EXPIRED,
    REFUSAL_ADDRESS, /* its UUID is no address of it, and a token leads to it no more, or none */
    REFUSAL_NO_CORE, /* the user has no core_nodes, and what needs no core is not for him */
    REFUSAL_NOTHING, /* every endpoint is refused */
    REFUSAL_PROBE,   /* its UUID is that of probes (settings health.uuid, health.uuids) */
    REFUSAL_ROBOT,   /* its User-Agent is given nothing: a link preview, a robot, by a rule */
    REFUSAL_CLIENT,  /* none is left that the client app knows what to do with */
    /* an endpoint, for everybody */
    REFUSAL_STATUS,
    REFUSAL_ENTRY_STATUS,
    REFUSAL_CORE_STATUS,
    REFUSAL_NO_DOMAIN,
    REFUSAL_DOMAIN_STATUS,
    REFUSAL_UNUSABLE, /* its client fields cannot work together */
    /* an endpoint, for one user */
    REFUSAL_OTHER_CORE,  /* not the core that the setting names */
    REFUSAL_NOT_ON_CORE, /* not among the user's core_nodes */
    REFUSAL_GROUP,
    REFUSALS
};

/* The reason in words, to follow "refused: ". */
const char *refusal_text(enum refusal refusal);

/* The reason as one token for machines: "device-status", … */
const char *refusal_token(enum refusal refusal);

#endif
