#include "registry.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include "document.h"
#include "host.h"

enum {
    TROUBLES_MAX = 64, /* findings about one file that are kept */
    LARGE = 16 * 1024 * 1024
};

void
registry_init(struct registry *registry)
{
    memset(registry, 0, sizeof(*registry));
    pool_init(&registry->pool);
}

void
registry_release(struct registry *registry)
{
    enum kind kind;

    for (kind = 0; kind < KINDS; kind++)
        free(registry->kinds[kind].items);
    free(registry->strays.items);
    pool_release(&registry->pool);
    if (registry->map != NULL)
        munmap(registry->map, registry->map_size);
    registry_init(registry);
}

void
registry_hint_large(void *array, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)array + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)array + size) / page * page;

    if (size >= LARGE)
        (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}

/* Makes room for one more item of an array. Returns it, not yet counted, or NULL. */
static void *
next_slot(void **items, size_t *room, size_t count, size_t size)
{
    size_t more = *room == 0 ? 16 : *room + *room / 2;
    void *bigger;

    if (count == *room) {
        bigger = realloc(*items, more * size);
        if (bigger == NULL)
            return NULL;
        *items = bigger;
        *room = more;
    }
    return (char *)*items + count * size;
}

static int
put_stray(struct registry *registry, enum finding_level level, const char *path, const char *text)
{
    void *items = registry->strays.items;
    struct stray *stray = next_slot(&items, &registry->strays.room, registry->strays.count,
                                    sizeof(*stray));

    registry->strays.items = items;
    if (stray == NULL)
        return -1;
    stray->path = path;
    stray->level = level;
    stray->text = text != NULL ? pool_copy(&registry->pool, text, strlen(text)) : NULL;
    registry->strays.count++;
    return text != NULL && stray->text == NULL ? -1 : 0;
}

int
registry_put_stray(struct registry *registry, enum finding_level level, const char *path,
                   const char *text, struct error *error)
{
    const char *copy = pool_copy(&registry->pool, path, strlen(path));

    if (copy == NULL || put_stray(registry, level, copy, text) != 0)
        return error_set(error, "out of memory");
    return 0;
}

/* Hands findings on and keeps those that shall be told again as long as the file is as it is. */
struct keeper {
    struct registry *registry;
    struct report *next;
    size_t count;
    bool failed;
    struct finding items[TROUBLES_MAX];
};

static void
keeper_init(struct keeper *keeper, struct registry *registry, struct report *next)
{
    keeper->registry = registry;
    keeper->next = next;
    keeper->count = 0;
    keeper->failed = false;
}

static void
keep(void *context, const struct finding *finding)
{
    struct keeper *keeper = context;
    struct finding *kept = &keeper->items[keeper->count];

    report_add_at(keeper->next, finding->level, finding->path, finding->line, finding->column,
                  finding->text);
    if (keeper->count == TROUBLES_MAX ||
        (finding->level == FINDING_NOTICE && !keeper->registry->with_notices))
        return;
    *kept = *finding;
    kept->text = pool_copy(&keeper->registry->pool, finding->text, strlen(finding->text));
    keeper->failed |= kept->text == NULL;
    keeper->count++;
}

/* What was kept, or NULL without memory. */
static struct trouble *
make_trouble(const struct keeper *keeper)
{
    struct pool *pool = &keeper->registry->pool;
    struct trouble *trouble = pool_alloc(pool, sizeof(*trouble));
    struct finding *findings = pool_alloc(pool, keeper->count * sizeof(*findings));

    if (keeper->failed || trouble == NULL || findings == NULL)
        return NULL;
    memcpy(findings, keeper->items, keeper->count * sizeof(*findings));
    trouble->count = keeper->count;
    trouble->findings = findings;
    return trouble;
}

/* Reads a record's content; what is wrong with it is told to the report. -1: no memory. */
static int
read_content(const struct registry_file *file, const char *path, enum document_syntax syntax,
             struct pool *pool, struct record *record, struct report *report)
{
    struct source source = {path, file->bytes, file->len, report};
    struct error problem;
    json_t *tree;

    if (file->problem != NULL) {
        report_error(report, path, file->problem);
        return 0;
    }
    tree = document_parse(file->bytes, file->len, syntax, &problem);
    if (tree == NULL && problem.is_shortage)
        return -1;
    if (tree == NULL) {
        report_error(report, path, &problem);
        return 0;
    }
    record_read(file->kind, tree, &source, pool, record);
    json_decref(tree);
    return pool->failed ? -1 : 0;
}

int
registry_put(struct registry *registry, const struct registry_file *file, struct report *report,
             struct error *error)
{
    enum kind kind = file->kind;
    char *path = pool_printf(&registry->pool, "%s/%s", kind_directory(kind), file->name);
    struct keeper keeper; /* large: not zeroed for each of millions of files */
    struct report keeping = {keep, &keeper, {0}};
    enum document_syntax syntax;
    struct record *record;
    struct error problem;
    size_t stem;

    keeper_init(&keeper, registry, report);
    record = next_slot(&registry->kinds[kind].items, &registry->kinds[kind].room,
                       registry->kinds[kind].count, kind_size(kind));
    if (path == NULL || record == NULL)
        return error_set(error, "out of memory");
    syntax = document_syntax(file->name, &stem);
    if (record_identify(kind, path, file->name, stem, &registry->pool, record, &problem) != 0) {
        if (registry->pool.failed)
            return error_set(error, "out of memory");
        if (file->bytes != NULL || file->problem != NULL)
            report_error(report, path, &problem);
        if (put_stray(registry, FINDING_ERROR, path,
                      file->bytes != NULL || file->problem != NULL ? problem.text : NULL) != 0)
            return error_set(error, "out of memory");
        return 0;
    }
    registry->kinds[kind].count++;
    record->facts = file->facts;
    record->content = file->content;
    if (file->bytes == NULL && file->problem == NULL) {
        record->status = STATUS_GONE;
        return 0;
    }
    if (read_content(file, path, syntax, &registry->pool, record, &keeping) != 0)
        return error_set(error, "out of memory");
    if (keeper.count > 0 && (record->trouble = make_trouble(&keeper)) == NULL)
        return error_set(error, "out of memory");
    return 0;
}

/* By identity; then by path, so that it does not matter in which order files were read. */
static int
compare_files(const void *a, const void *b, void *compare)
{
    int order = (*(record_compare **)compare)(a, b);

    if (order != 0)
        return order;
    return strcmp(((const struct record *)a)->path, ((const struct record *)b)->path);
}

static bool
is_order(enum status status)
{
    return status != STATUS_ACTIVE && status != STATUS_UNREADABLE;
}

/* Of two files for one record neither counts, but that one of them says "not active". */
static enum status
status_of_both(enum status one, enum status other)
{
    return is_order(one) ? one : is_order(other) ? other : STATUS_UNREADABLE;
}

/* One more file of a record that is there already. */
static int
add_duplicate(struct registry *registry, struct record *record, const struct record *other,
              struct report *report)
{
    struct keeper keeper;
    struct report keeping = {keep, &keeper, {0}};
    const struct trouble *before = record->trouble;
    size_t known = before != NULL ? before->also.count : 0;
    const char **also = pool_alloc(&registry->pool, (known + 1) * sizeof(*also));
    struct trouble *trouble;

    keeper_init(&keeper, registry, report);
    if (before != NULL && known > 0) {
        memcpy(keeper.items, before->findings, before->count * sizeof(*before->findings));
        keeper.count = before->count;
    }
    report_add(&keeping, FINDING_ERROR, other->path,
               "%s is the same record; none of its files counts until only one is left",
               record->path);
    trouble = make_trouble(&keeper);
    if (also == NULL || trouble == NULL)
        return -1;
    if (known > 0)
        memcpy(also, before->also.items, known * sizeof(*also));
    also[known] = other->path;
    trouble->also = (struct strings){also, known + 1};
    record->trouble = trouble;
    record->status = status_of_both(record->status, other->status);
    record->facts = 0;
    record->content += other->content;
    return 0;
}

static int
settle(struct registry *registry, enum kind kind, struct report *report)
{
    size_t size = kind_size(kind), count = registry->kinds[kind].count, i, kept = 0;
    record_compare *compare = kind_compare(kind);
    char *items = registry->kinds[kind].items;

    for (i = 1; i < count && compare(items + (i - 1) * size, items + i * size) < 0; i++)
        ;
    if (i >= count)
        return 0;
    qsort_r(items, count, size, compare_files, &compare);
    for (i = 1; i < count; i++) {
        struct record *last = (struct record *)(void *)(items + kept * size);
        struct record *this = (struct record *)(void *)(items + i * size);

        if (compare(last, this) != 0) {
            kept++;
            if (kept != i)
                memcpy(items + kept * size, this, size);
        } else if (last->status == STATUS_GONE) {
            memcpy(last, this, size);
        } else if (this->status != STATUS_GONE) {
            if (add_duplicate(registry, last, this, report) != 0)
                return -1;
            /* Not even a token that another device has, too. */
            if (kind == KIND_DEVICE)
                ((struct device *)(void *)last)->addresses = NULL;
        }
    }
    registry->kinds[kind].count = kept + 1;
    return 0;
}

static int
compare_strays(const void *a, const void *b)
{
    return strcmp(((const struct stray *)a)->path, ((const struct stray *)b)->path);
}

int
registry_sort(struct registry *registry, struct report *report)
{
    enum kind kind;

    if (registry->strays.count > 0)
        qsort(registry->strays.items, registry->strays.count, sizeof(*registry->strays.items),
              compare_strays);
    for (kind = 0; kind < KINDS; kind++)
        if (settle(registry, kind, report) != 0)
            return -1;
    return 0;
}

void
registry_report(const struct registry *registry, struct report *report)
{
    const struct record *record;
    const struct finding *finding;
    enum kind kind;
    size_t i, n;

    for (kind = 0; kind < KINDS; kind++)
        for (i = 0; (record = registry_at(registry, kind, i)) != NULL; i++)
            for (n = 0; record->trouble != NULL && n < record->trouble->count; n++) {
                finding = &record->trouble->findings[n];
                report_add_at(report, finding->level, finding->path, finding->line, finding->column,
                              finding->text);
            }
    for (i = 0; i < registry->strays.count; i++)
        report_add(report, registry->strays.items[i].level, registry->strays.items[i].path, "%s",
                   registry->strays.items[i].text);
}

uint64_t
registry_content(const struct registry *registry)
{
    const struct record *record;
    uint64_t sum = 0;
    enum kind kind;
    size_t i;

    for (kind = 0; kind < KINDS; kind++)
        for (i = 0; (record = registry_at(registry, kind, i)) != NULL; i++)
            sum += record->content;
    return sum;
}

const void *
registry_at(const struct registry *registry, enum kind kind, size_t index)
{
    if (index >= registry->kinds[kind].count)
        return NULL;
    return (const char *)registry->kinds[kind].items + index * kind_size(kind);
}

static const void *
find(const struct registry *registry, enum kind kind, const void *key)
{
    if (registry->kinds[kind].count == 0)
        return NULL;
    return bsearch(key, registry->kinds[kind].items, registry->kinds[kind].count, kind_size(kind),
                   kind_compare(kind));
}

const struct record *
registry_record(const struct registry *registry, enum kind kind, const char *name)
{
    union {
        struct user user;
        struct route route;
        struct endpoint_record endpoint;
    } key; /* the largest kinds */
    struct pool pool;
    struct error ignored;
    const struct record *found = NULL;
    size_t stem;

    pool_init(&pool);
    document_syntax(name, &stem);
    if (record_identify(kind, name, name, stem, &pool, &key, &ignored) == 0)
        found = find(registry, kind, &key);
    pool_release(&pool);
    return found;
}

/*
 * Where an id would lie if ids were spread evenly, which mostly leads there at once; a large
 * registry has too many users for a search in halves, each step of which misses the cache.
 */
static size_t
guess(const struct user *users, size_t count, int64_t id)
{
    double first = (double)users[0].id, last = (double)users[count - 1].id;

    return (size_t)(((double)id - first) / (last - first + 1) * (double)count);
}

const struct user *
registry_user(const struct registry *registry, int64_t id)
{
    const struct user *users = registry->kinds[KIND_USER].items, key = {.id = id};
    size_t count = registry->kinds[KIND_USER].count, at;

    if (count == 0 || id < users[0].id || id > users[count - 1].id)
        return NULL;
    at = guess(users, count, id);
    if (at < count && users[at].id == id)
        return &users[at];
    return find(registry, KIND_USER, &key);
}

const struct device *
registry_device(const struct registry *registry, const struct uuid *uuid)
{
    struct device key = {.uuid = *uuid};

    return find(registry, KIND_DEVICE, &key);
}

const struct node *
registry_node(const struct registry *registry, const char *ip)
{
    struct node key = {.ip = ip};

    return find(registry, KIND_NODE, &key);
}

const struct role *
registry_role(const struct registry *registry, const char *kind, const char *ip)
{
    char id[HOST_MAX + 8];
    struct role key = {.id = id};

    snprintf(id, sizeof(id), "%s_%s", kind, ip);
    return find(registry, KIND_ROLE, &key);
}
