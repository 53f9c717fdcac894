#include "host.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool
is_label_char(unsigned char c)
{
    return c < 0x80 && (isalnum(c) || c == '-');
}

/* RFC 1123: labels of 1 to 63 letters, digits and inner hyphens; 253 in all. */
static bool
is_name(const char *text, size_t len)
{
    size_t i, label = 0;
    bool last_is_number = true;

    if (len == 0 || len > 253)
        return false;
    for (i = 0; i < len; i++) {
        if (text[i] == '.') {
            if (label == 0 || text[i - 1] == '-')
                return false;
            label = 0;
            last_is_number = true;
            continue;
        }
        if (!is_label_char((unsigned char)text[i]) || (label == 0 && text[i] == '-') || label == 63)
            return false;
        if (!isdigit((unsigned char)text[i]))
            last_is_number = false;
        label++;
    }
    /* A last label of digits only is a mistyped address, never a name (RFC 3696). */
    return label > 0 && text[len - 1] != '-' && !last_is_number;
}

enum host_kind
host_parse(const char *text, char out[HOST_MAX])
{
    char plain[HOST_MAX];
    struct in6_addr v6;
    struct in_addr v4;
    size_t i, len = strlen(text);

    if (len == 0 || len >= sizeof(plain))
        return HOST_BAD;
    memcpy(plain, text, len + 1);
    if (plain[0] == '[' && plain[len - 1] == ']') {
        plain[len - 1] = '\0';
        if (inet_pton(AF_INET6, plain + 1, &v6) != 1)
            return HOST_BAD;
        inet_ntop(AF_INET6, &v6, out, HOST_MAX);
        return HOST_IPV6;
    }
    if (inet_pton(AF_INET6, plain, &v6) == 1) {
        inet_ntop(AF_INET6, &v6, out, HOST_MAX);
        return HOST_IPV6;
    }
    if (inet_pton(AF_INET, plain, &v4) == 1) {
        inet_ntop(AF_INET, &v4, out, HOST_MAX);
        return HOST_IPV4;
    }
    if (plain[len - 1] == '.')
        plain[--len] = '\0';
    if (!is_name(plain, len))
        return HOST_BAD;
    for (i = 0; i <= len; i++)
        out[i] = (char)tolower((unsigned char)plain[i]);
    return HOST_NAME;
}

struct range {
    const char *prefix;
    int bits;
};

static bool
in_range(const uint8_t *address, const uint8_t *prefix, int bits)
{
    int whole = bits / 8, rest = bits % 8;

    if (memcmp(address, prefix, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ prefix[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static bool
in_any_range(int family, const uint8_t *address, const struct range *ranges, size_t count)
{
    uint8_t prefix[16];
    size_t i;

    for (i = 0; i < count; i++) {
        inet_pton(family, ranges[i].prefix, prefix);
        if (in_range(address, prefix, ranges[i].bits))
            return true;
    }
    return false;
}

bool
host_is_private(const char *host)
{
    /* RFC 6890 and its registry, as far as a client could be handed one. */
    static const struct range v4[] = {
        {"0.0.0.0", 8},       {"10.0.0.0", 8},     {"100.64.0.0", 10}, {"127.0.0.0", 8},
        {"169.254.0.0", 16},  {"172.16.0.0", 12},  {"192.0.2.0", 24},  {"192.168.0.0", 16},
        {"198.51.100.0", 24}, {"203.0.113.0", 24},
    };
    static const struct range v6[] = {
        {"::1", 128}, {"fc00::", 7}, {"fe80::", 10}, {"2001:db8::", 32}};
    uint8_t address[16];

    if (inet_pton(AF_INET, host, address) == 1)
        return in_any_range(AF_INET, address, v4, sizeof(v4) / sizeof(v4[0]));
    if (inet_pton(AF_INET6, host, address) == 1)
        return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)address)
                   ? in_any_range(AF_INET, address + 12, v4, sizeof(v4) / sizeof(v4[0]))
                   : in_any_range(AF_INET6, address, v6, sizeof(v6) / sizeof(v6[0]));
    return false;
}
