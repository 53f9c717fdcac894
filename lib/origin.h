/*
 * Where the records come from: a directory per kind, a file per record; the only layer that knows.
 *
 * From git: exactly the files of the commit that HEAD names, never half of a change. From plain
 * files: whatever lies there, read again if anything moved meanwhile (best effort: no more can be
 * promised of files that anybody may write at any time).
 */
#ifndef SIGNPOST_ORIGIN_H
#define SIGNPOST_ORIGIN_H

#include "git.h"
#include "registry.h"

enum origin_choice {
    ORIGIN_AUTO, /* git where the directory is the top of a checkout, else files */
    ORIGIN_GIT,  /* the directory may lie deeper in a checkout */
    ORIGIN_FILES
};

struct origin {
    const char *directory; /* the caller's string */
    bool is_git;
    struct git git;
    struct git_stream ahead[2]; /* of origin_prepare, with what they are about */
    char ahead_from[VERSION_MAX], ahead_to[VERSION_MAX];
};

/* Returns 0, or -1 with error filled. Close it either way. */
int origin_open(struct origin *origin, const char *directory, enum origin_choice choice,
                struct error *error);

void origin_close(struct origin *origin);

/*
 * Starts finding out what has changed since a version, if it is one of this origin's, while the
 * caller gets ready for origin_read. Only a hint: it is not needed, and may be wrong.
 */
void origin_prepare(struct origin *origin, const char *version, const char *mark);

/* A name for the origin; what was read from another does not count for this one. */
void origin_name(const struct origin *origin, char *name, size_t size);

enum origin_look { ORIGIN_ERROR = -1, ORIGIN_SEEN, ORIGIN_BUSY };

/*
 * Looks, without reading contents, what there is now: mark changes whenever it does. ORIGIN_BUSY:
 * a rebase or merge is under way, and what it leaves in between is not meant to be served; error
 * tells of it. ORIGIN_ERROR: error is filled.
 */
enum origin_look origin_look(const struct origin *origin, char mark[VERSION_MAX],
                             struct error *error);

/*
 * Reads what the mark of the last look stands for into an empty registry, sorted: all of it, or,
 * where known holds what was read from this origin before, only what has changed (then records
 * that are gone have that status, and *is_whole is false). What is wrong with single files stays
 * with them. Returns 0, or -1 with error filled: nothing can be read, it is no registry, or it
 * never stands still.
 */
int origin_read(struct origin *origin, const char *mark, const struct registry *known,
                struct registry *fresh, bool *is_whole, struct error *error);

/* Names the version of a registry that is whole now. */
void origin_version(const struct origin *origin, const char *mark, struct registry *registry);

/*
 * How many files differ from what is served since they are not committed, and one of them.
 * Returns 0; -1 with error filled when that cannot be told. Plain files: always 0 files.
 */
int origin_uncommitted(const struct origin *origin, size_t *count, char *example, size_t size,
                       struct error *error);

#endif
