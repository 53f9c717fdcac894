/*
 * What apps are told beside the servers, as header fields: names and forms that they have agreed
 * on (profile-title, subscription-userinfo, … as Clash, Hiddify and Happ read them) and
 * Content-Disposition (RFC 6266).
 */
#ifndef SIGNPOST_METADATA_H
#define SIGNPOST_METADATA_H

#include "buf.h"
#include "config.h"
#include "subscription.h"

/* What a user has used and may use. */
struct traffic {
    bool is_known; /* whether anybody has counted */
    uint64_t upload, download, total;
};

/* Where they come from. */
struct metadata {
    const struct profile_settings *profile;
    const struct strings *urls;
    const struct subscription *subscription;
    struct traffic traffic;
};

/* Appends header fields, each with its CR LF. No name can break out of them. */
void metadata_put(struct buf *buf, const struct metadata *metadata);

/* Appends a template with its names filled in, as plain text. */
void metadata_expand(struct buf *buf, const char *template, const struct subscription *of);

#endif
