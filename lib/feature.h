/*
 * What a client app must know in order to use an endpoint, and what it need not.
 *
 * An endpoint that asks for more than an app knows is left out for that app: of a profile, apps
 * refuse the whole when they meet one unknown word in it.
 */
#ifndef SIGNPOST_FEATURE_H
#define SIGNPOST_FEATURE_H

#include <stddef.h>
#include <stdint.h>

#include "client.h"

enum feature {
    FEATURE_XHTTP,
    FEATURE_XHTTP_EXTRA, /* settings of xhttp beyond path, host and mode */
    FEATURE_HTTPUPGRADE,
    FEATURE_GRPC_PATH, /* a serviceName that is a custom path, "/a/b" */
    FEATURE_REALITY,
    FEATURE_VISION,
    FEATURE_ENCRYPTION, /* VLESS encryption */
    FEATURE_PQV,        /* the server's ML-DSA-65 signature is verified */
    FEATURE_ECH,        /* encrypted client hello by a configuration in the link */
    FEATURE_ECH_DNS,    /* the same by a question to a name server */
    FEATURE_PIN,        /* one certificate is pinned by its SHA-256 */
    FEATURE_PINS,       /* several are */
    FEATURE_VCN,        /* the certificate is verified by another name */
    FEATURE_QUERY,      /* a query in the path of ws or httpupgrade, but for early data */
    FEATURE_FP,         /* a fingerprint beyond the link standard's words */
    FEATURES
};

/* A set of features. */
#define FEATURE_BIT(feature) (UINT32_C(1) << (feature))
#define FEATURES_ALL         (FEATURE_BIT(FEATURES) - 1)

/*
 * What the cores know in their newest versions, and what can be said in their words; Xray knows
 * all. pqv is Xray's own, and optional: whoever does not verify it does not miss it.
 */
#define FEATURES_SING_BOX                                              \
    (FEATURE_BIT(FEATURE_HTTPUPGRADE) | FEATURE_BIT(FEATURE_REALITY) | \
     FEATURE_BIT(FEATURE_VISION) | FEATURE_BIT(FEATURE_PQV) | FEATURE_BIT(FEATURE_ECH))
#define FEATURES_MIHOMO                                                          \
    (FEATURES_SING_BOX | FEATURE_BIT(FEATURE_PIN) | FEATURE_BIT(FEATURE_QUERY) | \
     FEATURE_BIT(FEATURE_ENCRYPTION) | FEATURE_BIT(FEATURE_XHTTP))

/* What a complete client (client_check passed) asks for. */
uint32_t features_of(const struct client *client);

/*
 * The path of ws without the early data that Xray's notation has in it ("?ed=2048"). Returns the
 * length of the path and sets the number, 0 if there is none.
 */
size_t split_early_data(const char *path, unsigned *early_data);

/* The word of a feature: "xhttp", "vision", … */
const char *feature_name(enum feature feature);

#endif
