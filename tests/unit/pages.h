/* Pages for the tests of page.h, and what is looked for in them. */
#ifndef SIGNPOST_PAGES_H
#define SIGNPOST_PAGES_H

#include <stdlib.h>

#include "page.h"

#define ADDRESS "https://example.org/api/8f3c5d1e-6324-4d53-ad4f-8cda48b30811"
#define MIRROR  "https://mirror.example.net/api/8f3c5d1e-6324-4d53-ad4f-8cda48b30811"
#define LINK    "vless://8f3c5d1e-6324-4d53-ad4f-8cda48b30811@a.example:443?type=grpc&fp=chrome#phone"

static const char *const addresses[] = {ADDRESS, MIRROR};
static const struct page_link one_link[] = {{LINK, sizeof(LINK) - 1, "phone", 5}};

static inline struct page
sample(void)
{
    return (struct page){.title = "Ivan",
                         .title_len = 4,
                         .links = one_link,
                         .link_count = 1,
                         .addresses = addresses,
                         .address_count = 1,
                         .expires = INT64_MAX,
                         .platform = PAGE_ANDROID};
}

/* The document as a string, which the caller frees. */
static inline char *
make(const struct page *page)
{
    struct buf buf;

    buf_init(&buf, 1 << 20);
    page_put(&buf, page);
    buf_putc(&buf, '\0');
    assert_false(buf.failed);
    return buf.data;
}

static inline size_t
count(const char *html, const char *what)
{
    size_t n = 0;

    for (; (html = strstr(html, what)) != NULL; html += strlen(what))
        n++;
    return n;
}

static inline void
check_has(const char *html, const char *what)
{
    if (strstr(html, what) == NULL)
        fail_msg("'%s' is not in the page", what);
}

static inline void
check_lacks(const char *html, const char *what)
{
    if (strstr(html, what) != NULL)
        fail_msg("'%s' is in the page", what);
}

/* That one word stands before another. */
static inline void
check_order(const char *html, const char *first, const char *second)
{
    check_has(html, first);
    check_has(html, second);
    if (strstr(html, first) > strstr(html, second))
        fail_msg("'%s' stands after '%s'", first, second);
}

#endif
