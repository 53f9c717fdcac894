/*
 * Points in time as records write them.
 */
#ifndef SIGNPOST_DATE_H
#define SIGNPOST_DATE_H

#include <stdint.h>

enum { DATE_TEXT = 21 }; /* "2026-12-31T23:59:59Z" and its terminator */

/*
 * Reads "YYYY-MM-DD" or an RFC 3339 date-time: "2026-12-31T18:00:00Z" or with an offset like
 * "+03:00"; T may be a space, letters may be lower case, fractions of a second are dropped. Writes
 * seconds since the epoch. A plain date means the end of that day in UTC: what "valid until the
 * 31st" means to a reader. Returns 0, or -1 when the text is neither or names no real day.
 */
int date_parse(const char *text, int64_t *seconds);

/* Writes the RFC 3339 form in UTC. Years past 9999 are written as 9999-12-31T23:59:59Z. */
void date_format(int64_t seconds, char out[DATE_TEXT]);

#endif
