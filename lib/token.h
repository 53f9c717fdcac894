/*
 * Tokens: addresses of a device that are not its UUID, so that they can be taken back. 8 to 128 of
 * the characters of base64url (RFC 4648 section 5), as Signpost makes them (16 random bytes) and as
 * panels do. What can be read as a UUID is none: an address is one or the other.
 *
 * A token is a password: wherever something lasts, its SHA-256 (FIPS 180-4, by libmd) stands for
 * it.
 */
#ifndef SIGNPOST_TOKEN_H
#define SIGNPOST_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TOKEN_MIN = 8, /* characters */
    TOKEN_MAX = 128,
    TOKEN_BYTES = 16, /* of chance in those that are made here */
    TOKEN_TEXT = 22,  /* the same as text */
    TOKEN_HASH = 32,  /* bytes of a SHA-256 */
    TOKEN_HASH_TEXT = 2 * TOKEN_HASH,
    TOKEN_START = 4 /* characters that may be shown */
};

/* Tells whether len characters have the form of a token. */
bool token_is_form(const char *text, size_t len);

/* The SHA-256 of a text. */
void token_hash(const char *text, size_t len, uint8_t hash[TOKEN_HASH]);

/* Reads 64 hexadecimal digits, in either case. Returns 0, or -1 when they are none. */
int token_read_hash(const char *text, size_t len, uint8_t hash[TOKEN_HASH]);

/* Writes a hash in lower case, and a terminator. */
void token_write_hash(const uint8_t hash[TOKEN_HASH], char out[TOKEN_HASH_TEXT + 1]);

/* Writes 16 bytes as a token, and a terminator. */
void token_write(const uint8_t bytes[TOKEN_BYTES], char out[TOKEN_TEXT + 1]);

#endif
