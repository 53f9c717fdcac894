/*
 * The few steps that writing a file safely takes, on every path the same.
 */
#ifndef SIGNPOST_FILE_H
#define SIGNPOST_FILE_H

#include <stddef.h>

#include "buf.h"
#include "error.h"

/* Writes all of it, over interruptions and short writes. Returns 0, or -1 with errno. */
int file_write_all(int fd, const void *bytes, size_t len);

/* Syncs the directory that holds a path, so that a rename in it lasts. Returns 0, or -1 with errno.
 */
int file_sync_directory(const char *path);

/* Reads what is left of a descriptor, up to the buffer's cap (then the buffer has failed). */
int file_read_all(int fd, struct buf *buf);

#endif
