/* The file status.json of the state directory: what the last compile found, for `signpost status`.
 */
#ifndef SIGNPOST_PASS_STATUS_H
#define SIGNPOST_PASS_STATUS_H

#include <jansson.h>

#include "cache.h"
#include "config.h"
#include "registry.h"
#include "report.h"

#define STATUS_FILE "status.json"

/* How many findings and kept records status.json names; all are counted. */
enum { STATUS_FINDINGS = 100 };

/* Findings on their way: counted, kept for status.json, and handed on if they are new. */
struct news {
    struct report report; /* where findings are added */
    struct report *next;  /* where new ones go; may be NULL */
    bool is_held;         /* nothing is handed on now */
    bool is_unsaved;      /* the cache could not be written: the next pass has to */
    json_t *findings;
    const struct cache *before; /* what the last pass told */
    uint64_t *said;             /* what this one tells, sorted by news_sort */
    size_t said_count, said_room;
};

void news_init(struct news *news, struct report *next, const struct cache *before);
void news_release(struct news *news);
void news_sort(struct news *news);

/* Hands on what has been found so far, without places, whether it was told before or not. */
void news_tell(const struct news *news);

/*
 * Writes what a compile that went well found. Returns 0, or -1 with error filled.
 */
int status_write(const struct config *config, const struct registry *registry,
                 const struct news *news, struct error *error);

/*
 * Adds to what is there that nothing was compiled, and why: failure or waiting is the reason. The
 * findings, if there are any, replace those of the last compile.
 */
void status_write_reason(const struct config *config, const char *failure, const char *waiting,
                         const struct news *news);

/* What is there, or NULL; the caller's. */
json_t *status_read(const struct config *config);

#endif
