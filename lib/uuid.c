#include "uuid.h"

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int
is_hyphen_place(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

int
uuid_parse(const char *text, size_t len, struct uuid *uuid)
{
    size_t i, n = 0;

    if (len != UUID_TEXT)
        return -1;
    for (i = 0; i < UUID_TEXT; i += 2) {
        int high, low;

        if (is_hyphen_place(i)) {
            if (text[i] != '-')
                return -1;
            i++;
        }
        high = hex_value(text[i]);
        low = hex_value(text[i + 1]);
        if (high < 0 || low < 0)
            return -1;
        uuid->bytes[n++] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

void
uuid_format(const struct uuid *uuid, char out[UUID_TEXT + 1])
{
    static const char digits[] = "0123456789abcdef";
    size_t i, n = 0;

    for (i = 0; i < sizeof(uuid->bytes); i++) {
        if (is_hyphen_place(n))
            out[n++] = '-';
        out[n++] = digits[uuid->bytes[i] >> 4];
        out[n++] = digits[uuid->bytes[i] & 15];
    }
    out[n] = '\0';
}
