#include "compile.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "document.h"
#include "set.h"
#include "siphash.h"
#include "snapshot.h"

#define SET_NONE UINT32_MAX /* nothing is left for this user */

/* Sets by what they depend on, the user's cores and groups: a hash table with open addressing. */
struct memo {
    struct memo_entry {
        char *key; /* NULL: free */
        uint32_t set;
    } * entries;
    size_t size; /* a power of two */
    size_t used;
};

struct compiler {
    const struct registry *registry;
    struct policy policy;
    struct report *report;
    struct snapshot_writer writer;
    struct memo memo;
    struct buf key;
    struct buf *sets; /* encoded, by number */
    size_t set_count, set_room;
    const struct endpoint **list; /* scratch, policy.count long */
    bool *is_served;              /* by endpoint */
    bool *has_device;             /* by user */
    struct compile_result *result;
    struct error *error;
};

static struct memo_entry *
memo_find(const struct memo *memo, const char *key)
{
    static const uint8_t hash_key[16] = "signpost memo  1";
    size_t i = siphash(hash_key, key, strlen(key)) & (memo->size - 1);

    while (memo->entries[i].key != NULL && strcmp(memo->entries[i].key, key) != 0)
        i = (i + 1) & (memo->size - 1);
    return &memo->entries[i];
}

static int
memo_grow(struct memo *memo)
{
    struct memo bigger = {.size = memo->size == 0 ? 64 : memo->size * 2, .used = memo->used};
    size_t i;

    bigger.entries = calloc(bigger.size, sizeof(*bigger.entries));
    if (bigger.entries == NULL)
        return -1;
    for (i = 0; i < memo->size; i++)
        if (memo->entries[i].key != NULL)
            *memo_find(&bigger, memo->entries[i].key) = memo->entries[i];
    free(memo->entries);
    *memo = bigger;
    return 0;
}

/* Encodes a new set; its number is the order of first use, and devices come sorted. */
static int
new_set(struct compiler *compiler, const struct user *user, uint32_t *number)
{
    size_t count = policy_select(&compiler->policy, user, compiler->list), encoded, i;
    struct buf *sets;

    if (count == 0) {
        *number = SET_NONE;
        return 0;
    }
    if (compiler->set_count == compiler->set_room) {
        compiler->set_room = compiler->set_room == 0 ? 16 : compiler->set_room * 2;
        sets = realloc(compiler->sets, compiler->set_room * sizeof(*sets));
        if (sets == NULL)
            return error_set(compiler->error, "out of memory");
        compiler->sets = sets;
    }
    buf_init(&compiler->sets[compiler->set_count], 2 * SET_BYTES_MAX);
    *number = (uint32_t)compiler->set_count++;
    if (set_encode(&compiler->sets[*number], compiler->list, count, &compiler->policy.options,
                   policy_is_wide(&compiler->policy, user), &encoded, compiler->error) != 0)
        return -1;
    if (encoded < count)
        report_add(compiler->report, FINDING_ERROR, user->record.path,
                   "%zu endpoints go together here, more than fit; only the first %zu are served",
                   count, encoded);
    if (encoded == 0)
        *number = SET_NONE;
    for (i = 0; i < encoded; i++)
        compiler->is_served[compiler->list[i] - compiler->policy.endpoints] = true;
    return 0;
}

static int
set_of(struct compiler *compiler, const struct user *user, uint32_t *number)
{
    struct memo_entry *entry;
    size_t i;

    buf_clear(&compiler->key);
    for (i = 0; i < user->cores.count; i++)
        buf_printf(&compiler->key, "%s ", user->cores.items[i]);
    buf_putc(&compiler->key, '\n');
    for (i = 0; i < user->groups.count; i++)
        buf_printf(&compiler->key, "%s ", user->groups.items[i]);
    buf_putc(&compiler->key, '\0');
    if (compiler->key.failed ||
        (compiler->memo.used >= compiler->memo.size / 2 && memo_grow(&compiler->memo) != 0))
        return error_set(compiler->error, "out of memory");
    entry = memo_find(&compiler->memo, compiler->key.data);
    if (entry->key == NULL) {
        if (new_set(compiler, user, number) != 0)
            return -1;
        entry->key = strdup(compiler->key.data);
        if (entry->key == NULL)
            return error_set(compiler->error, "out of memory");
        entry->set = *number;
        compiler->memo.used++;
    }
    *number = entry->set;
    return 0;
}

static int
put_device(struct compiler *compiler, const struct device *device)
{
    struct snapshot_device out;
    const struct user *user;
    uint32_t set = SET_NONE;

    /* A user never expires at the beginning of time: that is the responder's question. */
    if (policy_device(&compiler->policy, device, INT64_MIN, &user) != REFUSAL_NONE)
        return 0;
    if (set_of(compiler, user, &set) != 0)
        return -1;
    if (set == SET_NONE)
        return 0;
    out.set = set;
    out.expires = user->expires;
    out.name = policy_device_name(device, user);
    out.name_len = strlen(out.name);
    compiler->result->devices++;
    compiler->has_device[user -
                         (const struct user *)registry_at(compiler->registry, KIND_USER, 0)] = true;
    return snapshot_put_device(&compiler->writer, &device->uuid, &out);
}

static size_t
count_true(const bool *flags, size_t count)
{
    size_t i, n = 0;

    for (i = 0; i < count; i++)
        n += flags[i];
    return n;
}

/* Facts for status; nothing that the same records would not give again. */
static int
put_meta(struct compiler *compiler)
{
    const struct policy_options *options = &compiler->policy.options;
    struct compile_result *result = compiler->result;
    json_t *meta;
    char *text;
    int rc;

    meta = json_pack("{s:s, s:s?, s:I, s:I, s:I, s:I}", "version", compiler->registry->version,
                     "core", options->core, "devices", (json_int_t)result->devices, "users",
                     (json_int_t)result->users, "endpoints", (json_int_t)result->endpoints, "sets",
                     (json_int_t)result->sets);
    text = meta != NULL ? json_dumps(meta, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(meta);
    if (text == NULL)
        return error_set(compiler->error, "out of memory");
    rc = snapshot_put_meta(&compiler->writer, text, strlen(text));
    free(text);
    return rc;
}

static int
put_all(struct compiler *compiler)
{
    const struct device *device;
    size_t i;

    for (i = 0; (device = registry_at(compiler->registry, KIND_DEVICE, i)) != NULL; i++)
        if (put_device(compiler, device) != 0)
            return -1;
    for (i = 0; i < compiler->set_count; i++)
        if (snapshot_put_set(&compiler->writer, (uint32_t)i, compiler->sets[i].data,
                             compiler->sets[i].len) != 0)
            return -1;
    compiler->result->users = count_true(compiler->has_device,
                                         compiler->registry->kinds[KIND_USER].count);
    compiler->result->endpoints = count_true(compiler->is_served, compiler->policy.count);
    compiler->result->sets = compiler->set_count;
    return put_meta(compiler);
}

static int
prepare(struct compiler *compiler)
{
    size_t users = compiler->registry->kinds[KIND_USER].count;

    compiler->list = calloc(compiler->policy.count + 1, sizeof(*compiler->list));
    compiler->is_served = calloc(compiler->policy.count + 1, sizeof(*compiler->is_served));
    compiler->has_device = calloc(users + 1, sizeof(*compiler->has_device));
    if (compiler->list == NULL || compiler->is_served == NULL || compiler->has_device == NULL)
        return error_set(compiler->error, "out of memory");
    return 0;
}

static void
release(struct compiler *compiler)
{
    size_t i;

    for (i = 0; i < compiler->memo.size; i++)
        free(compiler->memo.entries[i].key);
    free(compiler->memo.entries);
    for (i = 0; i < compiler->set_count; i++)
        buf_release(&compiler->sets[i]);
    free(compiler->sets);
    free(compiler->list);
    free(compiler->is_served);
    free(compiler->has_device);
    buf_release(&compiler->key);
    policy_release(&compiler->policy);
}

int
compile_snapshot(const struct registry *registry, const struct policy_options *options,
                 const char *path, struct report *report, struct compile_result *result,
                 struct error *error)
{
    struct compiler compiler = {
        .registry = registry, .report = report, .result = result, .error = error};
    int rc;

    memset(result, 0, sizeof(*result));
    buf_init(&compiler.key, DOCUMENT_MAX);
    if (policy_init(&compiler.policy, registry, options, error) != 0)
        return -1;
    rc = prepare(&compiler);
    if (rc == 0)
        rc = snapshot_begin(&compiler.writer, path, error);
    if (rc == 0) {
        rc = put_all(&compiler);
        if (rc == 0)
            rc = snapshot_commit(&compiler.writer);
        else
            snapshot_abort(&compiler.writer);
    }
    release(&compiler);
    return rc;
}
