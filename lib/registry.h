/*
 * The operator's data: one directory per kind, one file per record -> arrays of records.
 *
 * The only layer that knows where records come from. Here: plain files under a directory, read
 * through one directory descriptor and read again if anything moved meanwhile (best effort: only
 * a source with commits can promise more).
 */
#ifndef SIGNPOST_REGISTRY_H
#define SIGNPOST_REGISTRY_H

#include <stddef.h>

#include "pool.h"
#include "records.h"
#include "report.h"

enum { VERSION_MAX = 80 };

struct registry {
    struct pool pool; /* owns every string and array below */
    struct {
        void *items; /* structs of the kind, sorted by identity, one per identity */
        size_t count;
        size_t room;
    } kinds[KINDS];
    char version[VERSION_MAX]; /* names the content: the same records, the same version */
};

void registry_init(struct registry *registry);
void registry_release(struct registry *registry);

/*
 * Reads the registry under a directory; the registry must be empty. What is wrong with single
 * records goes to the report (may be NULL) and leaves them unreadable, never the others. Two
 * files for one record leave it unreadable. Returns -1 with error filled when the directory
 * itself cannot be read, holds no kind at all, or never stands still.
 */
int registry_load(struct registry *registry, const char *directory, struct report *report,
                  struct error *error);

/*
 * A number that changes when any record's file does (name, size, times, inode), without reading
 * contents. Returns 0, or -1 with error filled.
 */
int registry_fingerprint(const char *directory, uint64_t *fingerprint, struct error *error);

/* Adds one record from its file's content. name is the file's name within the kind's directory. */
int registry_add(struct registry *registry, enum kind kind, const char *name, const char *bytes,
                 size_t len, struct report *report, struct error *error);

/* Sorts what was added and settles duplicates; call once, before any lookup. */
void registry_sort(struct registry *registry, struct report *report);

/* Look-ups by identity (addresses in normal form); NULL when there is no such record. */
const struct user *registry_user(const struct registry *registry, int64_t id);
const struct device *registry_device(const struct registry *registry, const struct uuid *uuid);
const struct node *registry_node(const struct registry *registry, const char *ip);
/* kind is "core" or "entry". */
const struct role *registry_role(const struct registry *registry, const char *kind, const char *ip);

/* Iterates over the records of a kind: for (i = 0; (user = registry_at(r, KIND_USER, i)); i++) */
const void *registry_at(const struct registry *registry, enum kind kind, size_t index);

/*
 * Finds what does not fit together: a device without user, a route to an entry without domain, a
 * user naming a core that nothing else knows, a domain of nobody's. Warnings, by name.
 */
void registry_cross_check(const struct registry *registry, struct report *report);

#endif
