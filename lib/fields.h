/*
 * Reading typed fields out of a document's mapping. Each complaint becomes a finding that names
 * file, place and key; a field of the wrong type makes the whole record unreadable (failed).
 */
#ifndef SIGNPOST_FIELDS_H
#define SIGNPOST_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "pool.h"
#include "report.h"

/* A list of strings, sorted by byte value, without duplicates. */
struct strings {
    const char **items;
    size_t count;
};

/* Sorts a list and takes duplicates out. */
void strings_sort(struct strings *list);

/* Tells whether the list holds the string. */
bool strings_has(const struct strings *list, const char *string);

/* Tells whether two lists share a string. */
bool strings_share(const struct strings *a, const struct strings *b);

/* The file that a record came from, for messages. bytes may be NULL: then places are not told. */
struct source {
    const char *path;
    const char *bytes;
    size_t len;
    struct report *report;
};

struct fields {
    const json_t *object;
    const struct source *source;
    const char *inside; /* key of the mapping that this one is the value of, or NULL */
    const char *outer;  /* key of the mapping in which that key stands, or NULL */
    const char *item;   /* its number from 0 in decimal, when that value is a list; or NULL */
    struct pool *pool;  /* what the getters return lives here */
    bool failed;
};

/* Adds a finding about one key (NULL: about the record), with its place but for notices. */
void fields_say(const struct fields *fields, enum finding_level level, const char *key,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same at error level, and the record has failed. */
void fields_fail(struct fields *fields, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A string that goes into a protocol: no white space, no control characters, up to 4096 bytes. An
 * integer is taken as its text (YAML writes 2351 for "2351"). Returns NULL when absent, null or
 * empty, or after a failure.
 */
const char *fields_token(struct fields *fields, const char *key);

/*
 * Free text for people, in any script, up to 255 bytes (longer is cut between characters, with a
 * warning). Control characters become spaces, spaces at the ends go. NULL as above.
 */
const char *fields_text(struct fields *fields, const char *key);

/* The same for a sentence or two, up to 1000 bytes. */
const char *fields_long_text(struct fields *fields, const char *key);

/* An integer within min and max; otherwise (absent or null) the given default. */
int64_t fields_integer(struct fields *fields, const char *key, int64_t otherwise, int64_t min,
                       int64_t max);

/* Tells whether the key is there with another value than null. */
bool fields_has(const struct fields *fields, const char *key);

/* A sequence of tokens, sorted and without duplicates; empty when absent or null. */
void fields_strings(struct fields *fields, const char *key, struct strings *list);

/*
 * A mapping below this one as fields of its own (same pool and source). Returns false when it is
 * absent, null, or not a mapping (a failure).
 */
bool fields_inner(struct fields *fields, const char *key, struct fields *inner);

/* Names the keys that are not in the NULL-terminated list, at a level; of many, the first 20. */
void fields_name_unknown(const struct fields *fields, enum finding_level level,
                         const char *const *known);

#endif
