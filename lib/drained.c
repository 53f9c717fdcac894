#include "drained.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "host.h"
#include "set.h"
#include "state.h"

enum { BYTES_MAX = 1024 * 1024 };

void
drained_init(struct drained *drained)
{
    *drained = (struct drained){.keys = NULL};
}

void
drained_close(struct drained *drained)
{
    free(drained->keys);
    drained_init(drained);
}

/* Takes the line at p as a node. Returns the next line, or NULL when it is none. */
static const char *
read_line(const char *p, const char *end, char node[HOST_MAX])
{
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    char text[HOST_MAX];

    if (newline == NULL || newline - p >= HOST_MAX)
        return NULL;
    memcpy(text, p, (size_t)(newline - p));
    text[newline - p] = '\0';
    if (memchr(p, '\0', (size_t)(newline - p)) != NULL || host_parse(text, node) == HOST_BAD ||
        strcmp(text, node) != 0)
        return NULL;
    return newline + 1;
}

static int
add(struct strings *nodes, struct pool *pool, const char *node, struct error *error)
{
    const char **items = pool_alloc(pool, (nodes->count + 1) * sizeof(*items));
    const char *copy = pool_copy(pool, node, strlen(node));

    if (items == NULL || copy == NULL)
        return error_set(error, "out of memory");
    if (nodes->count > 0)
        memcpy(items, nodes->items, nodes->count * sizeof(*items));
    items[nodes->count++] = copy;
    nodes->items = items;
    return 0;
}

static int
read_lines(const struct buf *buf, struct pool *pool, struct strings *nodes, struct error *error)
{
    const char *p = buf->data, *end = p + buf->len;
    char node[HOST_MAX];
    unsigned line = 0;

    while (p < end) {
        line++;
        p = read_line(p, end, node);
        if (p == NULL)
            return error_set_at(error, line, 1, "not a node's address and nothing else");
        if (!strings_has(nodes, node) && add(nodes, pool, node, error) != 0)
            return -1;
    }
    return 0;
}

int
drained_read(const char *path, struct pool *pool, struct strings *nodes, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
    struct buf buf;

    *nodes = (struct strings){NULL, 0};
    *error = (struct error){0};
    if (fd < 0)
        return errno == ENOENT ? 0 : error_set(error, "%s", strerror(errno));
    buf_init(&buf, BYTES_MAX);
    if (file_read_all(fd, &buf) != 0)
        rc = error_set(error, "%s", buf.failed ? "too large" : strerror(errno));
    else if (buf.len > 0)
        rc = read_lines(&buf, pool, nodes, error);
    close(fd);
    buf_release(&buf);
    return rc;
}

void
drained_look(struct drained *drained, const char *path)
{
    struct strings nodes;
    struct error ignored;
    struct pool pool;
    struct stat st;
    size_t i;

    if (stat(path, &st) != 0) {
        drained_close(drained);
        return;
    }
    if (file_is_same(&st, &drained->st))
        return;
    drained_close(drained);
    pool_init(&pool);
    if (drained_read(path, &pool, &nodes, &ignored) == 0 &&
        (drained->keys = calloc(nodes.count + 1, sizeof(*drained->keys))) != NULL) {
        for (i = 0; i < nodes.count; i++)
            drained->keys[i] = set_node_key(nodes.items[i]);
        drained->count = nodes.count;
        drained->st = st;
    }
    pool_release(&pool);
}

bool
drained_has(const struct drained *drained, uint64_t key)
{
    size_t i;

    for (i = 0; i < drained->count; i++)
        if (drained->keys[i] == key)
            return true;
    return false;
}

/* Writes the nodes but one. A compile that tidies up removes *.tmp. */
static int
write_nodes(const char *path, const struct strings *nodes, const char *without, struct error *error)
{
    struct buf buf;
    size_t i;
    int rc;

    buf_init(&buf, BYTES_MAX);
    for (i = 0; i < nodes->count; i++) {
        if (without != NULL && strcmp(nodes->items[i], without) == 0)
            continue;
        buf_puts(&buf, nodes->items[i]);
        buf_putc(&buf, '\n');
    }
    rc = buf.failed ? error_set(error, "too many nodes")
                    : file_replace(path, ".new", buf.len > 0 ? buf.data : "", buf.len, error);
    buf_release(&buf);
    return rc;
}

/* The same as drained_change, by who holds the lock. */
static int
change(const char *state, const char *node, bool is_drained, struct error *error)
{
    char path[PATH_MAX], text[PATH_MAX + sizeof(error->text)];
    struct strings nodes;
    struct error problem;
    struct pool pool;
    int rc = -1;

    pool_init(&pool);
    if (state_path(state, DRAINED_FILE, path, sizeof(path), error) != 0)
        rc = -1;
    else if (drained_read(path, &pool, &nodes, &problem) != 0)
        rc = error_set(error, "%s", error_string(&problem, path, text, sizeof(text)));
    else if (strings_has(&nodes, node) == is_drained)
        rc = 0;
    else if (!is_drained || add(&nodes, &pool, node, error) == 0) {
        strings_sort(&nodes);
        rc = write_nodes(path, &nodes, is_drained ? NULL : node, error) == 0 ? 1 : -1;
    }
    pool_release(&pool);
    return rc;
}

int
drained_change(const char *state, const char *node, bool is_drained, struct error *error)
{
    int lock = state_lock(state, STATE_DRAINED_LOCK, true, error), rc;

    if (lock < 0)
        return -1;
    rc = change(state, node, is_drained, error);
    close(lock);
    return rc;
}
