/*
 * The few steps that writing a file safely takes, on every path the same.
 */
#ifndef SIGNPOST_FILE_H
#define SIGNPOST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "buf.h"
#include "error.h"

/* Writes all of it, over interruptions and short writes. Returns 0, or -1 with errno. */
int file_write_all(int fd, const void *bytes, size_t len);

/*
 * Replaces a small file as a whole: a temporary name (path and suffix), mode 0640 whatever the
 * umask, sync, rename, sync of the directory. Only one may do so at a time. Returns 0, or -1 with
 * error filled and the file as it was.
 */
int file_replace(const char *path, const char *suffix, const void *bytes, size_t len,
                 struct error *error);

/* Syncs the directory that holds a path, so that a rename in it lasts. Returns 0, or -1 with errno.
 */
int file_sync_directory(const char *path);

/* Whether two looks have seen the same file with the same content, as far as a look can tell. */
bool file_is_same(const struct stat *a, const struct stat *b);

/*
 * Appends what is left of a descriptor. Returns 0, or -1: with errno, or (the buffer has failed)
 * because there is more than the buffer may hold, or no memory.
 */
int file_read_all(int fd, struct buf *buf);

#endif
