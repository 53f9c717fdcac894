/*
 * Endpoints -> the bytes of an answer, in the form that was asked for. The page is page.h's.
 */
#ifndef SIGNPOST_FORMAT_H
#define SIGNPOST_FORMAT_H

#include "buf.h"
#include "frame.h"
#include "subscription.h"

enum format {
    FORMAT_NONE,
    FORMAT_BASE64,   /* the links in base64: standard alphabet, padded, one line */
    FORMAT_LINKS,    /* VLESS links, one a line, no newline after the last */
    FORMAT_CLASH,    /* a profile for mihomo, YAML */
    FORMAT_SING_BOX, /* a profile for sing-box, JSON */
    FORMAT_XRAY,     /* an array of configurations for Xray, JSON: all servers, then each */
    FORMAT_PAGE,     /* HTML for people */
    FORMATS
};

/* The format's word in ?format=, and its Content-Type. */
const char *format_name(enum format format);
const char *format_content_type(enum format format);

/* The format of a word, or FORMAT_NONE. */
enum format format_find(const char *word, size_t len);

/* What can be said in the format. */
uint32_t format_features(enum format format);

/* Whether the format is a profile: frames filled with outbounds. */
bool format_is_profile(enum format format);

/*
 * Appends the subscription's links, one a line. A link that would overflow the buffer ends the
 * list; the buffer does not fail for that.
 */
void format_links(struct buf *buf, const struct subscription *subscription);

/* Appends the device's or an endpoint's name as people read it: UTF-8, not escaped. */
void format_name_of(struct buf *buf, const struct subscription *subscription,
                    const struct set_entry *entry);

/* A compiled frame. */
struct frame_bytes {
    const uint8_t *bytes;
    size_t len;
};

/*
 * Appends a profile; subscription_add_outbounds has been called. frames are one, or for Xray two:
 * of all endpoints together and of one. It holds at most PROFILE_MAX endpoints, and fewer where
 * the buffer is too small for them. Returns 0, or -1 when a frame is not well-formed.
 */
enum { PROFILE_MAX = 256 };
int format_profile(struct buf *buf, enum format format, const struct frame_bytes *frames,
                   const struct subscription *subscription);

#endif
