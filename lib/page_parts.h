/*
 * What the files of page.h share.
 */
#ifndef SIGNPOST_PAGE_PARTS_H
#define SIGNPOST_PAGE_PARTS_H

#include "page.h"

/* What the page says, in one language. The texts are HTML. */
struct page_words {
    const char *tag, *direction;
    const char *lead; /* under the title */
    const char *valid_until, *used, *of, *unlimited;
    const char *add, *add_text, *other_apps; /* buttons */
    const char *scan, *scan_text;            /* the address and its QR code */
    const char *mirrors, *mirrors_text;
    const char *copy, *copied, *qr;
    const char *links, *links_text; /* when the address holds them too */
    const char *links_only;         /* when they are all there is */
    const char *too_long, *no_qr;
    const char *help, *help_update, *help_server, *help_app, *help_mirror, *help_clock, *help_ask;
    const char *units[7]; /* byte, and on in steps of 1024, as client apps count */
    const char *decimal;  /* between whole and fraction */
    bool eastern;         /* digits are ۰ to ۹ */
};

extern const struct page_words page_words[PAGE_LANGUAGES];

/* The content of <style> and of <script>; page_csp holds their hashes. */
extern const char page_style[];
extern const char page_script[];

/* Appends text escaped for HTML, in an element or in a quoted attribute. */
void page_put_text(struct buf *buf, const char *text, size_t len);

/* Appends the buttons that hand the main address to an app. Needs an address. */
void page_put_apps(struct buf *buf, const struct page *page);

#endif
