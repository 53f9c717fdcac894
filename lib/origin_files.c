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
#include "origin_parts.h"
#include "origin_scan.h"
#include "siphash.h"

enum {
    READ_TRIES = 40,
    STILL_MS = 100, /* nothing has been written for that long */
    RACY_MS = 2000, /* coarser than the times of any file system in use */
};

static const uint8_t hash_key[16] = "signpost files 1";

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
    snprintf(mark, VERSION_MAX, "scan-%016llx", (unsigned long long)scan_mark(&scan));
    scan_release(&scan);
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
    const struct registry *registry = scan->registry;
    enum kind kind;
    size_t i;

    for (kind = 0; kind < KINDS; kind++) {
        const struct known *known = &scan->kinds[kind].known;

        for (i = 0; i < known->size; i++)
            if (known->files[i].path != 0 && !known->files[i].is_seen &&
                put_gone(scan, known->files[i].record->path, error) != 0)
                return -1;
    }
    for (i = 0; registry != NULL && i < registry->strays.count; i++)
        if (put_gone(scan, registry->strays.items[i].path, error) != 0)
            return -1;
    return 0;
}

/* A new file of a known record: the file that it was read from counts again, or twice. */
static int
want_other_file(struct scan *scan, enum kind kind, const char *name, struct error *error)
{
    struct scan_kind *found = &scan->kinds[kind];
    const struct record *record;
    struct known_file *known;

    if (scan->registry == NULL || known_find(&found->known, known_path(kind, name))->path != 0 ||
        (record = registry_record(scan->registry, kind, name)) == NULL)
        return 0;
    origin_split(record->path, &kind, &name);
    known = known_find(&found->known, known_path(kind, name));
    /* With other facts it is wanted already. */
    if (!known->is_seen || known->facts == 0 || known->is_wanted)
        return 0;
    known->is_wanted = true;
    return scan_want(found, name, known->facts, error);
}

static int
want_other_files(struct scan *scan, struct error *error)
{
    enum kind kind;
    size_t i, count;

    for (kind = 0; kind < KINDS; kind++) {
        count = scan->kinds[kind].count;
        for (i = 0; i < count; i++)
            if (want_other_file(scan, kind, scan->kinds[kind].wanted[i].name, error) != 0)
                return -1;
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
                              : error_errno(error, errno);
    if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))
        rc = error_set(error, "not a plain file");
    else if (file_read_all(fd, buf) != 0)
        rc = !buf->failed     ? error_errno(error, errno)
             : buf->no_memory ? error_no_memory(error)
                              : error_set(error, "larger than %d bytes", DOCUMENT_MAX);
    else
        rc = 0;
    close(fd);
    return rc;
}

/* Returns 0; 1 when the file is not what the scan saw; -1 with error filled. */
static int
read_wanted(struct scan *scan, enum kind kind, const struct wanted *wanted, int directory,
            struct buf *buf, struct error *error)
{
    struct registry_file file = {.kind = kind, .name = wanted->name};
    struct error problem = {.line = 0};
    struct stat st;
    uint64_t parts[2];

    if (fstatat(directory, wanted->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        scan_facts(&st) != wanted->facts)
        return 1;
    file.facts = scan_changed(&st) > scan->started - RACY_MS ? 0 : wanted->facts;
    if (read_file(directory, wanted->name, buf, &st, &problem) != 0) {
        if (problem.is_shortage)
            return error_set(error, "%s/%s: %s", kind_directory(kind), wanted->name, problem.text);
        /* It may be readable next time, without a trace in its times. */
        file.problem = &problem;
        file.facts = 0;
        buf_clear(buf);
    } else if (scan_facts(&st) != wanted->facts) {
        return 1;
    }
    file.bytes = buf->data != NULL ? buf->data : "";
    file.len = buf->len;
    parts[0] = known_path(kind, wanted->name);
    parts[1] = siphash(hash_key, file.bytes, file.len);
    file.content = siphash(hash_key, parts, sizeof(parts));
    return registry_put(scan->fresh, &file, NULL, error);
}

static int
compare_wanted(const void *a, const void *b)
{
    return strcmp(((const struct wanted *)a)->name, ((const struct wanted *)b)->name);
}

/* Reads what is wanted of a kind. Returns as read_wanted. */
static int
read_kind(struct scan *scan, enum kind kind, struct buf *buf, struct error *error)
{
    struct scan_kind *found = &scan->kinds[kind];
    int directory, rc = 0;
    size_t i;

    if (found->count == 0)
        return 0;
    directory = openat(scan->fd, kind_directory(kind), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return 1;
    qsort(found->wanted, found->count, sizeof(*found->wanted), compare_wanted);
    for (i = 0; i < found->count && rc == 0; i++)
        rc = read_wanted(scan, kind, &found->wanted[i], directory, buf, error);
    close(directory);
    return rc;
}

/* Reads all that is wanted. Returns as read_wanted. */
static int
read_all(struct scan *scan, struct error *error)
{
    struct buf buf;
    enum kind kind;
    int rc = 0;

    buf_init(&buf, DOCUMENT_MAX);
    for (kind = 0; kind < KINDS && rc == 0; kind++)
        rc = read_kind(scan, kind, &buf, error);
    buf_release(&buf);
    return rc;
}

/* Whether all is as it was when the scan began. A whole reading is compared as a whole. */
static bool
is_still(const struct scan *scan, bool is_whole)
{
    struct scan again = {.origin = scan->origin, .fd = scan->fd};
    struct error ignored;
    struct stat st;
    enum kind kind;
    bool is_same;

    if (is_whole) {
        is_same = scan_all(&again, &ignored) == 0 && scan_mark(&again) == scan_mark(scan);
        scan_release(&again);
        return is_same;
    }
    for (kind = 0; kind < KINDS; kind++)
        if ((fstatat(scan->fd, kind_directory(kind), &st, 0) == 0 ? scan_facts(&st) : 0) !=
            scan->kinds[kind].directory)
            return false;
    return true;
}

static bool
is_any_kind(const struct scan *scan)
{
    enum kind kind;

    for (kind = 0; kind < KINDS && scan->kinds[kind].directory == 0; kind++)
        ;
    return kind < KINDS;
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
    int64_t now, newest;
    int rc;

    if (scan_all(scan, error) != 0)
        return -1;
    if (!is_any_kind(scan))
        return error_set(error, "%s: no registry: neither users/ nor devices/ nor any other kind",
                         scan->origin->directory);
    /* A large registry takes longer to scan than that. Times ahead of the clock are no sign. */
    now = scan_now();
    newest = scan_newest(scan);
    if (newest > now - STILL_MS && newest <= now)
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
        rc = try_to_read(&scan, *is_whole, error);
        scan_release(&scan);
    }
    close(scan.fd);
    if (rc == 1)
        return error_set(error, "%s: the files keep changing while they are read",
                         origin->directory);
    if (rc == 0 && registry_sort(fresh, NULL) != 0)
        return error_set(error, "out of memory");
    return rc;
}
