#include "uuid.h"

#include "hex.h"

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
        int byte;

        if (is_hyphen_place(i)) {
            if (text[i] != '-')
                return -1;
            i++;
        }
        byte = hex_byte(text + i);
        if (byte < 0)
            return -1;
        uuid->bytes[n++] = (uint8_t)byte;
    }
    return 0;
}

void
uuid_format(const struct uuid *uuid, char out[UUID_TEXT + 1])
{
    char *p = out;
    size_t i;

    for (i = 0; i < sizeof(uuid->bytes); i++) {
        if (is_hyphen_place((size_t)(p - out)))
            *p++ = '-';
        p = hex_put(p, uuid->bytes[i]);
    }
    *p = '\0';
}
