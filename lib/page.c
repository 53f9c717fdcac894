#include "page.h"

#include <strings.h>

#include "date.h"
#include "page_parts.h"
#include "qr.h"

/* Bytes of links that get QR codes: they take their time (2 µs a byte) and room on the page. */
enum { QR_BUDGET = 8192 };

void
page_put_text(struct buf *buf, const char *text, size_t len)
{
    const char *end = text + len, *plain = text, *entity;

    for (; text < end; text++) {
        switch (*text) {
        case '&':
            entity = "&amp;";
            break;
        case '<':
            entity = "&lt;";
            break;
        case '>':
            entity = "&gt;";
            break;
        case '"':
            entity = "&#34;";
            break;
        case '\'':
            entity = "&#39;";
            break;
        case '\0':
            entity = "\xef\xbf\xbd";
            break;
        default:
            continue;
        }
        buf_put(buf, plain, (size_t)(text - plain));
        buf_puts(buf, entity);
        plain = text + 1;
    }
    buf_put(buf, plain, (size_t)(end - plain));
}

static void
put_string(struct buf *buf, const char *string)
{
    page_put_text(buf, string, strlen(string));
}

static void
put_element(struct buf *buf, const char *element, const char *html)
{
    buf_printf(buf, "<%s>%s</%s>", element, html, element);
}

/* A count of bytes for people: three digits or so, never more than it is. */
static void
put_amount(struct buf *buf, uint64_t bytes, const struct page_words *words)
{
    char text[32];
    struct buf digits = {.data = text, .size = sizeof(text), .cap = sizeof(text)};
    unsigned unit = 0, whole, tenth;
    size_t i;

    while (unit < 6 && bytes >> 10 * unit >= 1024)
        unit++;
    whole = (unsigned)(bytes >> 10 * unit);
    tenth = (unsigned)((bytes & ((UINT64_C(1) << 10 * unit) - 1)) * 10 >> 10 * unit);
    buf_printf(&digits, whole < 100 && tenth > 0 ? "%u.%u" : "%u", whole, tenth);
    for (i = 0; i < digits.len; i++) {
        if (text[i] == '.')
            buf_puts(buf, words->decimal);
        else if (words->eastern)
            buf_printf(buf, "\xdb%c", 0xb0 + (text[i] - '0'));
        else
            buf_putc(buf, text[i]);
    }
    buf_puts(buf, "\u00a0");
    buf_puts(buf, words->units[unit]);
}

static void
put_usage(struct buf *buf, const struct page *page, const struct page_words *words)
{
    uint64_t used = page->upload + page->download, shown, percent;

    if (used < page->upload)
        used = UINT64_MAX;
    buf_printf(buf, "<div><dt>%s</dt><dd>", words->used);
    put_amount(buf, used, words);
    if (page->total == 0) {
        buf_printf(buf, " · %s", words->unlimited);
    } else {
        shown = used < page->total ? used : page->total;
        percent = page->total < UINT64_MAX / 100 ? shown * 100 / page->total
                                                 : shown / (page->total / 100);
        buf_puts(buf, words->of);
        put_amount(buf, page->total, words);
        buf_printf(buf, "<progress max=\"100\" value=\"%u\" aria-label=\"%s\"></progress>",
                   (unsigned)percent, words->used);
    }
    buf_puts(buf, "</dd></div>");
}

static void
put_facts(struct buf *buf, const struct page *page, const struct page_words *words)
{
    char date[DATE_TEXT];

    if (page->expires == INT64_MAX && !page->has_usage)
        return;
    buf_puts(buf, "<dl class=\"card facts\">");
    if (page->expires != INT64_MAX) {
        date_format(page->expires, date);
        buf_printf(buf,
                   "<div><dt>%s</dt><dd><time datetime=\"%s\" dir=\"ltr\">%.10s, %.5s UTC</time>"
                   "</dd></div>",
                   words->valid_until, date, date, date + 11);
    }
    if (page->has_usage)
        put_usage(buf, page, words);
    buf_puts(buf, "</dl>");
}

/* A text with a button that copies it. what is what people call it. */
static void
put_copy(struct buf *buf, const char *text, size_t len, const char *what, size_t what_len,
         const struct page_words *words)
{
    buf_puts(buf, "<div class=\"copy\"><code dir=\"ltr\" tabindex=\"0\">");
    page_put_text(buf, text, len);
    buf_printf(buf, "</code><button type=\"button\" hidden aria-label=\"%s: ", words->copy);
    page_put_text(buf, what, what_len);
    buf_printf(buf, "\">%s</button></div>", words->copy);
}

static void
put_address(struct buf *buf, const char *address, const struct page_words *words)
{
    size_t len = strlen(address);

    put_copy(buf, address, len, address, len, words);
}

static void
put_addresses(struct buf *buf, const struct page *page, const struct page_words *words)
{
    size_t i;

    if (page->address_count == 0)
        return;
    buf_puts(buf, "<section class=\"card\">");
    put_element(buf, "h2", words->add);
    put_element(buf, "p", words->add_text);
    page_put_apps(buf, page);
    buf_puts(buf, "</section><section class=\"card scan\">");
    put_element(buf, "h2", words->scan);
    put_element(buf, "p", words->scan_text);
    qr_put(buf, page->addresses[0], strlen(page->addresses[0]), words->qr);
    put_address(buf, page->addresses[0], words);
    buf_puts(buf, "</section>");
    if (page->address_count == 1)
        return;
    buf_puts(buf, "<section class=\"card\">");
    put_element(buf, "h2", words->mirrors);
    put_element(buf, "p", words->mirrors_text);
    for (i = 1; i < page->address_count; i++)
        put_address(buf, page->addresses[i], words);
    buf_puts(buf, "</section>");
}

static void
put_links(struct buf *buf, const struct page *page, const struct page_words *words)
{
    size_t i, budget = QR_BUDGET;

    buf_puts(buf, "<section class=\"card\">");
    put_element(buf, "h2", words->links);
    put_element(buf, "p", page->address_count > 0 ? words->links_text : words->links_only);
    for (i = 0; i < page->link_count; i++) {
        const struct page_link *link = &page->links[i];

        buf_puts(buf, "<details><summary><bdi>");
        page_put_text(buf, link->name, link->name_len);
        buf_puts(buf, "</bdi></summary>");
        if (link->uri_len > QR_MAX)
            put_element(buf, "p", words->too_long);
        else if (link->uri_len > budget)
            put_element(buf, "p", words->no_qr);
        else if (qr_put(buf, link->uri, link->uri_len, words->qr))
            budget -= link->uri_len;
        put_copy(buf, link->uri, link->uri_len, link->name, link->name_len, words);
        buf_puts(buf, "</details>");
    }
    buf_puts(buf, "</section>");
}

static bool
is_link(const char *url)
{
    static const char *const schemes[] = {"https://", "http://", "tg:", "mailto:"};
    size_t i;

    for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

static void
put_help(struct buf *buf, const struct page *page, const struct page_words *words)
{
    buf_puts(buf, "<section class=\"card\">");
    put_element(buf, "h2", words->help);
    buf_puts(buf, "<ol class=\"help\">");
    put_element(buf, "li", words->help_update);
    put_element(buf, "li", words->help_server);
    put_element(buf, "li", words->help_clock);
    put_element(buf, "li", words->help_app);
    if (page->address_count > 1)
        put_element(buf, "li", words->help_mirror);
    if (page->support_url != NULL) {
        bool linked = is_link(page->support_url);

        buf_printf(buf, "<li>%s <bdi>", words->help_ask);
        if (linked) {
            buf_puts(buf, "<a rel=\"noreferrer\" href=\"");
            put_string(buf, page->support_url);
            buf_puts(buf, "\">");
        }
        put_string(buf, page->support_url);
        buf_puts(buf, linked ? "</a></bdi></li>" : "</bdi></li>");
    }
    buf_puts(buf, "</ol></section>");
}

static void
put_head(struct buf *buf, const struct page *page, const struct page_words *words)
{
    buf_printf(buf, "<!doctype html><html lang=\"%s\" dir=\"%s\"><head><meta charset=\"utf-8\">",
               words->tag, words->direction);
    buf_puts(buf, "<title>");
    page_put_text(buf, page->title, page->title_len);
    buf_puts(buf, "</title>"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                  "<meta name=\"color-scheme\" content=\"light dark\">"
                  "<meta name=\"format-detection\" content=\"telephone=no\">"
                  "<meta name=\"robots\" content=\"noindex\">"
                  "<meta name=\"referrer\" content=\"no-referrer\"><style>");
    buf_puts(buf, page_style);
    buf_puts(buf, "</style></head>");
}

void
page_put(struct buf *buf, const struct page *page)
{
    const struct page_words *words = &page_words[page->language];

    put_head(buf, page, words);
    buf_puts(buf, "<body><header><h1><bdi>");
    page_put_text(buf, page->title, page->title_len);
    buf_printf(buf, "</bdi></h1><p>%s</p></header><main>", words->lead);
    if (page->announce != NULL) {
        buf_puts(buf, "<p class=\"card note\" dir=\"auto\">");
        put_string(buf, page->announce);
        buf_puts(buf, "</p>");
    }
    put_facts(buf, page, words);
    put_addresses(buf, page, words);
    put_links(buf, page, words);
    put_help(buf, page, words);
    buf_printf(buf, "<p class=\"said\" role=\"status\" data-said=\"%s\"></p></main><script>",
               words->copied);
    buf_puts(buf, page_script);
    buf_puts(buf, "</script></body></html>\n");
}
