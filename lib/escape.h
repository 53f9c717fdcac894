/*
 * Escaping: percent-encoding for share links, and quoted strings for JSON and YAML.
 *
 * The VLESS link standard says encodeURIComponent; RFC 3986 unreserved characters are what every
 * client's decoder agrees on, so only A-Z a-z 0-9 - . _ ~ stay, but in words that a client would
 * take for those of a profile. A space is %20, never +.
 */
#ifndef SIGNPOST_ESCAPE_H
#define SIGNPOST_ESCAPE_H

#include "buf.h"

/* Appends len bytes percent-encoded, byte by byte, hexadecimal digits in upper case. */
void escape_percent(struct buf *buf, const char *bytes, size_t len);

/*
 * Appends UTF-8 text as the inside of a quoted string that JSON (RFC 8259 section 7) and YAML
 * (1.2.2, 7.3.1; its 5.1 asks to escape what is not printable) read alike: quotation mark,
 * backslash, C0, DEL, C1, line and paragraph separator and the byte order mark are escaped.
 */
void escape_quoted(struct buf *buf, const char *text, size_t len);

/* Appends a whole quoted string, quotation marks included. */
void escape_string(struct buf *buf, const char *text);

#endif
