/*
 * The registry's source of plain files: origin_files_look and origin_files_read of origin_parts.h.
 *
 * A file is read again when its size, times or inode are others than when it was read, or when it
 * had been written so shortly before that a later write might not show in them (git's rule for
 * racily clean files). Records are not read before everything has been still for a moment.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "document.h"
#include "file.h"
#include "known.h"
#include "origin_parts.h"
#include "siphash.h"

enum {
    READ_TRIES = 40,
    STILL_MS = 100, /* nothing has been written for that long */
    RACY_MS = 2000, /* coarser than the times of any file system in use */
};

static const uint8_t hash_key[16] = "signpost files 1";

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
changed_ms(const struct stat *st)
{
    int64_t ctime = (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;
    int64_t mtime = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;

    return ctime > mtime ? ctime : mtime;
}

/* Names a file's state; never 0. */
static uint64_t
facts_of(const struct stat *st)
{
    uint64_t facts[4] = {(uint64_t)st->st_size, (uint64_t)st->st_ino,
                         (uint64_t)st->st_mtim.tv_sec << 32 ^ (uint64_t)st->st_mtim.tv_nsec,
                         (uint64_t)st->st_ctim.tv_sec << 32 ^ (uint64_t)st->st_ctim.tv_nsec};
    uint64_t hash = siphash(hash_key, facts, sizeof(facts));

    return hash != 0 ? hash : 1;
}

/* A file that must be read. */
struct wanted {
    enum kind kind;
    char *name;
    uint64_t facts;
};

struct scan {
    const struct origin *origin;
    int fd;
    struct known known;
    const struct registry *registry; /* what is known, or NULL */
    struct registry *fresh;          /* NULL when only the mark is wanted */
    struct wanted *wanted;
    size_t count, room;
    uint64_t mark;               /* sum over all files: the order of reading does not matter */
    int64_t newest;              /* when anything was changed last, by its own times */
    int64_t started;             /* when the scan was */
    size_t kinds;                /* directories that are there */
    uint64_t directories[KINDS]; /* their facts */
};

static int
want(struct scan *scan, enum kind kind, const char *name, uint64_t facts, struct error *error)
{
    size_t room = scan->room == 0 ? 64 : scan->room * 2;
    struct wanted *wanted = scan->wanted;

    if (scan->count == scan->room) {
        wanted = realloc(wanted, room * sizeof(*wanted));
        if (wanted == NULL)
            return error_set(error, "out of memory");
        scan->wanted = wanted;
        scan->room = room;
    }
    wanted[scan->count] = (struct wanted){kind, strdup(name), facts};
    if (wanted[scan->count].name == NULL)
        return error_set(error, "out of memory");
    scan->count++;
    return 0;
}

static int
say_no_record(struct scan *scan, enum kind kind, const char *name, struct error *error)
{
    char path[NAME_MAX + 32];

    if (!scan->fresh->with_notices)
        return 0;
    snprintf(path, sizeof(path), "%s/%s", kind_directories[kind], name);
    return registry_put_stray(scan->fresh, FINDING_NOTICE, path,
                              "not a record (.json, .yaml, .yml), ignored", error);
}

static int
scan_file(struct scan *scan, enum kind kind, int directory, const char *name, struct error *error)
{
    struct known_file *known;
    struct stat st;
    uint64_t facts, path;

    if (name[0] == '.')
        return 0;
    if (document_syntax(name, NULL) == SYNTAX_NONE)
        return scan->fresh != NULL ? say_no_record(scan, kind, name, error) : 0;
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return 0; /* gone meanwhile: the directory's times will tell */
        return error_set(error, "%s/%s/%s: %s", scan->origin->directory, kind_directories[kind],
                         name, strerror(errno));
    }
    facts = facts_of(&st);
    path = known_path(kind, name);
    scan->mark += siphash(hash_key, (const uint64_t[]){facts, path}, 16);
    if (changed_ms(&st) > scan->newest)
        scan->newest = changed_ms(&st);
    if (scan->fresh == NULL)
        return 0;
    known = known_find(&scan->known, path);
    if (known->path != 0)
        known->is_seen = true;
    if (known->path != 0 && known->facts == facts)
        return 0;
    known->is_wanted = known->path != 0;
    return want(scan, kind, name, facts, error);
}

static int
scan_kind(struct scan *scan, enum kind kind, struct error *error)
{
    const char *name = kind_directories[kind];
    int fd = openat(scan->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    const struct dirent *entry;
    struct stat st;
    DIR *directory;

    /* Not every registry has every kind. */
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : error_set(error, "%s/%s: %s", scan->origin->directory, name, strerror(errno));
    directory = fdopendir(fd);
    if (directory == NULL || fstat(fd, &st) != 0) {
        close(fd);
        return error_set(error, "%s/%s: %s", scan->origin->directory, name, strerror(errno));
    }
    scan->kinds++;
    scan->directories[kind] = facts_of(&st);
    scan->mark += facts_of(&st);
    if (changed_ms(&st) > scan->newest)
        scan->newest = changed_ms(&st);
    while (rc == 0) {
        errno = 0;
        entry = readdir(directory);
        if (entry == NULL)
            break;
        rc = scan_file(scan, kind, fd, entry->d_name, error);
    }
    if (rc == 0 && errno != 0)
        rc = error_set(error, "%s/%s: %s", scan->origin->directory, name, strerror(errno));
    closedir(directory);
    return rc;
}

static int
scan_all(struct scan *scan, struct error *error)
{
    enum kind kind;

    scan->started = now_ms();
    scan->mark = 0;
    memset(scan->directories, 0, sizeof(scan->directories));
    scan->newest = INT64_MIN;
    scan->kinds = 0;
    for (kind = 0; kind < KINDS; kind++)
        if (scan_kind(scan, kind, error) != 0)
            return -1;
    return 0;
}

static int
open_directory(struct scan *scan, struct error *error)
{
    scan->fd = open(scan->origin->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return scan->fd >= 0 ? 0 : error_set(error, "%s: %s", scan->origin->directory, strerror(errno));
}

enum origin_look
origin_files_look(const struct origin *origin, char mark[VERSION_MAX], struct error *error)
{
    struct scan scan = {.origin = origin};
    int rc;

    if (open_directory(&scan, error) != 0)
        return ORIGIN_ERROR;
    rc = scan_all(&scan, error);
    close(scan.fd);
    snprintf(mark, VERSION_MAX, "scan-%016llx", (unsigned long long)scan.mark);
    return rc == 0 ? ORIGIN_SEEN : ORIGIN_ERROR;
}

static int
put_gone(struct scan *scan, const char *path, struct error *error)
{
    struct registry_file gone = {.kind = KINDS};

    if (origin_split(path, &gone.kind, &gone.name) != 1)
        return 0;
    return registry_put(scan->fresh, &gone, NULL, error);
}

/* Known files that are no more. Strays are put again where they are still there. */
static int
put_all_gone(struct scan *scan, struct error *error)
{
    const struct registry *known = scan->registry;
    size_t i;

    for (i = 0; i < scan->known.size; i++) {
        const struct known_file *file = &scan->known.files[i];

        if (file->path != 0 && !file->is_seen && put_gone(scan, file->record->path, error) != 0)
            return -1;
    }
    for (i = 0; known != NULL && i < known->strays.count; i++)
        if (put_gone(scan, known->strays.items[i].path, error) != 0)
            return -1;
    return 0;
}

/* A new file of a known record: the file that it was read from counts again, or twice. */
static int
want_other_files(struct scan *scan, struct error *error)
{
    size_t i, count = scan->count;

    for (i = 0; i < count; i++) {
        enum kind kind = scan->wanted[i].kind;
        const char *name = scan->wanted[i].name;
        const struct record *record;
        struct known_file *known;

        if (scan->registry == NULL || known_find(&scan->known, known_path(kind, name))->path != 0 ||
            (record = registry_record(scan->registry, kind, name)) == NULL)
            continue;
        origin_split(record->path, &kind, &name);
        known = known_find(&scan->known, known_path(kind, name));
        /* With other facts it is wanted already. */
        if (known->is_seen && known->facts != 0 && !known->is_wanted) {
            known->is_wanted = true;
            if (want(scan, kind, name, known->facts, error) != 0)
                return -1;
        }
    }
    return 0;
}

/* Reads a whole regular file. One byte over the limit is enough to know that it is too large. */
static int
read_file(int directory, const char *name, struct buf *buf, struct stat *st, struct error *error)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc;

    buf_clear(buf);
    if (fd < 0)
        return errno == ELOOP ? error_set(error, "a symbolic link; records must be plain files")
                              : error_set(error, "%s", strerror(errno));
    if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))
        rc = error_set(error, "not a plain file");
    else if (file_read_all(fd, buf) != 0)
        rc = buf->failed ? error_set(error, "larger than %d bytes", DOCUMENT_MAX)
                         : error_set(error, "%s", strerror(errno));
    else
        rc = 0;
    close(fd);
    return rc;
}

/* Returns 0; 1 when the file is not what the scan saw; -1 with error filled. */
static int
read_wanted(struct scan *scan, const struct wanted *wanted, int directory, struct buf *buf,
            struct error *error)
{
    struct registry_file file = {.kind = wanted->kind, .name = wanted->name};
    struct error problem = {.line = 0};
    struct stat st;
    uint64_t parts[2];

    if (fstatat(directory, wanted->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        facts_of(&st) != wanted->facts)
        return 1;
    file.facts = changed_ms(&st) > scan->started - RACY_MS ? 0 : wanted->facts;
    if (read_file(directory, wanted->name, buf, &st, &problem) != 0) {
        /* It may be readable next time, without a trace in its times. */
        file.problem = &problem;
        file.facts = 0;
        buf_clear(buf);
    } else if (facts_of(&st) != wanted->facts) {
        return 1;
    }
    file.bytes = buf->data != NULL ? buf->data : "";
    file.len = buf->len;
    parts[0] = known_path(wanted->kind, wanted->name);
    parts[1] = siphash(hash_key, file.bytes, file.len);
    file.content = siphash(hash_key, parts, sizeof(parts));
    return registry_put(scan->fresh, &file, NULL, error);
}

static int
compare_wanted(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Reads all that is wanted. Returns as read_wanted. */
static int
read_all(struct scan *scan, struct error *error)
{
    int directory = -1, rc = 0;
    struct buf buf;
    size_t i;

    buf_init(&buf, DOCUMENT_MAX);
    if (scan->count > 0)
        qsort(scan->wanted, scan->count, sizeof(*scan->wanted), compare_wanted);
    for (i = 0; i < scan->count && rc == 0; i++) {
        enum kind kind = scan->wanted[i].kind;

        if (i == 0 || kind != scan->wanted[i - 1].kind) {
            if (directory >= 0)
                close(directory);
            directory = openat(scan->fd, kind_directories[kind],
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        rc = directory < 0 ? 1 : read_wanted(scan, &scan->wanted[i], directory, &buf, error);
    }
    if (directory >= 0)
        close(directory);
    buf_release(&buf);
    return rc;
}

/* Whether all is as it was when the scan began. A whole reading is compared as a whole. */
static bool
is_still(struct scan *scan, bool is_whole)
{
    struct scan again = {.origin = scan->origin, .fd = scan->fd};
    struct error ignored;
    struct stat st;
    enum kind kind;

    if (is_whole)
        return scan_all(&again, &ignored) == 0 && again.mark == scan->mark;
    for (kind = 0; kind < KINDS; kind++)
        if ((fstatat(scan->fd, kind_directories[kind], &st, 0) == 0 ? facts_of(&st) : 0) !=
            scan->directories[kind])
            return false;
    return true;
}

static int
name_unknown_directories(struct scan *scan, struct error *error)
{
    const struct dirent *entry;
    enum kind kind;
    DIR *directory;
    int fd = openat(scan->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

    if (fd < 0 || (directory = fdopendir(fd)) == NULL)
        return 0;
    while (rc == 0 && (entry = readdir(directory)) != NULL) {
        for (kind = 0; kind < KINDS && strcmp(entry->d_name, kind_directories[kind]) != 0; kind++)
            ;
        if (kind == KINDS && entry->d_name[0] != '.')
            rc = registry_put_stray(scan->fresh, FINDING_NOTICE, entry->d_name,
                                    "no kind of record, ignored", error);
    }
    closedir(directory);
    return rc;
}

/* One try. Returns 0; 1 when something moved; -1 with error filled. */
static int
try_to_read(struct scan *scan, bool is_whole, struct error *error)
{
    int64_t now;
    int rc;

    if (scan_all(scan, error) != 0)
        return -1;
    if (scan->kinds == 0)
        return error_set(error, "%s: no registry: neither users/ nor devices/ nor any other kind",
                         scan->origin->directory);
    /* A large registry takes longer to scan than that. Times ahead of the clock are no sign. */
    now = now_ms();
    if (scan->newest > now - STILL_MS && scan->newest <= now)
        return 1;
    if (put_all_gone(scan, error) != 0 || want_other_files(scan, error) != 0)
        return -1;
    rc = read_all(scan, error);
    if (rc == 0 && !is_still(scan, is_whole))
        rc = 1;
    if (rc == 0 && scan->fresh->with_notices)
        rc = name_unknown_directories(scan, error);
    return rc;
}

static void
release(struct scan *scan)
{
    while (scan->count > 0)
        free(scan->wanted[--scan->count].name);
    free(scan->wanted);
    scan->wanted = NULL;
    scan->room = 0;
    known_release(&scan->known);
}

int
origin_files_read(const struct origin *origin, const struct registry *known, struct registry *fresh,
                  bool *is_whole, struct error *error)
{
    struct scan scan = {.origin = origin, .registry = known, .fresh = fresh};
    bool with_notices = fresh->with_notices;
    int tries, rc = 1;

    *is_whole = known == NULL;
    if (open_directory(&scan, error) != 0)
        return -1;
    for (tries = 0; tries < READ_TRIES && rc == 1; tries++) {
        if (tries > 0)
            nanosleep(&(struct timespec){.tv_nsec = STILL_MS * 1000000L / 2}, NULL);
        registry_release(fresh);
        fresh->with_notices = with_notices;
        rc = known_init(&scan.known, known) == 0 ? try_to_read(&scan, *is_whole, error)
                                                 : error_set(error, "out of memory");
        release(&scan);
    }
    close(scan.fd);
    if (rc == 1)
        return error_set(error, "%s: the files keep changing while they are read",
                         origin->directory);
    if (rc == 0 && registry_sort(fresh, NULL) != 0)
        return error_set(error, "out of memory");
    return rc;
}
