#include "show.h"

#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "page.h"
#include "siphash.h"

enum { TEXTS_MAX = 1024 * 1024 };

void
show_init(struct show *show)
{
    int i;

    memset(show, 0, sizeof(*show));
    for (i = 0; i < SHOW_KEPT; i++)
        buf_init(&show->kept[i].body, SHOW_KEPT_MAX);
}

void
show_release(struct show *show)
{
    int i;

    for (i = 0; i < SHOW_KEPT; i++)
        buf_release(&show->kept[i].body);
}

/* All that differs from page to page, as bytes; what the settings say stays the same. */
static void
make_key(const struct metadata *metadata, const struct page *page, const struct buf *links,
         uint64_t key[2])
{
    static const uint8_t keys[2][16] = {"signpost page  1", "signpost page  2"};
    const struct snapshot_device *device = &metadata->subscription->device;
    uint64_t parts[11] = {(uint64_t)page->expires, page->upload,   page->download, page->total,
                          page->has_usage,         page->language, page->platform};
    char address[TOKEN_MAX + 1];
    size_t len = subscription_address(metadata->subscription, address);
    int i;

    for (i = 0; i < 2; i++) {
        parts[7] = siphash(keys[i], links->data, links->len);
        parts[8] = siphash(keys[i], device->name, device->name_len);
        parts[9] = siphash(keys[i], device->user, device->user_len);
        parts[10] = siphash(keys[i], address, len);
        key[i] = siphash(keys[i], parts, sizeof(parts));
    }
}

static bool
recall(const struct show *show, const uint64_t key[2], struct buf *body)
{
    int i;

    for (i = 0; i < SHOW_KEPT; i++) {
        const struct kept_page *kept = &show->kept[i];

        if (kept->body.len > 0 && memcmp(kept->key, key, sizeof(kept->key)) == 0) {
            buf_put(body, kept->body.data, kept->body.len);
            return true;
        }
    }
    return false;
}

static void
keep(struct show *show, const uint64_t key[2], const struct buf *body)
{
    struct kept_page *kept = &show->kept[show->next];

    if (body->failed || body->len > SHOW_KEPT_MAX)
        return;
    buf_clear(&kept->body);
    buf_put(&kept->body, body->data, body->len);
    memcpy(kept->key, key, sizeof(kept->key));
    show->next = (show->next + 1) % SHOW_KEPT;
}

/* Where the texts of one page lie while it is made. */
struct gathered {
    struct buf texts; /* terminated or measured, one behind the other */
    struct page_link *links;
    const char **addresses;
};

/* A template's text; its place in the buffer, which may still move. */
static size_t
put_template(struct gathered *gathered, const char *template, const struct subscription *of)
{
    size_t at = gathered->texts.len;

    if (template != NULL)
        metadata_expand(&gathered->texts, template, of);
    buf_putc(&gathered->texts, '\0');
    return at;
}

/* The links with their names; texts has room for all, so that nothing in it moves. */
static size_t
gather_links(struct gathered *gathered, const struct subscription *of, const struct buf *links)
{
    const char *p = links->data, *end = p + links->len;
    uint32_t i;

    for (i = 0; i < of->count && p < end; i++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        struct page_link *link = &gathered->links[i];

        link->uri = p;
        link->uri_len = (size_t)((newline != NULL ? newline : end) - p);
        link->name = gathered->texts.data + gathered->texts.len;
        format_name_of(&gathered->texts, of, &of->set.entries[of->order[i]]);
        link->name_len = (size_t)(gathered->texts.data + gathered->texts.len - link->name);
        p += link->uri_len + 1;
    }
    return i;
}

static void
gather_addresses(struct gathered *gathered, const struct metadata *metadata)
{
    char address[TOKEN_MAX + 1];
    size_t len = subscription_address(metadata->subscription, address), i;

    for (i = 0; i < metadata->urls->count; i++) {
        gathered->addresses[i] = gathered->texts.data + gathered->texts.len;
        buf_puts(&gathered->texts, metadata->urls->items[i]);
        buf_putc(&gathered->texts, '/');
        buf_put(&gathered->texts, address, len + 1);
    }
}

/* The profiles in which the device has a server; of others an app would get the 404. */
static unsigned
formats_of(const struct subscription *of)
{
    unsigned formats = 0;
    uint32_t i;

    for (i = 0; i < of->count; i++) {
        uint32_t features = of->set.entries[of->order[i]].features;

        if ((features & ~FEATURES_MIHOMO) == 0)
            formats |= PAGE_CLASH;
        if ((features & ~FEATURES_SING_BOX) == 0)
            formats |= PAGE_SINGBOX;
    }
    return formats;
}

/* Fills in what the page shows and puts it. Without memory, body fails. */
static void
make(const struct metadata *metadata, struct page *page, const struct buf *links, struct buf *body)
{
    const struct subscription *of = metadata->subscription;
    const struct profile_settings *profile = metadata->profile;
    struct gathered gathered = {
        .links = calloc(of->count, sizeof(*gathered.links)),
        .addresses = calloc(metadata->urls->count + 1, sizeof(*gathered.addresses)),
    };
    size_t title, announce;

    buf_init(&gathered.texts, TEXTS_MAX);
    body->failed = gathered.links == NULL || gathered.addresses == NULL ||
                   !buf_grow(&gathered.texts, TEXTS_MAX);
    if (!body->failed) {
        title = put_template(&gathered, profile->title, of);
        announce = put_template(&gathered, profile->announce, of);
        page->title = gathered.texts.data + title;
        page->title_len = announce - title - 1;
        page->announce = profile->announce != NULL ? gathered.texts.data + announce : NULL;
        gather_addresses(&gathered, metadata);
        page->addresses = gathered.addresses;
        page->address_count = metadata->urls->count;
        page->links = gathered.links;
        page->link_count = gather_links(&gathered, of, links);
        page->support_url = profile->support_url;
        page->formats = formats_of(of);
        page_put(body, page);
        body->failed |= gathered.texts.failed;
    }
    buf_release(&gathered.texts);
    free(gathered.links);
    free(gathered.addresses);
}

void
show_page(struct show *show, const struct metadata *metadata, const char *user_agent,
          const char *language, const struct buf *links, struct buf *body, struct buf *fields)
{
    struct page page = {
        .expires = metadata->subscription->device.expires,
        .has_usage = metadata->traffic.is_known,
        .upload = metadata->traffic.upload,
        .download = metadata->traffic.download,
        .total = metadata->traffic.total,
        .language = page_language(language),
        .platform = page_platform(user_agent),
    };
    uint64_t key[2];

    buf_clear(body);
    make_key(metadata, &page, links, key);
    if (!recall(show, key, body)) {
        make(metadata, &page, links, body);
        keep(show, key, body);
    }
    buf_puts(fields, "Content-Security-Policy: ");
    buf_puts(fields, page_csp);
    buf_puts(fields, "\r\nReferrer-Policy: no-referrer\r\nX-Robots-Tag: noindex, nofollow\r\n"
                     "X-Content-Type-Options: nosniff\r\n");
}
