/*
 * Frames: what stands around the endpoints in a profile, as a template with places to fill in.
 *
 *     {{proxies}}       the endpoints in the words of the profile's core
 *     {{names}}         their names, quoted, with commas between
 *     {{name}}          the name of the one endpoint, for the inside of a quoted string
 *     {{device}}        the device's name, likewise
 *     {{public_rules}}  rules that send polls (the hosts of public_urls) through the tunnel
 *
 * The frames that come with Signpost are the files of templates/; an operator's own replace them.
 * They are compiled into the snapshot, so that what is served is always of one piece.
 */
#ifndef SIGNPOST_FRAME_H
#define SIGNPOST_FRAME_H

#include <stdbool.h>

#include "buf.h"
#include "error.h"
#include "fields.h"
#include "outbound.h"

enum frame {
    FRAME_CLASH,
    FRAME_SING_BOX, /* 1.12 and newer */
    FRAME_SING_BOX_1_11,
    FRAME_SING_BOX_1_10,
    FRAME_SING_BOX_1_9, /* and older */
    FRAME_XRAY,         /* of all endpoints together, if there are several */
    FRAME_XRAY_ONE,     /* of one endpoint */
    FRAMES
};

/* The frame's word in the setting `templates`: "clash", "sing-box", "sing-box-1.11", … */
const char *frame_name(enum frame frame);

/* Whose words fill it. */
enum outbound frame_outbound(enum frame frame);

/* The template that comes with Signpost; not terminated. */
const char *frame_default(enum frame frame, size_t *len);

enum frame_place { PLACE_END, PLACE_PROXIES, PLACE_NAMES, PLACE_NAME, PLACE_DEVICE };

/*
 * Appends a template in compiled form, without a byte order mark. urls are the public_urls. Returns
 * 0, or -1 with error filled (its line set) when there is an unknown place, or {{proxies}} is
 * missing.
 */
int frame_compile(enum frame frame, const char *text, size_t len, const struct strings *urls,
                  struct buf *buf, struct error *error);

/*
 * Walks a compiled frame: gives the text up to the next place, and that place. *bytes and *len
 * are moved on. Returns 1; 0 after PLACE_END was given; -1 when it is not well-formed.
 */
int frame_next(const uint8_t **bytes, size_t *len, const char **text, size_t *text_len,
               enum frame_place *place);

#endif
