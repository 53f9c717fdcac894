/*
 * The snapshot: everything that is served, compiled into one immutable cdb file
 * (http://cr.yp.to/cdb/cdb.txt, by tinycdb) with a footer of checksums behind it.
 *
 * Keys: 16 bytes, a device's UUID; 32 bytes, the SHA-256 of a token (token.h); 's', u32 and u8, a
 * set in one of its forms (set.h); 'f' and u8, a frame (frame.h); 'm', facts about the snapshot as
 * JSON. Every value starts with a checksum of its record. The footer, behind the hash tables where
 * a plain cdb reader does not look: magic, format, file size, checksums of the table of contents
 * and of each of the 256 hash tables, checksum of the footer.
 *
 * Checked: footer and table of contents at open (a fixed cost), each hash table before its first
 * use, each record when it is read. A damaged file is an error, never an absent device.
 *
 * The file is replaced whole (snapshot_commit) and never changed in place. A struct snapshot
 * stays on the file that it opened.
 */
#ifndef SIGNPOST_SNAPSHOT_H
#define SIGNPOST_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cdb.h>

#include "error.h"
#include "token.h"
#include "uuid.h"

/* Part of the file's name: programs of two formats run beside each other through an upgrade. */
#ifndef SNAPSHOT_FORMAT /* a test of upgrades builds the program of another time */
#define SNAPSHOT_FORMAT 4
#endif

struct snapshot {
    bool is_open;
    struct cdb cdb;
    struct stat st; /* of the file when it was opened */
    const uint8_t *footer;
    uint8_t checked[256 / 8]; /* hash tables whose checksum was right */
};

/* What the snapshot says of a device. */
struct snapshot_device {
    uint32_t set;          /* less than 2^31 */
    bool is_by_token_only; /* its UUID is no address of it */
    int64_t expires;       /* seconds since the epoch, INT64_MAX: never */
    int64_t user_id;
    uint64_t traffic_limit; /* bytes; 0: none */
    const char *name;       /* UTF-8, not terminated, never empty */
    size_t name_len;
    const char *user; /* the user's name, where a setting makes use of it; else of no length */
    size_t user_len;
};

/* Whose address a token is. */
struct snapshot_token {
    struct uuid uuid;
    int64_t until; /* seconds since the epoch, INT64_MAX: it does not end */
};

/* Makes a struct that snapshot_close accepts. */
void snapshot_init(struct snapshot *snapshot);

/*
 * Opens and maps a snapshot. Returns 0, or -1 with error filled: not there, not ours, of another
 * format, truncated, damaged. On failure the struct is as after snapshot_init.
 */
int snapshot_open(struct snapshot *snapshot, const char *path, struct error *error);

void snapshot_close(struct snapshot *snapshot);

/* Tells whether the path now leads to another file than the open one, or to none. */
bool snapshot_is_stale(const struct snapshot *snapshot, const char *path);

/*
 * Finds a record. Returns 1 with the value (pointing into the map), 0 when there is none, -1 when
 * the snapshot is damaged there.
 */
int snapshot_get(struct snapshot *snapshot, const void *key, size_t key_len, const uint8_t **value,
                 size_t *value_len);

/* The record of a device, decoded; returns as snapshot_get. */
int snapshot_get_device(struct snapshot *snapshot, const struct uuid *uuid,
                        struct snapshot_device *device);

/* The record of a token, decoded; returns as snapshot_get. */
int snapshot_get_token(struct snapshot *snapshot, const uint8_t hash[TOKEN_HASH],
                       struct snapshot_token *token);

/* A form of the set of a number; returns as snapshot_get. */
int snapshot_get_set(struct snapshot *snapshot, uint32_t number, int form, const uint8_t **value,
                     size_t *value_len);

/* A compiled frame; returns as snapshot_get. */
int snapshot_get_frame(struct snapshot *snapshot, int frame, const uint8_t **value,
                       size_t *value_len);

/* The facts about the snapshot, JSON text; returns as snapshot_get. */
int snapshot_get_meta(struct snapshot *snapshot, const char **text, size_t *len);

/*
 * The record at *position, which starts at 0 and is moved on; records come in the order in which
 * they were put: devices by UUID, tokens by hash, then the rest. Returns 1, 0 at the end, -1 when
 * it is damaged.
 */
int snapshot_next(const struct snapshot *snapshot, uint32_t *position, const uint8_t **key,
                  size_t *key_len, const uint8_t **value, size_t *value_len);

/* Decodes the value of a device's record. Returns 0, or -1 when it is not well-formed. */
int snapshot_read_device(const uint8_t *value, size_t len, struct snapshot_device *device);

/* The same of a token's. */
int snapshot_read_token(const uint8_t *value, size_t len, struct snapshot_token *token);

/* Checks the hash tables, each of which a look-up else checks when it first needs it (5 ms for a
 * million devices). Returns 0, or -1 when one is damaged. */
int snapshot_check_tables(struct snapshot *snapshot);

/* Checks every byte (0.6 s per GB). Returns 0, or -1 when something is damaged. */
int snapshot_verify(struct snapshot *snapshot);

/* Writing. The file holds records in the order they are put: for equal bytes, put them sorted. */
struct snapshot_writer {
    struct cdb_make make;
    int fd;
    char *path; /* of the file that is replaced */
    char *temporary;
    struct error *error;
};

/*
 * Starts a new snapshot beside path, under one fixed temporary name: the caller holds the lock
 * that keeps others out (state.h). Whatever lies there from a crash is overwritten.
 */
int snapshot_begin(struct snapshot_writer *writer, const char *path, struct error *error);

int snapshot_put(struct snapshot_writer *writer, const void *key, size_t key_len, const void *value,
                 size_t value_len);
int snapshot_put_device(struct snapshot_writer *writer, const struct uuid *uuid,
                        const struct snapshot_device *device);
int snapshot_put_token(struct snapshot_writer *writer, const uint8_t hash[TOKEN_HASH],
                       const struct snapshot_token *token);
int snapshot_put_set(struct snapshot_writer *writer, uint32_t number, int form, const void *bytes,
                     size_t len);
int snapshot_put_frame(struct snapshot_writer *writer, int frame, const void *bytes, size_t len);
int snapshot_put_meta(struct snapshot_writer *writer, const char *text, size_t len);

/*
 * Finishes the file, syncs it, moves it over path and syncs the directory. Returns 0, or -1 with
 * error filled and the old file untouched. The writer is released either way.
 */
int snapshot_commit(struct snapshot_writer *writer);

/* Gives up: removes the temporary file. */
void snapshot_abort(struct snapshot_writer *writer);

#endif
