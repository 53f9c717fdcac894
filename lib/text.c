#include "text.h"

#include <string.h>

/* How many bytes a character takes, by its first; 0: none starts so. */
static size_t
width(unsigned char first)
{
    return first < 0x80                     ? 1
           : first >= 0xc2 && first <= 0xdf ? 2
           : first >= 0xe0 && first <= 0xef ? 3
           : first >= 0xf0 && first <= 0xf4 ? 4
                                            : 0;
}

bool
text_is_utf8(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes, *end = p + len;
    size_t n, i;

    for (; p < end; p += n) {
        n = width(*p);
        if (n == 0 || n > (size_t)(end - p))
            return false;
        for (i = 1; i < n; i++)
            if ((p[i] & 0xc0) != 0x80)
                return false;
        /* Overlong, a surrogate, past the last code: RFC 3629 section 4. */
        if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
            (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
            return false;
    }
    return true;
}

size_t
text_cut(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);

    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

bool
text_is_control(const char *text, size_t *len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t found = (p[0] != '\0' && p[0] < ' ') || p[0] == 0x7f ? 1
                   : p[0] == 0xc2 && p[1] < 0xa0                ? 2
                                                                : 0;

    if (len != NULL)
        *len = found;
    return found > 0;
}

bool
text_is_space(const char *text)
{
    static const char *const wide[] = {"\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
                                       "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009",
                                       "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
    size_t i;

    if ((unsigned char)text[0] < 0x80)
        return text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r');
    for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
        if (strncmp(text, wide[i], strlen(wide[i])) == 0)
            return true;
    return false;
}

void
text_clean(char *text)
{
    char *out = text;
    size_t len;

    while (*text != '\0') {
        if (text_is_control(text, &len)) {
            *out++ = ' ';
            text += len;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}
