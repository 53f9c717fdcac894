#include "token.h"

#include <string.h>

#include <sys/types.h>

#include <sha256.h>

#include "hex.h"
#include "uuid.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool
is_in_alphabet(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool
token_is_form(const char *text, size_t len)
{
    struct uuid ignored;
    size_t i;

    if (len < TOKEN_MIN || len > TOKEN_MAX)
        return false;
    for (i = 0; i < len; i++)
        if (!is_in_alphabet(text[i]))
            return false;
    return uuid_parse(text, len, &ignored) != 0;
}

void
token_hash(const char *text, size_t len, uint8_t hash[TOKEN_HASH])
{
    SHA2_CTX context;

    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)text, len);
    SHA256Final(hash, &context);
}

int
token_read_hash(const char *text, size_t len, uint8_t hash[TOKEN_HASH])
{
    size_t i;

    if (len != TOKEN_HASH_TEXT)
        return -1;
    for (i = 0; i < TOKEN_HASH; i++) {
        int byte = hex_byte(text + 2 * i);

        if (byte < 0)
            return -1;
        hash[i] = (uint8_t)byte;
    }
    return 0;
}

void
token_write_hash(const uint8_t hash[TOKEN_HASH], char out[TOKEN_HASH_TEXT + 1])
{
    size_t i;

    for (i = 0; i < TOKEN_HASH; i++)
        out = hex_put(out, hash[i]);
    *out = '\0';
}

void
token_write(const uint8_t bytes[TOKEN_BYTES], char out[TOKEN_TEXT + 1])
{
    uint32_t bits = 0;
    size_t i, n = 0;
    int have = 0;

    for (i = 0; i < TOKEN_BYTES; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6)
            out[n++] = alphabet[bits >> (have - 6) & 63];
    }
    out[n++] = alphabet[bits << (6 - have) & 63];
    out[n] = '\0';
}
