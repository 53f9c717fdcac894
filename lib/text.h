/*
 * UTF-8 text, one character after another. What is given is valid UTF-8: documents are checked,
 * and what comes from elsewhere is asked first.
 */
#ifndef SIGNPOST_TEXT_H
#define SIGNPOST_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether these bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool text_is_utf8(const char *bytes, size_t len);

/* How many of a string's bytes are whole characters within max bytes. */
size_t text_cut(const char *text, size_t max);

/* Whether a control character (C0, DEL, C1) starts here; *len, unless NULL, becomes its bytes. */
bool text_is_control(const char *text, size_t *len);

/* Whether white space starts here: a space, or another character of Unicode's White_Space. */
bool text_is_space(const char *text);

/* Makes one space of every control character; the string may become shorter. */
void text_clean(char *text);

#endif
