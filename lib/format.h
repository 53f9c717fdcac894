/*
 * Endpoints -> the bytes of an answer, in the form that was asked for.
 */
#ifndef SIGNPOST_FORMAT_H
#define SIGNPOST_FORMAT_H

#include "buf.h"
#include "subscription.h"

enum format {
    FORMAT_BASE64, /* the links in base64: standard alphabet, padded, one line */
    FORMAT_LINKS,  /* VLESS links, one a line, no newline after the last */
    FORMATS
};

/* The format's word in ?format=, and its Content-Type. */
const char *format_name(enum format format);
const char *format_content_type(enum format format);

/*
 * Appends the subscription's links, one a line. A link that would overflow the buffer ends the
 * list; the buffer does not fail for that.
 */
void format_links(struct buf *buf, const struct subscription *subscription);

/*
 * Makes the body in a format. links receives the plain links (its content is replaced), body the
 * result; for FORMAT_LINKS the body is links itself. Returns the buffer that holds the body.
 */
const struct buf *format_make(enum format format, const struct subscription *subscription,
                              struct buf *links, struct buf *body);

#endif
