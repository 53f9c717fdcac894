/*
 * Text -> a QR code (ISO/IEC 18004) as inline SVG or for a terminal, by libqrencode.
 */
#ifndef SIGNPOST_QR_H
#define SIGNPOST_QR_H

#include <stdbool.h>

#include "buf.h"

enum { QR_MAX = 2953 }; /* bytes in the largest symbol at the lowest level of correction */

/*
 * Appends an <svg> that shows len bytes, with the quiet zone of 4 modules. label is what it is
 * called for people who do not see it, as HTML (escaped by the caller). Returns false, and appends
 * nothing, when the text is empty or longer than QR_MAX; without memory the buffer fails.
 */
bool qr_put(struct buf *buf, const char *text, size_t len, const char *label);

/*
 * The same as lines of block characters, two modules high each: what is light is drawn, for
 * terminals with a dark ground; with_colours makes the ground dark whatever it is (ECMA-48).
 */
bool qr_put_text(struct buf *buf, const char *text, size_t len, bool with_colours);

#endif
