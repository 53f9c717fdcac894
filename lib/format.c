#include "format.h"

#include <stdbool.h>
#include <string.h>

#include "escape.h"
#include "hex.h"
#include "remark.h"

static const struct {
    const char *name;
    const char *content_type;
} formats[FORMATS] = {
    [FORMAT_NONE] = {"", "text/plain"},
    [FORMAT_BASE64] = {"base64", "text/plain; charset=utf-8"},
    [FORMAT_LINKS] = {"links", "text/plain; charset=utf-8"},
    [FORMAT_CLASH] = {"clash", "text/yaml; charset=utf-8"},
    [FORMAT_SING_BOX] = {"sing-box", "application/json"},
    [FORMAT_XRAY] = {"xray", "application/json"},
    [FORMAT_PAGE] = {"page", "text/html; charset=utf-8"},
};

const char *
format_name(enum format format)
{
    return formats[format].name;
}

const char *
format_content_type(enum format format)
{
    return formats[format].content_type;
}

enum format
format_find(const char *word, size_t len)
{
    int i;

    for (i = FORMAT_BASE64; i < FORMATS; i++)
        if (strlen(formats[i].name) == len && memcmp(formats[i].name, word, len) == 0)
            return (enum format)i;
    return FORMAT_NONE;
}

static enum outbound
outbound_of(enum format format)
{
    return format == FORMAT_CLASH      ? OUTBOUND_CLASH
           : format == FORMAT_SING_BOX ? OUTBOUND_SING_BOX
                                       : OUTBOUND_XRAY;
}

uint32_t
format_features(enum format format)
{
    return format_is_profile(format) ? outbound_features(outbound_of(format)) : FEATURES_ALL;
}

bool
format_is_profile(enum format format)
{
    return format == FORMAT_CLASH || format == FORMAT_SING_BOX || format == FORMAT_XRAY;
}

/* Six bytes for each of a name that is nothing but control characters; and buf_printf's end. */
enum { NAME_ROOM = 6 * 255 + 1 };

/* Puts text with the device's name where it belongs, both escaped already. */
static void
put_named(struct buf *buf, const char *text, size_t len, const struct buf *name)
{
    const char *p = text, *end = p + len, *mark;

    while ((mark = memchr(p, REMARK_DEVICE, (size_t)(end - p))) != NULL) {
        buf_put(buf, p, (size_t)(mark - p));
        buf_put(buf, name->data, name->len);
        p = mark + 1;
    }
    buf_put(buf, p, (size_t)(end - p));
}

void
format_links(struct buf *buf, const struct subscription *subscription)
{
    char space[NAME_ROOM], head[8 + UUID_TEXT + 1] = "vless://";
    struct buf name = {.data = space, .size = sizeof(space), .cap = sizeof(space)};
    size_t before;
    uint32_t i;

    escape_percent(&name, subscription->device.name, subscription->device.name_len);
    uuid_format(&subscription->uuid, head + 8);
    for (i = 0; i < subscription->count; i++) {
        const struct set_entry *entry = &subscription->set.entries[subscription->order[i]];

        before = buf->len;
        if (i > 0)
            buf_putc(buf, '\n');
        buf_put(buf, head, 8 + UUID_TEXT);
        buf_put(buf, entry->middle, entry->middle_len);
        put_named(buf, entry->remark, entry->remark_len, &name);
        if (buf->failed && !buf->no_memory) {
            buf->failed = false;
            buf->len = before;
            return;
        }
    }
}

void
format_name_of(struct buf *buf, const struct subscription *subscription,
               const struct set_entry *entry)
{
    const char *p = entry->remark, *end = p + entry->remark_len;

    for (; p < end; p++) {
        if (*p == REMARK_DEVICE) {
            buf_put(buf, subscription->device.name, subscription->device.name_len);
        } else if (*p == '%' && end - p > 2 && hex_byte(p + 1) >= 0) {
            buf_putc(buf, (char)hex_byte(p + 1));
            p += 2;
        } else {
            buf_putc(buf, *p);
        }
    }
}

/* One profile in the making. */
struct profile {
    struct buf *buf;
    const struct subscription *subscription;
    enum outbound outbound;
    const struct buf *device; /* its name, escaped */
    char uuid[UUID_TEXT + 1];
    uint32_t first, count; /* of the endpoints in the subscription's order */
};

/* Groups of our frames, and names that cores keep for themselves. */
static bool
is_reserved(const char *name, size_t len)
{
    static const char *const words[] = {"Select", "Auto",        "Fallback",   "direct",
                                        "DIRECT", "REJECT",      "PASS",       "dns-out",
                                        "GLOBAL", "REJECT-DROP", "COMPATIBLE", "block"};
    size_t i;

    if (len > 11)
        return false;
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i]) == len && memcmp(words[i], name, len) == 0)
            return true;
    return false;
}

/*
 * A server by the name of a group would make apps refuse the whole profile: with a space that is
 * none behind it, it has another. So has then who has that one.
 */
static void
put_name(const struct profile *profile, const struct set_entry *entry)
{
    static const char space[] = "\u00a0";
    struct buf *buf = profile->buf;
    size_t start = buf->len, end;

    put_named(buf, entry->name, entry->name_len, profile->device);
    for (end = buf->len; end - start >= 2 && memcmp(buf->data + end - 2, space, 2) == 0; end -= 2)
        ;
    if (!buf->failed && is_reserved(buf->data + start, end - start))
        buf_puts(buf, space);
}

static const struct set_entry *
entry_at(const struct profile *profile, uint32_t i)
{
    const struct subscription *subscription = profile->subscription;

    return &subscription->set.entries[subscription->order[profile->first + i]];
}

static void
put_names(const struct profile *profile)
{
    uint32_t i;

    for (i = 0; i < profile->count; i++) {
        buf_puts(profile->buf, i > 0 ? ", \"" : "\"");
        put_name(profile, entry_at(profile, i));
        buf_putc(profile->buf, '"');
    }
}

/* What stands before the UUID, in each core's words (outbound.h). */
static void
put_proxy(const struct profile *profile, const struct set_entry *entry, uint32_t i)
{
    struct buf *buf = profile->buf;

    switch (profile->outbound) {
    case OUTBOUND_CLASH:
        buf_puts(buf, "  - {\"name\": \"");
        put_name(profile, entry);
        buf_puts(buf, "\", \"type\": \"vless\", \"uuid\": \"");
        break;
    case OUTBOUND_SING_BOX:
        buf_puts(buf,
                 i > 0 ? ",\n{\"type\":\"vless\",\"tag\":\"" : "{\"type\":\"vless\",\"tag\":\"");
        put_name(profile, entry);
        buf_puts(buf, "\",\"uuid\":\"");
        break;
    default:
        buf_puts(buf, i > 0 ? ",\n{\"tag\":\"proxy-" : "{\"tag\":\"proxy-");
        buf_put_number(buf, i + 1);
        buf_puts(buf, "\",\"protocol\":\"vless\",\"settings\":{\"vnext\":[{\"users\":[{\"id\":\"");
        break;
    }
    buf_put(buf, profile->uuid, UUID_TEXT);
    buf_putc(buf, '"');
    buf_put(buf, entry->outbound, entry->outbound_len);
}

static void
put_place(const struct profile *profile, enum frame_place place)
{
    uint32_t i;

    switch (place) {
    case PLACE_PROXIES:
        for (i = 0; i < profile->count; i++)
            put_proxy(profile, entry_at(profile, i), i);
        break;
    case PLACE_NAMES:
        put_names(profile);
        break;
    case PLACE_NAME:
        put_name(profile, entry_at(profile, 0));
        break;
    case PLACE_DEVICE:
        buf_put(profile->buf, profile->device->data, profile->device->len);
        break;
    default:
        break;
    }
}

static int
fill(const struct profile *profile, const struct frame_bytes *frame)
{
    const uint8_t *p = frame->bytes;
    size_t left = frame->len, text_len;
    enum frame_place place;
    const char *text;
    int rc;

    while ((rc = frame_next(&p, &left, &text, &text_len, &place)) == 1) {
        buf_put(profile->buf, text, text_len);
        put_place(profile, place);
    }
    return rc;
}

/* Xray's array: all together, where there are several, and each by itself. */
static int
fill_array(struct profile *profile, const struct frame_bytes *frames)
{
    uint32_t count = profile->count, i;
    int rc = 0;

    buf_putc(profile->buf, '[');
    if (count > 1) {
        rc = fill(profile, &frames[0]);
        buf_putc(profile->buf, ',');
    }
    for (i = 0; i < count && rc == 0; i++) {
        profile->first = i;
        profile->count = 1;
        if (i > 0)
            buf_putc(profile->buf, ',');
        rc = fill(profile, &frames[1]);
    }
    buf_puts(profile->buf, "]\n");
    profile->first = 0;
    return rc;
}

int
format_profile(struct buf *buf, enum format format, const struct frame_bytes *frames,
               const struct subscription *subscription)
{
    char space[NAME_ROOM];
    struct buf device = {.data = space, .size = sizeof(space), .cap = sizeof(space)};
    struct profile profile = {buf, subscription, outbound_of(format), &device, "", 0, 0};
    size_t start = buf->len;
    uint32_t count = subscription->count < PROFILE_MAX ? subscription->count : PROFILE_MAX;
    int rc;

    escape_quoted(&device, subscription->device.name, subscription->device.name_len);
    uuid_format(&subscription->uuid, profile.uuid);
    for (;; count /= 2) {
        profile.count = count;
        rc = format == FORMAT_XRAY ? fill_array(&profile, frames) : fill(&profile, frames);
        if (rc != 0 || !buf->failed || buf->no_memory || count <= 1)
            return rc;
        buf->failed = false;
        buf->len = start;
    }
}
