/* The registry's source of plain files: registry_load and registry_fingerprint of registry.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "document.h"
#include "file.h"
#include "registry.h"
#include "siphash.h"

enum { READ_TRIES = 5 };

static const uint8_t hash_key[16] = "signpost files 1";

static uint64_t
chain(uint64_t hash, const void *bytes, size_t len)
{
    uint64_t pair[2] = {hash, siphash(hash_key, bytes, len)};

    return siphash(hash_key, pair, sizeof(pair));
}

/* The registry's directory, open, and its name for messages. */
struct root {
    int fd;
    const char *path;
};

/* The sorted names of a kind's directory. */
struct names {
    struct dirent **items;
    int count;
};

static int
sort_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int
no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A directory that is not there has no names: not every registry has every kind. */
static int
list_names(const struct root *root, const char *name, struct names *names, struct error *error)
{
    names->items = NULL;
    names->count = scandirat(root->fd, name, &names->items, no_dots, sort_names);
    if (names->count >= 0)
        return 0;
    names->count = 0;
    return errno == ENOENT ? 0 : error_set(error, "%s/%s: %s", root->path, name, strerror(errno));
}

static void
release_names(struct names *names)
{
    while (names->count > 0)
        free(names->items[--names->count]);
    free(names->items);
    names->items = NULL;
}

static int
open_root(struct root *root, const char *path, struct error *error)
{
    root->path = path;
    root->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return root->fd >= 0 ? 0 : error_set(error, "%s: %s", path, strerror(errno));
}

static int
hash_kind(const struct root *root, enum kind kind, uint64_t *hash, struct error *error)
{
    const char *name = kind_directory(kind);
    struct names names;
    struct stat st;
    int i, fd;

    if (list_names(root, name, &names, error) != 0)
        return -1;
    fd = names.count > 0 ? openat(root->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    for (i = 0; i < names.count; i++) {
        const char *file = names.items[i]->d_name;
        uint64_t facts[5];

        if (document_syntax(file, NULL) == SYNTAX_NONE ||
            fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        facts[0] = (uint64_t)st.st_size;
        facts[1] = (uint64_t)st.st_ino;
        facts[2] = (uint64_t)st.st_mtim.tv_sec << 32 ^ (uint64_t)st.st_mtim.tv_nsec;
        facts[3] = (uint64_t)st.st_ctim.tv_sec << 32 ^ (uint64_t)st.st_ctim.tv_nsec;
        facts[4] = (uint64_t)kind;
        *hash = chain(*hash, file, strlen(file));
        *hash = chain(*hash, facts, sizeof(facts));
    }
    if (fd >= 0)
        close(fd);
    release_names(&names);
    return 0;
}

static int
fingerprint_at(const struct root *root, uint64_t *fingerprint, struct error *error)
{
    enum kind kind;

    *fingerprint = 0;
    for (kind = 0; kind < KINDS; kind++)
        if (hash_kind(root, kind, fingerprint, error) != 0)
            return -1;
    return 0;
}

int
registry_fingerprint(const char *directory, uint64_t *fingerprint, struct error *error)
{
    struct root root;
    int rc;

    if (open_root(&root, directory, error) != 0)
        return -1;
    rc = fingerprint_at(&root, fingerprint, error);
    close(root.fd);
    return rc;
}

/* Reads a whole regular file. One byte over the limit is enough to know that it is too large. */
static int
read_file(int directory, const char *name, struct buf *buf, struct error *error)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc;
    struct stat st;

    if (fd < 0)
        return errno == ELOOP ? error_set(error, "a symbolic link; records must be plain files")
                              : error_set(error, "%s", strerror(errno));
    buf_clear(buf);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = error_set(error, "not a plain file");
    else if (file_read_all(fd, buf) != 0)
        rc = buf->failed ? error_set(error, "larger than %d bytes", DOCUMENT_MAX)
                         : error_set(error, "%s", strerror(errno));
    else
        rc = 0;
    close(fd);
    return rc;
}

struct load {
    struct registry *registry;
    struct report *report;
    struct buf file;
    uint64_t hash; /* of every name and content */
};

static int
load_file(struct load *load, int directory, enum kind kind, const char *name, struct error *error)
{
    struct error problem;
    char path[300];

    if (read_file(directory, name, &load->file, &problem) != 0) {
        snprintf(path, sizeof(path), "%s/%s", kind_directory(kind), name);
        report_error(load->report, path, &problem);
        /* Nothing to parse: it is there, and it is unreadable. */
        return registry_add(load->registry, kind, name, "", 0, NULL, error);
    }
    load->hash = chain(load->hash, name, strlen(name));
    load->hash = chain(load->hash, load->file.data, load->file.len);
    return registry_add(load->registry, kind, name, load->file.data, load->file.len, load->report,
                        error);
}

static int
load_kind(struct load *load, const struct root *root, enum kind kind, bool *found,
          struct error *error)
{
    const char *kind_name = kind_directory(kind);
    struct names names;
    int i, fd, rc = 0;

    if (list_names(root, kind_name, &names, error) != 0)
        return -1;
    fd = openat(root->fd, kind_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        *found = true;
    load->hash = chain(load->hash, kind_name, strlen(kind_name));
    for (i = 0; i < names.count && rc == 0; i++) {
        const char *name = names.items[i]->d_name;

        if (document_syntax(name, NULL) != SYNTAX_NONE) {
            rc = load_file(load, fd, kind, name, error);
        } else {
            char path[300];

            snprintf(path, sizeof(path), "%s/%s", kind_name, name);
            report_add(load->report, FINDING_NOTICE, path,
                       "not a record (.json, .yaml, .yml), ignored");
        }
    }
    if (fd >= 0)
        close(fd);
    release_names(&names);
    return rc;
}

static void
name_unknown_directories(const struct root *root, struct report *report)
{
    struct names names;
    struct error ignored;
    enum kind kind;
    int i;

    if (list_names(root, ".", &names, &ignored) != 0)
        return;
    for (i = 0; i < names.count; i++) {
        const char *name = names.items[i]->d_name;

        for (kind = 0; kind < KINDS && strcmp(name, kind_directory(kind)) != 0; kind++)
            ;
        if (kind == KINDS)
            report_add(report, FINDING_NOTICE, name, "no kind of record, ignored");
    }
    release_names(&names);
}

static int
load_once(struct load *load, const struct root *root, struct error *error)
{
    bool found = false;
    enum kind kind;

    load->hash = 0;
    for (kind = 0; kind < KINDS; kind++)
        if (load_kind(load, root, kind, &found, error) != 0)
            return -1;
    if (!found)
        return error_set(error, "%s: no registry: neither users/ nor devices/ nor any other kind",
                         root->path);
    name_unknown_directories(root, load->report);
    return 0;
}

/* Findings are kept back until a read is known to be whole: a torn one would report phantoms. */
struct held {
    struct finding *items;
    size_t count, room;
    struct pool pool;
};

static void
hold(void *context, const struct finding *finding)
{
    struct held *held = context;
    struct finding *items;

    if (held->count == held->room) {
        held->room = held->room == 0 ? 16 : held->room * 2;
        items = realloc(held->items, held->room * sizeof(*items));
        if (items == NULL)
            return;
        held->items = items;
    }
    held->items[held->count] = *finding;
    held->items[held->count].path = pool_copy(&held->pool, finding->path, strlen(finding->path));
    held->items[held->count].text = pool_copy(&held->pool, finding->text, strlen(finding->text));
    if (held->items[held->count].path != NULL && held->items[held->count].text != NULL)
        held->count++;
}

static void
pass_on(const struct held *held, struct report *report)
{
    size_t i;

    for (i = 0; i < held->count; i++)
        report_add_at(report, held->items[i].level, held->items[i].path, held->items[i].line,
                      held->items[i].column, held->items[i].text);
}

static int
load_still(struct registry *registry, const struct root *root, struct report *report, bool *moved,
           struct error *error)
{
    struct held held = {NULL, 0, 0, {NULL}};
    struct report holder = {hold, &held, {0}};
    struct load load = {registry, &holder, {0}, 0};
    uint64_t before, after;
    int rc;

    *moved = false;
    buf_init(&load.file, DOCUMENT_MAX);
    rc = fingerprint_at(root, &before, error);
    if (rc == 0)
        rc = load_once(&load, root, error);
    if (rc == 0)
        rc = fingerprint_at(root, &after, error);
    if (rc == 0 && before != after) {
        *moved = true;
        rc = error_set(error, "%s: the files keep changing while they are read", root->path);
    }
    if (rc == 0) {
        pass_on(&held, report);
        registry_sort(registry, report);
        snprintf(registry->version, sizeof(registry->version), "files-%016llx",
                 (unsigned long long)load.hash);
    }
    buf_release(&load.file);
    free(held.items);
    pool_release(&held.pool);
    return rc;
}

int
registry_load(struct registry *registry, const char *directory, struct report *report,
              struct error *error)
{
    struct root root;
    bool moved = true;
    int tries, rc = -1;

    if (open_root(&root, directory, error) != 0)
        return -1;
    for (tries = 0; tries < READ_TRIES && rc != 0 && moved; tries++) {
        registry_release(registry);
        rc = load_still(registry, &root, report, &moved, error);
    }
    close(root.fd);
    if (rc != 0)
        registry_release(registry);
    return rc;
}
