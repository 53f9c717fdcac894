/*
 * The page for people: gathers what page.h shows, and keeps the last few pages.
 *
 * A page takes a millisecond, nearly all of it for its QR codes, where a poll takes a microsecond.
 * Who reloads his page shall not hold up the others' polls.
 */
#ifndef SIGNPOST_SHOW_H
#define SIGNPOST_SHOW_H

#include "buf.h"
#include "metadata.h"

enum { SHOW_KEPT = 8, SHOW_KEPT_MAX = 64 * 1024 };

struct show {
    struct kept_page {
        uint64_t key[2]; /* a hash of all that the page is made of */
        struct buf body; /* SHOW_KEPT_MAX bytes at most; empty: none */
    } kept[SHOW_KEPT];
    unsigned next; /* the one that is replaced next */
};

void show_init(struct show *show);
void show_release(struct show *show);

/*
 * Makes the page (body is replaced) and the header fields that belong to it. user_agent and
 * language are the request's, or NULL; links are the subscription's, one a line.
 */
void show_page(struct show *show, const struct metadata *metadata, const char *user_agent,
               const char *language, const struct buf *links, struct buf *body, struct buf *fields);

#endif
