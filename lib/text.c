#include "text.h"

#include <string.h>

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
