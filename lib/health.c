#include "health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "health_parts.h"

void
health_init(struct health *health)
{
    *health = (struct health){.is_there = false};
}

/* Forgets the file, but not which one was the last. */
static void
drop(struct health *health)
{
    free(health->nodes);
    health->nodes = NULL;
    health->count = 0;
    health->is_there = false;
    health->st = (struct stat){0};
    health->problem[0] = '\0';
}

void
health_close(struct health *health)
{
    drop(health);
    health_init(health);
}

/* Reads every line, into nodes. */
static int
read_nodes(struct health *health, struct health_reader *reader, struct error *error)
{
    struct health_line line;
    int rc;

    health->nodes = calloc(reader->count + 1, sizeof(*health->nodes));
    if (health->nodes == NULL) {
        /* Not the file's fault: try again. */
        health->st = (struct stat){0};
        return error_set(error, "no memory");
    }
    while ((rc = health_reader_next(reader, &line, error)) > 0)
        health->nodes[health->count++] = (struct health_node){line.entry.key, line.entry.since,
                                                              line.entry.state};
    return rc;
}

/* An old copy that has come back says what was true once. */
static int
check_sequence(const struct health_head *before, const struct health_head *head,
               struct error *error)
{
    if (strcmp(before->vantage, head->vantage) != 0 || head->sequence >= before->sequence)
        return 0;
    return error_set(error, "sequence %llu after %llu: an older file",
                     (unsigned long long)head->sequence, (unsigned long long)before->sequence);
}

static int
read_file(struct health *health, const char *path, struct error *error)
{
    struct health_reader reader;
    struct buf buf;
    int rc;

    buf_init(&buf, HEALTH_BYTES_MAX);
    rc = health_load(&buf, path, &health->st, error);
    if (rc == 0)
        rc = health_reader_init(&reader, buf.data, buf.len, error);
    if (rc == 0)
        rc = check_sequence(&health->head, &reader.head, error);
    if (rc == 0)
        rc = read_nodes(health, &reader, error);
    buf_release(&buf);
    if (rc == 0) {
        health->head = reader.head;
        health->is_there = true;
    }
    return rc;
}

void
health_look(struct health *health, const char *path)
{
    struct error error = {.line = 0};
    struct stat st;
    bool is_none = false;

    if (stat(path, &st) != 0)
        is_none = errno == ENOENT;
    else if (file_is_same(&st, &health->st))
        return;
    drop(health);
    if (is_none || read_file(health, path, &error) == 0)
        return;
    st = health->st;
    drop(health);
    health->st = st;
    error_string(&error, path, health->problem, sizeof(health->problem));
}

bool
health_head_is_fresh(const struct health_head *head, int64_t now)
{
    int64_t age;

    return !__builtin_sub_overflow(now, head->generated, &age) && age >= -HEALTH_AHEAD_MAX &&
           age <= head->ttl;
}

bool
health_is_fresh(const struct health *health, int64_t now)
{
    return health->is_there && health_head_is_fresh(&health->head, now);
}

const struct health_node *
health_find(const struct health *health, uint64_t key)
{
    size_t low = 0, high = health->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (health->nodes[middle].key == key)
            return &health->nodes[middle];
        if (health->nodes[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* What the fresh files of one side say together. */
static enum health_state
hear_side(const struct vantage *vantages, size_t count, int64_t now, uint64_t key, bool is_inside)
{
    size_t said[HEALTH_BLOCKED + 1] = {0}, known, gone, i;
    const struct health_node *node;

    for (i = 0; i < count; i++) {
        if (vantages[i].is_inside != is_inside || !health_is_fresh(&vantages[i].health, now))
            continue;
        node = health_find(&vantages[i].health, key);
        said[node != NULL ? node->state : HEALTH_UNKNOWN]++;
    }
    gone = said[HEALTH_DEAD] + said[HEALTH_BLOCKED];
    known = said[HEALTH_ALIVE] + said[HEALTH_DOWN] + gone;
    if (known == 0)
        return HEALTH_UNKNOWN;
    if (2 * gone > known)
        return said[HEALTH_BLOCKED] > said[HEALTH_DEAD] ? HEALTH_BLOCKED : HEALTH_DEAD;
    return 2 * (gone + said[HEALTH_DOWN]) > known ? HEALTH_DOWN : HEALTH_ALIVE;
}

enum health_state
health_combine(const struct vantage *vantages, size_t count, int64_t now, uint64_t key)
{
    enum health_state inside = hear_side(vantages, count, now, key, true);
    enum health_state outside = hear_side(vantages, count, now, key, false);

    if (inside == HEALTH_UNKNOWN)
        return outside;
    return inside == HEALTH_DEAD && outside == HEALTH_ALIVE ? HEALTH_BLOCKED : inside;
}
