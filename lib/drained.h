/*
 * Nodes that are drained by hand: a file `drained` in the state directory, one node a line, its
 * address in normal form (host.h), ascending by byte value, a newline behind each. It is small, and
 * read again whenever another lies there.
 */
#ifndef SIGNPOST_DRAINED_H
#define SIGNPOST_DRAINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"
#include "fields.h"

#define DRAINED_FILE "drained"

struct drained {
    uint64_t *keys; /* NULL: none */
    size_t count;
    struct stat st; /* of the file when it was read */
};

void drained_init(struct drained *drained);
void drained_close(struct drained *drained);

/*
 * Reads the file again if another lies there, or another content. What cannot be read is none, and
 * is tried again at the next look.
 */
void drained_look(struct drained *drained, const char *path);

bool drained_has(const struct drained *drained, uint64_t key);

/*
 * Reads the nodes' addresses into the pool. Returns 0 (also when there is no file), or -1 with
 * error filled, its line set where one is to blame.
 */
int drained_read(const char *path, struct pool *pool, struct strings *nodes, struct error *error);

/*
 * Adds a node to the file of a state directory, or takes it out. Returns 1 when that changed
 * something, 0 when it was so already, -1 with error filled and the file as it was. Of several at
 * once each waits for the others.
 */
int drained_change(const char *state, const char *node, bool is_drained, struct error *error);

#endif
