/*
 * Percent-encoding for share links.
 *
 * The VLESS link standard says encodeURIComponent; RFC 3986 unreserved characters are what every
 * client's decoder agrees on, so only A-Z a-z 0-9 - . _ ~ stay. A space is %20, never +.
 */
#ifndef SIGNPOST_ESCAPE_H
#define SIGNPOST_ESCAPE_H

#include "buf.h"

/* Appends len bytes percent-encoded, byte by byte, hexadecimal digits in upper case. */
void escape_percent(struct buf *buf, const char *bytes, size_t len);

#endif
