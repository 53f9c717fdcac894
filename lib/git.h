/*
 * A git checkout as far as the registry needs it: which commit HEAD names, and the blobs of a
 * commit. HEAD is read from the files that gitrepository-layout(5) describes, so that looking
 * costs no process; objects are read by the git program (2.36 or newer), which runs no hook, asks
 * nothing, fetches nothing and takes no lock.
 */
#ifndef SIGNPOST_GIT_H
#define SIGNPOST_GIT_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "error.h"

enum { GIT_HEX = 65 /* a commit's name and a NUL: SHA-1 or SHA-256 */ };

struct git {
    char directory[PATH_MAX]; /* of this work tree: HEAD */
    char common[PATH_MAX];    /* of the repository: refs, packed-refs */
    char top[PATH_MAX];       /* of the work tree */
    char prefix[PATH_MAX];    /* of the data within the commit's tree: "" or "registry" */
};

/*
 * Finds the repository whose work tree a directory is; with is_inside, also one that the directory
 * lies deeper in. Returns 1 when found, 0 when there is none, -1 with error filled.
 */
int git_find(struct git *git, const char *directory, bool is_inside, struct error *error);

/*
 * The commit that HEAD names. Returns 0, or -1 with error filled: no commit yet, or not to be read
 * (as a repository with another ref storage, which git is asked about, and git fails).
 */
int git_head(const struct git *git, char commit[GIT_HEX], struct error *error);

/* What is under way, so that HEAD is not meant to be seen: "rebase", "merge", "bisection", or NULL.
 */
const char *git_busy(const struct git *git);

/* Whether the repository is a partial clone, which lacks objects. */
bool git_is_partial(const struct git *git);

/* Processes of git, and what they write. */
struct git_stream {
    FILE *out;
    int failed;    /* git_read did, with this errno */
    pid_t pids[2]; /* 0: none */
    int errors;    /* what they complain about */
};

/* What `git rev-parse HEAD` says. */
int git_open_head(const struct git *git, struct git_stream *stream, struct error *error);

/*
 * The objects of the given paths (NULL-terminated, below the prefix) of a commit, all at once:
 * "<object> <type> <size> <mode> <path>", a line feed, the content, a line feed. Paths with
 * special characters are quoted as in C. Objects that are not there: "<object> missing".
 */
int git_open_tree(const struct git *git, const char *commit, const char *const *paths,
                  struct git_stream *stream, struct error *error);

/* The same for single objects: requests is a file of lines "<object> <mode> <path>". */
int git_open_objects(const struct git *git, int requests, struct git_stream *stream,
                     struct error *error);

/*
 * What differs between two commits below the prefix, as `git diff-tree -r -z --raw` writes it,
 * without renames.
 */
int git_open_diff(const struct git *git, const char *old, const char *new, const char *const *paths,
                  struct git_stream *stream, struct error *error);

/* The names of a commit's entries, each "<object> <mode> <path>" and a line feed. */
int git_open_names(const struct git *git, const char *commit, const char *const *paths,
                   struct git_stream *stream, struct error *error);

/* What is not committed below the prefix, as `git status --porcelain -z` writes it. */
int git_open_uncommitted(const struct git *git, const char *const *paths, struct git_stream *stream,
                         struct error *error);

/*
 * The next piece of what they write, up to and with the byte end, as getdelim(3). Returns false
 * where there is none, or where it cannot be read or held: then git_close fails.
 */
bool git_read(struct git_stream *stream, char **piece, size_t *room, int end);

/* Waits for the end. Returns 0, or -1 with error filled when git failed: with git's own words. */
int git_close(struct git_stream *stream, struct error *error);

/* Undoes git's quoting of a path in place. Returns false when it is not well-formed. */
bool git_unquote(char *path);

#endif
