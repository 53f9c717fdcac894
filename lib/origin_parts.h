/* What origin.c, origin_git.c and origin_files.c share; for them only. */
#ifndef SIGNPOST_ORIGIN_PARTS_H
#define SIGNPOST_ORIGIN_PARTS_H

#include "origin.h"

/*
 * Splits "users/7.json" into kind and name. Returns 1; 0 when it is no record's path; -1 when it
 * is the kind's directory itself.
 */
int origin_split(const char *path, enum kind *kind, const char **name);

/*
 * Starts comparing two commits, the users apart from all other kinds, so that git does either at
 * the same time. Returns 0, or -1.
 */
int origin_git_compare(const struct git *git, const char *old, const char *new,
                       struct git_stream halves[2]);

int origin_git_read(struct origin *origin, const char *commit, const struct registry *known,
                    struct registry *fresh, bool *is_whole, struct error *error);

enum origin_look origin_files_look(const struct origin *origin, char mark[VERSION_MAX],
                                   struct error *error);
int origin_files_read(const struct origin *origin, const struct registry *known,
                      struct registry *fresh, bool *is_whole, struct error *error);

#endif
