#include "negotiate.h"

#include <string.h>

enum format
negotiate(const char *query)
{
    static const char key[] = "format=";
    const char *value;
    size_t len;
    int i;

    while (query != NULL && strncmp(query, key, sizeof(key) - 1) != 0) {
        query = strchr(query, '&');
        if (query != NULL)
            query++;
    }
    if (query == NULL)
        return FORMAT_BASE64;
    value = query + sizeof(key) - 1;
    len = strcspn(value, "&");
    for (i = 0; i < FORMATS; i++)
        if (strlen(format_name((enum format)i)) == len &&
            memcmp(value, format_name((enum format)i), len) == 0)
            return (enum format)i;
    return FORMAT_BASE64;
}
