/*
 * What a browser sees at a device's address: one HTML document with buttons for client apps, QR
 * codes, the addresses and the links. It loads nothing from anywhere and needs no JavaScript.
 */
#ifndef SIGNPOST_PAGE_H
#define SIGNPOST_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum page_language { PAGE_EN, PAGE_RU, PAGE_FA, PAGE_ZH, PAGE_LANGUAGES };

enum page_platform {
    PAGE_ANDROID,
    PAGE_IOS,
    PAGE_WINDOWS,
    PAGE_MACOS,
    PAGE_LINUX,
    PAGE_PLATFORMS /* unknown */
};

/* What the address gives to apps that ask for it, besides links. */
enum { PAGE_CLASH = 1, PAGE_SINGBOX = 2 };

struct page_link {
    const char *uri; /* ASCII: "vless://…" */
    size_t uri_len;
    const char *name; /* UTF-8, as people see it */
    size_t name_len;
};

/* Nothing in it is HTML: all of it is escaped. Strings that have no length end with NUL. */
struct page {
    const char *title; /* UTF-8: the operator's or the device's name */
    size_t title_len;
    const struct page_link *links; /* in order, at least 1 */
    size_t link_count;
    const char *const
        *addresses;            /* whole URLs; the first is the main one, the others its mirrors */
    size_t address_count;      /* 0: unknown; then there are only links */
    const char *support_url;   /* where to ask for help; or NULL */
    const char *announce;      /* a text of the operator; or NULL */
    int64_t expires;           /* seconds since the epoch; INT64_MAX: never */
    bool has_usage;            /* upload and download are known */
    uint64_t upload, download; /* bytes */
    uint64_t total;            /* bytes; 0: no limit */
    unsigned formats; /* of PAGE_CLASH, PAGE_SINGBOX; apps that need another are left out */
    enum page_language language;
    enum page_platform platform;
};

/*
 * The value of Content-Security-Policy that the document is served with: it permits the one style
 * and the one script that page_put writes, by their hashes, and nothing else.
 */
extern const char page_csp[];

/* Appends the whole document. The same page gives the same bytes. */
void page_put(struct buf *buf, const struct page *page);

/* Accept-Language (RFC 9110 section 12.5.4), or NULL -> the language that is liked best. */
enum page_language page_language(const char *accept_language);

/* User-Agent, or NULL -> what the visitor's device runs. */
enum page_platform page_platform(const char *user_agent);

#endif
