#include "origin_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "document.h"
#include "siphash.h"

int64_t
scan_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
scan_changed(const struct stat *st)
{
    int64_t ctime = (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;
    int64_t mtime = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;

    return ctime > mtime ? ctime : mtime;
}

uint64_t
scan_facts(const struct stat *st)
{
    static const uint8_t key[16] = "signpost files 1";
    uint64_t facts[4] = {(uint64_t)st->st_size, (uint64_t)st->st_ino,
                         (uint64_t)st->st_mtim.tv_sec << 32 ^ (uint64_t)st->st_mtim.tv_nsec,
                         (uint64_t)st->st_ctim.tv_sec << 32 ^ (uint64_t)st->st_ctim.tv_nsec};
    uint64_t hash = siphash(key, facts, sizeof(facts));

    return hash != 0 ? hash : 1;
}

int
scan_want(struct scan_kind *kind, const char *name, uint64_t facts, struct error *error)
{
    size_t room = kind->room == 0 ? 64 : kind->room * 2;
    struct wanted *wanted = kind->wanted;

    if (kind->count == kind->room) {
        wanted = realloc(wanted, room * sizeof(*wanted));
        if (wanted == NULL)
            return error_set(error, "out of memory");
        kind->wanted = wanted;
        kind->room = room;
    }
    wanted[kind->count] = (struct wanted){strdup(name), facts};
    if (wanted[kind->count].name == NULL)
        return error_set(error, "out of memory");
    kind->count++;
    return 0;
}

/* A kind's directory that is being read. */
struct listing {
    const struct scan *scan;
    enum kind kind;
    int fd;
    struct scan_kind *found;
};

static int
say_no_record(const struct listing *listing, const char *name, struct error *error)
{
    char path[NAME_MAX + 32];

    if (listing->scan->fresh == NULL || !listing->scan->fresh->with_notices)
        return 0;
    snprintf(path, sizeof(path), "%s/%s", kind_directory(listing->kind), name);
    return registry_put_stray(listing->scan->fresh, FINDING_NOTICE, path,
                              "not a record (.json, .yaml, .yml), ignored", error);
}

static void
note_change(struct scan_kind *found, const struct stat *st)
{
    int64_t changed = scan_changed(st);

    if (changed > found->newest)
        found->newest = changed;
}

static int
look_at_file(const struct listing *listing, const char *name, struct error *error)
{
    struct scan_kind *found = listing->found;
    bool is_compared = listing->scan->fresh != NULL;
    uint64_t facts, path;
    struct known_file *known;
    struct stat st;

    if (name[0] == '.')
        return 0;
    if (document_syntax(name, NULL) == SYNTAX_NONE)
        return say_no_record(listing, name, error);
    path = known_path(listing->kind, name);
    if (is_compared)
        known_expect(&found->known, path);
    if (fstatat(listing->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return 0; /* gone meanwhile: the directory's times will tell */
        return error_set(error, "%s/%s/%s: %s", listing->scan->origin->directory,
                         kind_directory(listing->kind), name, strerror(errno));
    }
    facts = scan_facts(&st);
    /* A sum: the order of reading does not matter. By an odd factor no change is lost in it. */
    found->mark += facts * (path | 1);
    note_change(found, &st);
    if (!is_compared)
        return 0;
    known = known_find(&found->known, path);
    if (known->path != 0)
        known->is_seen = true;
    if (known->path != 0 && known->facts == facts)
        return 0;
    known->is_wanted = known->path != 0;
    return scan_want(found, name, facts, error);
}

static int
look_at_files(const struct listing *listing, DIR *directory, struct error *error)
{
    const struct dirent *entry;
    int rc = 0;

    while (rc == 0) {
        errno = 0;
        entry = readdir(directory);
        if (entry == NULL)
            return errno == 0 ? 0
                              : error_set(error, "%s/%s: %s", listing->scan->origin->directory,
                                          kind_directory(listing->kind), strerror(errno));
        rc = look_at_file(listing, entry->d_name, error);
    }
    return rc;
}

static int
look_at_kind(const struct scan *scan, enum kind kind, struct scan_kind *found, struct error *error)
{
    const char *name = kind_directory(kind);
    struct listing listing = {scan, kind, -1, found};
    struct stat st;
    DIR *directory;
    int rc;

    listing.fd = openat(scan->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Not every registry has every kind. */
    if (listing.fd < 0)
        return errno == ENOENT
                   ? 0
                   : error_set(error, "%s/%s: %s", scan->origin->directory, name, strerror(errno));
    directory = fdopendir(listing.fd);
    if (directory == NULL || fstat(listing.fd, &st) != 0) {
        error_set(error, "%s/%s: %s", scan->origin->directory, name, strerror(errno));
        if (directory != NULL)
            closedir(directory);
        else
            close(listing.fd);
        return -1;
    }
    found->mark = found->directory = scan_facts(&st);
    note_change(found, &st);
    rc = look_at_files(&listing, directory, error);
    closedir(directory);
    return rc;
}

/* Some of the kinds, for a thread: it writes to these, and to nothing else that another one uses.
 */
struct share {
    struct scan *scan;
    enum kind first, end;
    struct error error;
    int rc;
};

static void *
look_at_share(void *context)
{
    struct share *share = context;
    enum kind kind;

    for (kind = share->first; kind < share->end && share->rc == 0; kind++) {
        struct scan_kind found = {.newest = INT64_MIN};

        if (share->scan->fresh != NULL &&
            known_init(&found.known, share->scan->registry, kind) != 0)
            share->rc = error_set(&share->error, "out of memory");
        else
            share->rc = look_at_kind(share->scan, kind, &found, &share->error);
        /* Only now: the kinds lie side by side, and so would what two processors write. */
        share->scan->kinds[kind] = found;
    }
    return NULL;
}

/* The users are one half of a large registry, everything else is the other. */
int
scan_all(struct scan *scan, struct error *error)
{
    struct share users = {.scan = scan, .first = KIND_USER, .end = KIND_USER + 1};
    struct share others = {.scan = scan, .first = KIND_USER + 1, .end = KINDS};
    pthread_t thread;
    bool is_apart;

    _Static_assert(KIND_USER == 0, "all other kinds come behind it");
    scan_release(scan);
    scan->started = scan_now();
    /* Notices are put to one list. Without another thread it only takes longer. */
    is_apart = (scan->fresh == NULL || !scan->fresh->with_notices) &&
               pthread_create(&thread, NULL, look_at_share, &others) == 0;
    look_at_share(&users);
    if (is_apart)
        pthread_join(thread, NULL);
    else
        look_at_share(&others);
    if (users.rc != 0 || others.rc != 0)
        *error = users.rc != 0 ? users.error : others.error;
    return users.rc != 0 || others.rc != 0 ? -1 : 0;
}

void
scan_release(struct scan *scan)
{
    enum kind kind;

    for (kind = 0; kind < KINDS; kind++) {
        struct scan_kind *found = &scan->kinds[kind];

        while (found->count > 0)
            free(found->wanted[--found->count].name);
        free(found->wanted);
        known_release(&found->known);
    }
    memset(scan->kinds, 0, sizeof(scan->kinds));
}

uint64_t
scan_mark(const struct scan *scan)
{
    uint64_t mark = 0;
    enum kind kind;

    for (kind = 0; kind < KINDS; kind++)
        mark += scan->kinds[kind].mark;
    return mark;
}

int64_t
scan_newest(const struct scan *scan)
{
    int64_t newest = INT64_MIN;
    enum kind kind;

    for (kind = 0; kind < KINDS; kind++)
        if (scan->kinds[kind].newest > newest)
            newest = scan->kinds[kind].newest;
    return newest;
}
