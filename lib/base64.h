/*
 * Base64 (RFC 4648 section 4: standard alphabet, padded) on one line, by libb64's encoder.
 * libb64's decoder writes past its buffer and accepts anything; it is never used.
 */
#ifndef SIGNPOST_BASE64_H
#define SIGNPOST_BASE64_H

#include "buf.h"

/* Appends len bytes encoded, without line breaks. */
void base64_put(struct buf *buf, const char *bytes, size_t len);

#endif
