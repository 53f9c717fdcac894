/*
 * UUIDs (RFC 9562) in their 36-character text form: 8-4-4-4-12 hexadecimal digits, either case.
 * Braces, urn:uuid: and forms without hyphens are not accepted: an address has one spelling.
 */
#ifndef SIGNPOST_UUID_H
#define SIGNPOST_UUID_H

#include <stddef.h>
#include <stdint.h>

enum { UUID_TEXT = 36 };

struct uuid {
    uint8_t bytes[16];
};

/* Reads exactly len == 36 characters. Returns 0, or -1 when they are not a UUID. */
int uuid_parse(const char *text, size_t len, struct uuid *uuid);

/* Writes the lower-case form and a terminator. */
void uuid_format(const struct uuid *uuid, char out[UUID_TEXT + 1]);

#endif
