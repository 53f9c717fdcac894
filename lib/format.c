#include "format.h"

#include <string.h>

#include "base64.h"
#include "escape.h"
#include "remark.h"

static const struct {
    const char *name;
    const char *content_type;
} formats[FORMATS] = {
    [FORMAT_BASE64] = {"base64", "text/plain; charset=utf-8"},
    [FORMAT_LINKS] = {"links", "text/plain; charset=utf-8"},
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

enum { NAME_MAX_BYTES = 3 * 255 };

static void
put_remark(struct buf *buf, const struct set_entry *entry, const struct buf *name)
{
    const char *p = entry->remark, *end = p + entry->remark_len, *mark;

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
    char space[NAME_MAX_BYTES], head[8 + UUID_TEXT + 1] = "vless://";
    struct buf name = {.data = space, .size = sizeof(space), .cap = sizeof(space)};
    size_t before;
    uint32_t i;

    escape_percent(&name, subscription->name, subscription->name_len);
    uuid_format(&subscription->uuid, head + 8);
    for (i = 0; i < subscription->count; i++) {
        const struct set_entry *entry = &subscription->set.entries[subscription->order[i]];

        before = buf->len;
        if (i > 0)
            buf_putc(buf, '\n');
        buf_put(buf, head, 8 + UUID_TEXT);
        buf_put(buf, entry->middle, entry->middle_len);
        put_remark(buf, entry, &name);
        if (buf->failed) {
            buf->failed = false;
            buf->len = before;
            return;
        }
    }
}

const struct buf *
format_make(enum format format, const struct subscription *subscription, struct buf *links,
            struct buf *body)
{
    buf_clear(links);
    format_links(links, subscription);
    if (format == FORMAT_LINKS)
        return links;
    buf_clear(body);
    base64_put(body, links->data, links->len);
    return body;
}
