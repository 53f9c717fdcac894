/*
 * The operator's data in memory: arrays of records, one per kind, and what is wrong with them.
 */
#ifndef SIGNPOST_REGISTRY_H
#define SIGNPOST_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "pool.h"
#include "records.h"
#include "report.h"

enum { VERSION_MAX = 80 };

/* A file that is no record: its name is none of its kind. */
struct stray {
    const char *path;
    const char *text; /* what is wrong with it; NULL: the file is gone */
    enum finding_level level;
};

struct registry {
    bool with_notices; /* keep notices, too; set it before anything is put */
    struct pool pool;  /* owns every string and array below */
    struct {
        void *items; /* structs of the kind, sorted by identity, one per identity */
        size_t count;
        size_t room;
    } kinds[KINDS];
    struct {
        struct stray *items;
        size_t count;
        size_t room;
    } strays;
    char version[VERSION_MAX]; /* names the content: the same records, the same version */
    void *map;                 /* a cache file whose strings are in use, or NULL */
    size_t map_size;
};

/*
 * A large array that is read by chance costs less in few large pages; size 0 or a small one is no
 * matter. Only a hint: nothing comes of it where the kernel has none to give.
 */
void registry_hint_large(void *array, size_t size);

void registry_init(struct registry *registry);
void registry_release(struct registry *registry);

/* A file of the registry, to be made a record. */
struct registry_file {
    enum kind kind;
    const char *name;  /* within the kind's directory */
    const char *bytes; /* NULL: the file is gone */
    size_t len;
    const struct error *problem; /* NULL, or why it could not be read; then bytes do not count */
    uint64_t facts, content;     /* see struct record */
};

/*
 * Adds the record of a file. What is wrong with it goes to the report (may be NULL) and stays with
 * the record. Returns 0, or -1 with error filled (out of memory).
 */
int registry_put(struct registry *registry, const struct registry_file *file, struct report *report,
                 struct error *error);

/*
 * Sorts what was added and settles duplicates; call once, before any look-up. Two files for one
 * record leave it unreadable. Returns 0, or -1 without memory.
 */
int registry_sort(struct registry *registry, struct report *report);

/* Adds a file, or a directory, that is no record and shall be told of. */
int registry_put_stray(struct registry *registry, enum finding_level level, const char *path,
                       const char *text, struct error *error);

/* Tells again everything that is known to be wrong with single files. */
void registry_report(const struct registry *registry, struct report *report);

/* A number for the content of all records that came from plain files, in whatever order. */
uint64_t registry_content(const struct registry *registry);

/* What registry_merge shall do beyond merging. */
struct merge {
    bool is_whole;       /* fresh is all there is; else only what changed */
    int64_t now;         /* seconds since the epoch, for `since` */
    unsigned max_shrink; /* percent of a kind's active records that may go at once; 100: all */
};

/*
 * Brings what was read now (fresh) together with what was known before (old, which may be empty):
 * what is unreadable now keeps its last good version, what is gone goes. Afterwards fresh is the
 * whole registry and old is empty. Returns 0; or -1 with error filled and each lost record told to
 * the report, when at least SHRINK_LEAST records of a kind and more than max_shrink would vanish
 * or turn unreadable, or without memory. Then both are still to be released.
 */
int registry_merge(struct registry *fresh, struct registry *old, const struct merge *merge,
                   struct report *report, struct error *error);

enum { SHRINK_LEAST = 10 };

/* Look-ups by identity (addresses in normal form); NULL when there is no such record. */
const struct user *registry_user(const struct registry *registry, int64_t id);
const struct device *registry_device(const struct registry *registry, const struct uuid *uuid);
const struct node *registry_node(const struct registry *registry, const char *ip);
/* kind is "core" or "entry". */
const struct role *registry_role(const struct registry *registry, const char *kind, const char *ip);

/* The record that a file of this name is or belongs to, or NULL. */
const struct record *registry_record(const struct registry *registry, enum kind kind,
                                     const char *name);

/* Iterates over the records of a kind: for (i = 0; (user = registry_at(r, KIND_USER, i)); i++) */
const void *registry_at(const struct registry *registry, enum kind kind, size_t index);

/* A token and whose it is. */
struct token_owner {
    const struct token *token;
    const struct device *device;
};

/*
 * Every token of a registry, sorted by hash, that one device alone has. One that several devices
 * have is nobody's and is reported, naming them; their status does not matter.
 */
struct token_owners {
    struct token_owner *items;
    size_t count;
};

/* Fills it; what it points to is the registry's. Returns 0, or -1 without memory. */
int registry_tokens(const struct registry *registry, struct token_owners *owners,
                    struct report *report);
void token_owners_release(struct token_owners *owners);

/* Whether the token is among them as this device's. */
bool token_owners_have(const struct token_owners *owners, const struct token *token,
                       const struct device *device);

/*
 * Finds what does not fit together: a device without user, a route to an entry without domain, a
 * user naming a core that nothing else knows, a domain of nobody's. Warnings, by name; and as an
 * error a token of two devices. Returns 0, or -1 without memory.
 */
int registry_cross_check(const struct registry *registry, struct report *report);

#endif
