/*
 * The buttons that hand the subscription to an app. facts on links: each app's own source or
 * manual, or what panels use for apps without a public source.
 */
#include <string.h>

#include "base64.h"
#include "escape.h"
#include "page_parts.h"

enum {
    ANDROID = 1 << PAGE_ANDROID,
    IOS = 1 << PAGE_IOS,
    WINDOWS = 1 << PAGE_WINDOWS,
    MACOS = 1 << PAGE_MACOS,
    LINUX = 1 << PAGE_LINUX,
    MOBILE = ANDROID | IOS,
    APPLE = IOS | MACOS,
    DESKTOP = WINDOWS | MACOS | LINUX,
    EVERYWHERE = MOBILE | DESKTOP
};

static const char *const platforms[PAGE_PLATFORMS] = {"Android", "iOS", "Windows", "macOS",
                                                      "Linux"};

/*
 * In a link, {raw} is the address, {enc} the same percent-encoded, {b64} in base64, and {name} the
 * title percent-encoded. Of apps for a platform the first is the one that most people know.
 */
static const struct app {
    const char *name;
    const char *link;
    unsigned platforms;
    unsigned formats; /* what it needs besides links; 0: it reads links */
} apps[] = {
    {"v2rayNG", "v2rayng://install-sub?url={enc}#{name}", ANDROID, 0},
    {"Hiddify", "hiddify://import/{raw}#{name}", EVERYWHERE, 0},
    {"Happ", "happ://add/{raw}", EVERYWHERE, 0},
    {"Streisand", "streisand://import/{raw}#{name}", APPLE, 0},
    {"Shadowrocket", "shadowrocket://add/sub://{b64}?remark={name}", APPLE, 0},
    {"v2RayTun", "v2raytun://import/{raw}", MOBILE | WINDOWS | MACOS, 0},
    {"V2Box", "v2box://install-sub?url={enc}&name={name}", MOBILE | MACOS, 0},
    {"Karing", "karing://install-config?url={enc}&name={name}", EVERYWHERE, 0},
    {"NekoBox", "sn://subscription?url={enc}&name={name}", ANDROID, 0},
    {"Exclave", "exclave://subscription?url={enc}", ANDROID, 0},
    {"INCY", "incy://add/{raw}", MOBILE, 0},
    {"FoXray", "foxray://yiguo.dev/sub/add/?url={enc}", IOS, 0},
    /* It takes all that follows "url=" for the address. */
    {"Clash Verge", "clash-verge://install-config?name={name}&url={enc}", DESKTOP, PAGE_CLASH},
    {"FlClash", "flclash://install-config?url={enc}", ANDROID | DESKTOP, PAGE_CLASH},
    {"Clash Meta", "clashmeta://install-config?url={enc}&name={name}", ANDROID, PAGE_CLASH},
    {"Stash", "stash://install-config?url={enc}", APPLE, PAGE_CLASH},
    {"sing-box", "sing-box://import-remote-profile?url={enc}#{name}", ANDROID | APPLE,
     PAGE_SINGBOX},
};

static void
put_part(struct buf *buf, const char *part, size_t len, const struct page *page)
{
    const char *address = page->addresses[0];

    if (len == 3 && memcmp(part, "raw", 3) == 0)
        page_put_text(buf, address, strlen(address));
    else if (len == 3 && memcmp(part, "enc", 3) == 0)
        escape_percent(buf, address, strlen(address));
    else if (len == 3 && memcmp(part, "b64", 3) == 0)
        base64_put(buf, address, strlen(address));
    else
        escape_percent(buf, page->title, page->title_len);
}

static void
put_link(struct buf *buf, const char *link, const struct page *page)
{
    const char *open, *close;

    while ((open = strchr(link, '{')) != NULL && (close = strchr(open, '}')) != NULL) {
        page_put_text(buf, link, (size_t)(open - link));
        put_part(buf, open + 1, (size_t)(close - open - 1), page);
        link = close + 1;
    }
    page_put_text(buf, link, strlen(link));
}

static void
put_app(struct buf *buf, const struct app *app, const struct page *page, bool with_platforms)
{
    const char *separator = "";
    int i;

    buf_puts(buf, "<li><a href=\"");
    put_link(buf, app->link, page);
    buf_puts(buf, "\"><bdi lang=\"en\">");
    buf_puts(buf, app->name);
    if (with_platforms && app->platforms != EVERYWHERE) {
        buf_puts(buf, " <small>");
        for (i = 0; i < PAGE_PLATFORMS; i++) {
            if ((app->platforms & 1U << i) == 0)
                continue;
            buf_puts(buf, separator);
            buf_puts(buf, platforms[i]);
            separator = ", ";
        }
        buf_puts(buf, "</small>");
    }
    buf_puts(buf, "</bdi></a>");
}

/* The apps that are for this platform, or those that are not. Returns how many. */
static int
put_list(struct buf *buf, const struct page *page, bool for_this)
{
    bool is_known = page->platform < PAGE_PLATFORMS;
    unsigned platform = is_known ? 1U << page->platform : ~0U;
    size_t i, before = buf->len;
    int count = 0;

    buf_puts(buf, "<ul class=\"apps\">");
    for (i = 0; i < sizeof(apps) / sizeof(apps[0]); i++) {
        if ((apps[i].formats & ~page->formats) != 0 ||
            ((apps[i].platforms & platform) != 0) != for_this)
            continue;
        put_app(buf, &apps[i], page, !is_known || !for_this);
        count++;
    }
    buf_puts(buf, "</ul>");
    if (count == 0)
        buf->len = before;
    return count;
}

void
page_put_apps(struct buf *buf, const struct page *page)
{
    const struct page_words *words = &page_words[page->language];
    size_t before;

    put_list(buf, page, true);
    before = buf->len;
    buf_puts(buf, "<details><summary>");
    buf_puts(buf, words->other_apps);
    buf_puts(buf, "</summary>");
    if (put_list(buf, page, false) == 0)
        buf->len = before;
    else
        buf_puts(buf, "</details>");
}
