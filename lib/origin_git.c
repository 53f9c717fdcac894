/* The records of a commit: origin_git_read of origin_parts.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buf.h"
#include "document.h"
#include "file.h"
#include "origin_parts.h"

/* More changes than this are read as a whole: one process after another would take longer. */
enum { CHANGES_MAX = 500000, REQUESTS_MAX = 256 * 1024 * 1024 };

static const char link_mode[] = "120000", submodule_mode[] = "160000";

struct reading {
    struct origin *origin;
    const char *commit;
    const struct registry *known;
    struct registry *fresh;
    struct buf content;
    size_t records; /* that have been seen */
    size_t missing; /* objects that are not there */
    char **lost;    /* their names */
};

static int
not_a_directory(const struct reading *reading, const char *path, struct error *error)
{
    return error_set(error,
                     "%s: %s is no directory in the commit (a symbolic link or a submodule?); "
                     "`source: files` can follow it",
                     reading->origin->directory, path);
}

/* Takes an object's content off the stream; what is too large is thrown away. */
static int
read_content(struct reading *reading, FILE *in, size_t size, struct error *error)
{
    char waste[4096];
    size_t n;

    buf_clear(&reading->content);
    if (size <= DOCUMENT_MAX) {
        if (!buf_grow(&reading->content, size + 1))
            return error_set(error, "out of memory");
        n = fread(reading->content.data, 1, size, in);
        reading->content.len = n;
        size -= n;
    }
    while (size > 0 && (n = fread(waste, 1, size < sizeof(waste) ? size : sizeof(waste), in)) > 0)
        size -= n;
    if (size > 0 || getc(in) != '\n')
        return error_set(error, "git cat-file ended in the middle of an object");
    return 0;
}

static int
put(struct reading *reading, const char *path, const char *mode, size_t size, struct error *error)
{
    struct registry_file file = {.bytes = reading->content.data, .len = reading->content.len};
    struct error problem;
    int found = origin_split(path, &file.kind, &file.name);

    if (found < 0)
        return not_a_directory(reading, path, error);
    if (found == 0 || strcmp(mode, submodule_mode) == 0)
        return 0;
    reading->records++;
    if (strcmp(mode, link_mode) == 0) {
        error_set(&problem, "a symbolic link; records must be plain files");
        file.problem = &problem;
    } else if (size > DOCUMENT_MAX) {
        error_set(&problem, "larger than %d bytes", DOCUMENT_MAX);
        file.problem = &problem;
    }
    problem.line = problem.column = 0;
    return registry_put(reading->fresh, &file, NULL, error);
}

static int
compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
note_missing(struct reading *reading, const char *object, struct error *error)
{
    char **lost = realloc(reading->lost, (reading->missing + 1) * sizeof(*lost));

    if (lost == NULL)
        return error_set(error, "out of memory");
    reading->lost = lost;
    lost[reading->missing] = strdup(object);
    return lost[reading->missing++] != NULL ? 0 : error_set(error, "out of memory");
}

static void
release_lost(struct reading *reading)
{
    while (reading->missing > 0)
        free(reading->lost[--reading->missing]);
    free(reading->lost);
    reading->lost = NULL;
}

/* One answer of git cat-file: its first line, then the content. */
static int
read_object(struct reading *reading, FILE *in, char *line, struct error *error)
{
    char *words = line, *object, *size_word, *mode, *end = line;
    size_t size;

    line[strcspn(line, "\n")] = '\0';
    object = strsep(&words, " ");
    if (words != NULL && strcmp(words, "missing") == 0)
        return note_missing(reading, object, error);
    (void)strsep(&words, " "); /* its type */
    size_word = strsep(&words, " ");
    mode = strsep(&words, " ");
    size = size_word != NULL ? strtoull(size_word, &end, 10) : 0;
    if (words == NULL || size_word == NULL || *end != '\0')
        return error_set(error, "git cat-file says something else than what it was asked");
    if (read_content(reading, in, size, error) != 0)
        return -1;
    if (!git_unquote(words))
        return error_set(error, "git names a path that cannot be understood");
    return put(reading, words, mode, size, error);
}

/* In a partial clone the objects are fetched when they are wanted, which is not done here. */
static int
explain_failure(const struct reading *reading, struct error *error)
{
    char text[sizeof(error->text)];
    const struct git *git = &reading->origin->git;

    memcpy(text, error->text, sizeof(text));
    if (!git_is_partial(git))
        return error_set(error, "%s: %.400s", reading->origin->directory, text);
    return error_set(error,
                     "%s: a partial clone, whose records are not all here; in it run: "
                     "git fetch --refetch --no-filter (%.200s)",
                     reading->origin->directory, text);
}

static int
read_stream(struct reading *reading, struct git_stream *stream, struct error *error)
{
    struct error ignored;
    char *line = NULL;
    size_t room = 0;
    int rc = 0;

    while (rc == 0 && git_read(stream, &line, &room, '\n'))
        rc = read_object(reading, stream->out, line, error);
    free(line);
    if (rc != 0) {
        git_close(stream, &ignored);
        return -1;
    }
    return git_close(stream, error) == 0 ? 0 : explain_failure(reading, error);
}

/* Judges one of the commit's entries, "<object> <mode> <path>", when something is missing. */
static int
judge_entry(const struct reading *reading, char *line, struct error *error)
{
    char *words = line, *object, *mode;
    const char *name;
    enum kind kind;
    int split;

    line[strcspn(line, "\n")] = '\0';
    object = strsep(&words, " ");
    mode = strsep(&words, " ");
    if (words == NULL || !git_unquote(words))
        return 0;
    split = origin_split(words, &kind, &name);
    if (split < 0)
        return not_a_directory(reading, words, error);
    if (split == 0 || strcmp(mode, submodule_mode) == 0 ||
        bsearch(&object, reading->lost, reading->missing, sizeof(*reading->lost),
                compare_strings) == NULL)
        return 0;
    return error_set(error,
                     "%s: the content of %s (of %zu objects in all) is not in the repository; a "
                     "partial clone is completed by: git fetch --refetch --no-filter",
                     reading->origin->directory, words, reading->missing);
}

/* Whether what git does not have is a record. Submodules are never there. */
static int
judge_missing(struct reading *reading, struct error *error)
{
    struct git_stream stream;
    struct error ignored;
    char *line = NULL;
    size_t room = 0;
    int rc = 0;

    qsort(reading->lost, reading->missing, sizeof(*reading->lost), compare_strings);
    if (git_open_names(&reading->origin->git, reading->commit, kind_directories, &stream, error) !=
        0)
        return -1;
    while (rc == 0 && git_read(&stream, &line, &room, '\n'))
        rc = judge_entry(reading, line, error);
    free(line);
    return git_close(&stream, rc == 0 ? error : &ignored) == 0 ? rc : -1;
}

static int
read_whole(struct reading *reading, struct error *error)
{
    struct git_stream stream;

    if (git_open_tree(&reading->origin->git, reading->commit, kind_directories, &stream, error) !=
            0 ||
        read_stream(reading, &stream, error) != 0 ||
        (reading->missing > 0 && judge_missing(reading, error) != 0))
        return -1;
    if (reading->records == 0)
        return error_set(error,
                         "%s: no registry in commit %.12s: neither users/ nor devices/ nor "
                         "any other kind",
                         reading->origin->directory, reading->commit);
    return 0;
}

/* What changed, as lines for git cat-file; what is gone is put at once. */
struct changes {
    struct reading *reading;
    struct buf requests;
    char **paths; /* of changed records, sorted once all are there */
    size_t count, room;
    size_t gone;                /* of them */
    const struct record **read; /* whose own file has not changed; count of them at most */
    size_t read_count;
};

static int
remember(struct changes *changes, const char *path)
{
    char **paths, *copy = strdup(path);

    if (changes->count == changes->room) {
        changes->room = changes->room == 0 ? 64 : changes->room * 2;
        paths = realloc(changes->paths, changes->room * sizeof(*paths));
        if (paths == NULL)
            changes->room = changes->count;
        else
            changes->paths = paths;
    }
    if (copy == NULL || changes->count == changes->room) {
        free(copy);
        return -1;
    }
    changes->paths[changes->count++] = copy;
    return 0;
}

/* Takes one change. Returns 0, or -1 when all must be read anew. */
static int
take_change(struct changes *changes, const char *facts, const char *path)
{
    char mode[16], object[GIT_HEX];
    struct registry_file file = {.bytes = NULL};
    struct error error;
    int split = origin_split(path, &file.kind, &file.name);

    if (split == 0)
        return 0;
    if (split < 0 || sscanf(facts, ":%*s %15s %*s %64s", mode, object) != 2 ||
        changes->count == CHANGES_MAX || remember(changes, path) != 0)
        return -1;
    changes->gone += strcmp(mode, "000000") == 0;
    if (strcmp(mode, "000000") == 0 || strcmp(mode, submodule_mode) == 0)
        return registry_put(changes->reading->fresh, &file, NULL, &error);
    /* A request is a line. */
    if (strpbrk(path, "\n\"\\") != NULL)
        return -1;
    buf_printf(&changes->requests, "%s %s %s\n", object, mode, path);
    return changes->requests.failed ? -1 : 0;
}

/* The differences from what is known, which origin_prepare may have asked for already. */
static int
open_diff(struct reading *reading, struct git_stream halves[2])
{
    struct origin *origin = reading->origin;
    const char *known = reading->known->version;
    size_t i;

    if (origin->ahead[0].out == NULL || strcmp(origin->ahead_from, known) != 0 ||
        strcmp(origin->ahead_to, reading->commit) != 0)
        return origin_git_compare(&origin->git, known, reading->commit, halves);
    for (i = 0; i < 2; i++) {
        halves[i] = origin->ahead[i];
        origin->ahead[i] = (struct git_stream){.errors = -1};
    }
    return 0;
}

static int
take_changes(struct changes *changes, struct git_stream *in)
{
    char *facts = NULL, *path = NULL;
    size_t facts_room = 0, path_room = 0;
    int rc = 0;

    while (rc == 0 && git_read(in, &facts, &facts_room, '\0') &&
           git_read(in, &path, &path_room, '\0'))
        rc = take_change(changes, facts, path);
    free(facts);
    free(path);
    return rc;
}

static int
list_changes(struct changes *changes)
{
    struct git_stream halves[2];
    struct error ignored;
    size_t i;
    int rc = 0;

    if (open_diff(changes->reading, halves) != 0)
        return -1;
    for (i = 0; i < 2; i++) {
        if (rc == 0)
            rc = take_changes(changes, &halves[i]);
        if (git_close(&halves[i], &ignored) != 0)
            rc = -1;
    }
    return rc;
}

/* A file of a changed record that has not changed itself: it counts again, or twice. */
static int
request_again(struct changes *changes, const char *path)
{
    const struct reading *reading = changes->reading;
    const char *prefix = reading->origin->git.prefix;

    if (bsearch(&path, changes->paths, changes->count, sizeof(*changes->paths), compare_strings) !=
        NULL)
        return 0;
    if (strpbrk(path, " \t\n\"\\") != NULL || strpbrk(prefix, " \t\n") != NULL)
        return -1;
    buf_printf(&changes->requests, "%s:%s%s%s 100644 %s\n", reading->commit, prefix,
               prefix[0] != '\0' ? "/" : "", path, path);
    return changes->requests.failed ? -1 : 0;
}

static int
compare_pointers(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (const void *const *)a, y = (uintptr_t) * (const void *const *)b;

    return (x > y) - (x < y);
}

/* Requests the files of the records that have changed by another file, each once. */
static int
request_all_again(struct changes *changes)
{
    size_t i;

    if (changes->read_count > 0)
        qsort(changes->read, changes->read_count, sizeof(*changes->read), compare_pointers);
    for (i = 0; i < changes->read_count; i++)
        if ((i == 0 || changes->read[i] != changes->read[i - 1]) &&
            request_again(changes, changes->read[i]->path) != 0)
            return -1;
    return 0;
}

static int
add_other_files(struct changes *changes)
{
    const struct registry *known = changes->reading->known;
    size_t count = changes->count, records = 0, i;
    enum kind kind;

    /* Nothing may be left: then it must be judged whether this is a registry. */
    for (kind = 0; kind < KINDS; kind++)
        records += known->kinds[kind].count;
    if (changes->gone >= records && changes->gone > 0)
        return -1;
    if (count == 0)
        return 0;
    changes->read = calloc(count, sizeof(*changes->read));
    if (changes->read == NULL)
        return -1;
    qsort(changes->paths, count, sizeof(*changes->paths), compare_strings);
    for (i = 0; i < count; i++) {
        const struct record *record;
        const char *name;

        origin_split(changes->paths[i], &kind, &name);
        record = registry_record(known, kind, name);
        if (record == NULL)
            continue;
        /* Its other files may be symbolic links. */
        if (record->trouble != NULL && record->trouble->also.count > 0)
            return -1;
        if (strcmp(record->path, changes->paths[i]) != 0)
            changes->read[changes->read_count++] = record;
    }
    return request_all_again(changes);
}

/* Gives git the requests as a file: it may read them as it likes. */
static int
read_requests(struct reading *reading, const struct buf *requests)
{
    int fd = memfd_create("signpost-requests", MFD_CLOEXEC), rc = -1;
    struct git_stream stream;
    struct error ignored;

    if (fd < 0)
        return -1;
    if (file_write_all(fd, requests->data, requests->len) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
        git_open_objects(&reading->origin->git, fd, &stream, &ignored) == 0)
        rc = read_stream(reading, &stream, &ignored);
    close(fd);
    return rc == 0 && reading->missing == 0 ? 0 : -1;
}

static int
read_changes(struct reading *reading)
{
    struct changes changes = {.reading = reading};
    size_t i;
    int rc;

    buf_init(&changes.requests, REQUESTS_MAX);
    rc = list_changes(&changes);
    if (rc == 0)
        rc = add_other_files(&changes);
    if (rc == 0 && changes.requests.len > 0)
        rc = read_requests(reading, &changes.requests);
    buf_release(&changes.requests);
    free(changes.read);
    for (i = 0; i < changes.count; i++)
        free(changes.paths[i]);
    free(changes.paths);
    return rc;
}

int
origin_git_read(struct origin *origin, const char *commit, const struct registry *known,
                struct registry *fresh, bool *is_whole, struct error *error)
{
    struct reading reading = {origin, commit, known, fresh, {0}, 0, 0, NULL};
    bool with_notices = fresh->with_notices;
    int rc = -1;

    buf_init(&reading.content, DOCUMENT_MAX + 1);
    *is_whole = false;
    /* The same commit again: nothing has changed. */
    if (known != NULL && strcmp(known->version, commit) == 0)
        rc = 0;
    else if (known != NULL)
        rc = read_changes(&reading);
    if (rc != 0) {
        /* Nothing known, or its commit is there no more, or it is not so simple. */
        registry_release(fresh);
        fresh->with_notices = with_notices;
        release_lost(&reading);
        reading.records = 0;
        *is_whole = true;
        rc = read_whole(&reading, error);
    }
    if (rc == 0 && registry_sort(fresh, NULL) != 0)
        rc = error_set(error, "out of memory");
    buf_release(&reading.content);
    release_lost(&reading);
    return rc;
}
