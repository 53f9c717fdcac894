#include "metadata.h"

#include <string.h>

#include "base64.h"
#include "escape.h"

enum { TEXT_MAX = 4096 };

typedef void put_text(struct buf *buf, const char *text, size_t len);

/* Fills a template in; what comes in is escaped, what stands there is not. */
static void
expand(struct buf *buf, const char *template, const struct subscription *of, put_text *put)
{
    const char *p = template;
    char uuid[UUID_TEXT + 1], address[TOKEN_MAX + 1];
    size_t len;

    for (;;) {
        len = strcspn(p, "{");
        buf_put(buf, p, len);
        p += len;
        if (*p == '\0')
            return;
        if (strncmp(p, "{device}", 8) == 0) {
            put(buf, of->device.name, of->device.name_len);
            p += 8;
        } else if (strncmp(p, "{user}", 6) == 0) {
            put(buf, of->device.user, of->device.user_len);
            p += 6;
        } else if (strncmp(p, "{uuid}", 6) == 0) {
            uuid_format(&of->uuid, uuid);
            put(buf, uuid, UUID_TEXT);
            p += 6;
        } else if (strncmp(p, "{address}", 9) == 0) {
            put(buf, address, subscription_address(of, address));
            p += 9;
        } else {
            buf_putc(buf, *p++);
        }
    }
}

static void
put_plain(struct buf *buf, const char *text, size_t len)
{
    buf_put(buf, text, len);
}

void
metadata_expand(struct buf *buf, const char *template, const struct subscription *of)
{
    expand(buf, template, of, put_plain);
}

/* "name: base64:…": text of any script in a header field, as apps read it. */
static void
put_text_field(struct buf *buf, const char *name, const char *template,
               const struct subscription *of)
{
    char space[TEXT_MAX];
    struct buf text = {.data = space, .size = sizeof(space), .cap = sizeof(space)};

    if (template == NULL)
        return;
    expand(&text, template, of, put_plain);
    if (text.failed || text.len == 0)
        return;
    buf_puts(buf, name);
    buf_puts(buf, ": base64:");
    base64_put(buf, text.data, text.len);
    buf_puts(buf, "\r\n");
}

/* An address, in ASCII whatever stands in the settings. */
static void
put_link(struct buf *buf, const char *name, const char *text, size_t len)
{
    size_t i;

    buf_puts(buf, name);
    buf_puts(buf, ": ");
    for (i = 0; i < len; i++) {
        if ((unsigned char)text[i] > ' ' && (unsigned char)text[i] < 0x7f)
            buf_putc(buf, text[i]);
        else
            escape_percent(buf, &text[i], 1);
    }
    buf_puts(buf, "\r\n");
}

/* The same, where it is set. */
static void
put_link_field(struct buf *buf, const char *name, const char *text)
{
    if (text != NULL)
        put_link(buf, name, text, strlen(text));
}

static void
put_number_field(struct buf *buf, const char *before, unsigned long long number)
{
    buf_puts(buf, before);
    buf_put_number(buf, number);
}

/* Apps read signed numbers of 64 bits, and nothing of what does not fit. */
static unsigned long long
shown(uint64_t bytes)
{
    return bytes < INT64_MAX ? bytes : INT64_MAX;
}

/* All four keys, always, and nothing behind the last: apps fail over less. */
static void
put_userinfo(struct buf *buf, const struct metadata *metadata)
{
    int64_t expires = metadata->subscription->device.expires;

    put_number_field(buf, "subscription-userinfo: upload=", shown(metadata->traffic.upload));
    put_number_field(buf, "; download=", shown(metadata->traffic.download));
    put_number_field(buf, "; total=", shown(metadata->traffic.total));
    put_number_field(buf, "; expire=",
                     expires == EXPIRES_NEVER || expires < 0 ? 0 : (unsigned long long)expires);
    buf_puts(buf, "\r\n");
}

/* Some read the quoted ASCII, some the encoded form (RFC 8187). */
static void
put_filename(struct buf *buf, const char *template, const struct subscription *of)
{
    char space[TEXT_MAX];
    struct buf text = {.data = space, .size = sizeof(space), .cap = sizeof(space)};
    size_t i;

    if (template == NULL)
        return;
    expand(&text, template, of, put_plain);
    if (text.failed || text.len == 0)
        return;
    buf_puts(buf, "content-disposition: attachment; filename=\"");
    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)space[i];

        /* One stand-in for each character, not for each of its bytes. */
        if (c >= ' ' && c < 0x7f && strchr("\"\\/%", c) == NULL)
            buf_putc(buf, space[i]);
        else if ((c & 0xc0) != 0x80)
            buf_putc(buf, '_');
    }
    buf_puts(buf, "\"; filename*=UTF-8''");
    escape_percent(buf, text.data, text.len);
    buf_puts(buf, "\r\n");
}

static void
put_page_address(struct buf *buf, const struct metadata *metadata)
{
    static const char name[] = "profile-web-page-url";
    const char *template = metadata->profile->web_page_url;
    char space[TEXT_MAX];
    struct buf text = {.data = space, .size = sizeof(space), .cap = sizeof(space)};

    if (template != NULL) {
        expand(&text, template, metadata->subscription, escape_percent);
    } else if (metadata->urls->count > 0) {
        buf_puts(&text, metadata->urls->items[0]);
        expand(&text, "/{address}", metadata->subscription, put_plain);
    } else {
        return;
    }
    if (!text.failed)
        put_link(buf, name, text.data, text.len);
}

void
metadata_put(struct buf *buf, const struct metadata *metadata)
{
    const struct profile_settings *profile = metadata->profile;
    const struct subscription *of = metadata->subscription;

    put_text_field(buf, "profile-title", profile->title, of);
    if (profile->update_interval > 0) {
        put_number_field(buf, "profile-update-interval: ", profile->update_interval);
        buf_puts(buf, "\r\n");
    }
    put_userinfo(buf, metadata);
    put_link_field(buf, "support-url", profile->support_url);
    put_page_address(buf, metadata);
    put_filename(buf, profile->filename, of);
    put_text_field(buf, "announce", profile->announce, of);
    put_link_field(buf, "routing", profile->routing);
}
