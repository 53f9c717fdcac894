/* Hexadecimal digits, two for a byte. */
#ifndef SIGNPOST_HEX_H
#define SIGNPOST_HEX_H

#include <stdint.h>

/* The value of a digit of either case; -1: it is none. */
static inline int
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

/* The byte that two digits stand for; -1: they are not digits. The second is not looked at when
 * the first is none. */
static inline int
hex_byte(const char *two)
{
    int high = hex_value(two[0]), low = high < 0 ? -1 : hex_value(two[1]);

    return low < 0 ? -1 : high << 4 | low;
}

/* Writes a byte as two digits in lower case. Returns where the next goes; no terminator. */
static inline char *
hex_put(char *out, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";

    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
    return out;
}

#endif
