/*
 * The way back in FastCGI (specification 1.0, section 3.3 and 5.5): CGI output -> FCGI_STDOUT
 * records and FCGI_END_REQUEST, in one buffer for one write. libfcgi's own streams write every
 * 8 KiB and lose the answer when a peer's socket is full.
 */
#ifndef SIGNPOST_RECORDS_OUT_H
#define SIGNPOST_RECORDS_OUT_H

#include "buf.h"

/* Empties the buffer and leaves room for the first record's head. Append the output after this. */
void records_begin(struct buf *buf);

/* Makes records of what was appended. If that does not fit, the buffer has failed. */
void records_end(struct buf *buf, unsigned request_id);

#endif
