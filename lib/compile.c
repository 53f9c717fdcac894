#include "compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "document.h"
#include "set.h"
#include "siphash.h"
#include "snapshot.h"

#define SET_NONE UINT32_MAX /* nothing is left for this user */

/* What a set depends on, the user's cores and groups: users of one class share a set. */
struct class
{
    char *key;
    uint32_t set; /* once a device has asked for it, which is_known tells */
    bool is_known;
};

/* Classes in the order in which they were met, and a hash table of them with open addressing. */
struct memo {
    struct class *classes;
    size_t count, room;
    uint32_t *slots; /* place in classes + 1; 0: free */
    size_t size;     /* a power of two, at least twice the count */
};

struct compiler {
    const struct registry *registry;
    struct policy policy;
    struct report *report;
    struct snapshot_writer writer;
    struct memo memo;
    struct buf key;
    struct buf (*sets)[SET_FORMS]; /* encoded, by number */
    size_t set_count, set_room;
    const struct endpoint **list; /* scratch, policy.count long */
    bool *is_served;              /* by endpoint */
    bool *has_device;             /* by user */
    bool *is_in;                  /* by device: it is in the snapshot */
    struct token_owners tokens;
    uint32_t *class_of; /* by user */
    struct compile_result *result;
    struct error *error;
};

/* The slot of a key. */
static uint32_t *
memo_slot(const struct memo *memo, const char *key)
{
    static const uint8_t hash_key[16] = "signpost memo  1";
    size_t i = siphash(hash_key, key, strlen(key)) & (memo->size - 1);

    while (memo->slots[i] != 0 && strcmp(memo->classes[memo->slots[i] - 1].key, key) != 0)
        i = (i + 1) & (memo->size - 1);
    return &memo->slots[i];
}

static int
memo_grow(struct memo *memo)
{
    size_t room = memo->room == 0 ? 64 : memo->room * 2, i;
    struct class *classes = realloc(memo->classes, room * sizeof(*classes));
    uint32_t *slots = calloc(room * 2, sizeof(*slots));

    if (classes != NULL)
        memo->classes = classes;
    if (classes == NULL || slots == NULL) {
        free(slots);
        return -1;
    }
    free(memo->slots);
    memo->slots = slots;
    memo->size = room * 2;
    memo->room = room;
    for (i = 0; i < memo->count; i++)
        *memo_slot(memo, memo->classes[i].key) = (uint32_t)i + 1;
    return 0;
}

/* The place of a key's class. Returns 0, or -1 without memory. */
static int
memo_find(struct memo *memo, const char *key, uint32_t *place)
{
    uint32_t *slot;

    if (memo->count == memo->room && memo_grow(memo) != 0)
        return -1;
    slot = memo_slot(memo, key);
    if (*slot == 0) {
        struct class *class = &memo->classes[memo->count];

        *class = (struct class){.key = strdup(key)};
        if (class->key == NULL)
            return -1;
        *slot = (uint32_t)++memo->count;
    }
    *place = *slot - 1;
    return 0;
}

/* Encodes a new set; its number is the order of first use, and devices come sorted. */
static int
new_set(struct compiler *compiler, const struct user *user, uint32_t *number)
{
    size_t count = policy_select(&compiler->policy, user, compiler->list), encoded, i;
    struct buf(*sets)[SET_FORMS];
    int form;

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
    for (form = 0; form < SET_FORMS; form++)
        buf_init(&compiler->sets[compiler->set_count][form], 2 * SET_BYTES_MAX);
    *number = (uint32_t)compiler->set_count++;
    if (set_encode(compiler->sets[*number], compiler->list, count, &compiler->policy.options,
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

/* Tokens hold no space, so that lists that differ have keys that differ. */
static void
put_words(struct buf *key, const struct strings *list)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        buf_puts(key, list->items[i]);
        buf_putc(key, ' ');
    }
    buf_putc(key, '\n');
}

/* Finds every user's class, one after another as they lie in memory. */
static int
classify(struct compiler *compiler)
{
    struct buf *key = &compiler->key;
    const struct user *user;
    size_t i;

    for (i = 0; (user = registry_at(compiler->registry, KIND_USER, i)) != NULL; i++) {
        buf_clear(key);
        put_words(key, &user->cores);
        put_words(key, &user->groups);
        buf_putc(key, '\0');
        if (key->failed || memo_find(&compiler->memo, key->data, &compiler->class_of[i]) != 0)
            return error_set(compiler->error, "out of memory");
    }
    return 0;
}

/* The set of a user, encoded when the first device asks for it. */
static int
set_of(struct compiler *compiler, const struct user *user, size_t place, uint32_t *number)
{
    struct class *class = &compiler->memo.classes[compiler->class_of[place]];

    if (!class->is_known && new_set(compiler, user, &class->set) != 0)
        return -1;
    class->is_known = true;
    *number = class->set;
    return 0;
}

static bool
has_token(const struct compiler *compiler, const struct device *device)
{
    size_t i;

    for (i = 0; device->addresses != NULL && i < device->addresses->count; i++)
        if (token_owners_have(&compiler->tokens, &device->addresses->tokens[i], device))
            return true;
    return false;
}

static int
put_device(struct compiler *compiler, const struct device *device)
{
    const struct user *user;
    struct snapshot_device out = {.set = 0};
    uint32_t set = SET_NONE;
    size_t place;

    /* A user never expires at the beginning of time: that is the responder's question. */
    if (policy_device(&compiler->policy, device, INT64_MIN, &user) != REFUSAL_NONE)
        return 0;
    out.is_by_token_only = policy_is_by_token_only(&compiler->policy, device);
    if (out.is_by_token_only && !has_token(compiler, device))
        return 0;
    place = (size_t)(user - (const struct user *)registry_at(compiler->registry, KIND_USER, 0));
    if (set_of(compiler, user, place, &set) != 0)
        return -1;
    if (set == SET_NONE)
        return 0;
    out.set = set;
    out.expires = user->expires;
    out.name = policy_device_name(device, user);
    out.name_len = strlen(out.name);
    out.user_id = user->id;
    out.traffic_limit = (uint64_t)user->traffic_limit;
    if (compiler->policy.options.with_user && user->username != NULL) {
        out.user = user->username;
        out.user_len = strlen(user->username);
    }
    compiler->result->devices++;
    compiler->has_device[place] = true;
    compiler->is_in[device -
                    (const struct device *)registry_at(compiler->registry, KIND_DEVICE, 0)] = true;
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

static const char *
template_of(const struct policy_options *options, enum frame frame, size_t *len)
{
    if (options->frames[frame] == NULL)
        return frame_default(frame, len);
    *len = strlen(options->frames[frame]);
    return options->frames[frame];
}

/* What of the settings is in a snapshot. Returns 0, or -1 without memory. */
static int
settings_text(const struct policy_options *options, char out[20])
{
    static const uint8_t key[16] = "signpost set   1";
    struct buf text;
    size_t i, len;
    int rc;

    buf_init(&text, (FRAMES + 1) * (size_t)DOCUMENT_MAX);
    buf_printf(&text, "%s\n%d %d %u %d%s\n%s\n", options->core != NULL ? options->core : "",
               options->all_domains, options->by_name, options->max_links, options->with_user,
               options->by_token_only ? " by token only" : "",
               options->remark != NULL ? options->remark : "");
    for (i = 0; i < options->urls.count; i++)
        buf_printf(&text, "%s\n", options->urls.items[i]);
    for (i = 0; i < FRAMES; i++) {
        const char *frame = template_of(options, (enum frame)i, &len);

        buf_printf(&text, "%zu\n", len);
        buf_put(&text, frame, len);
    }
    snprintf(out, 20, "%016llx", (unsigned long long)siphash(key, text.data, text.len));
    rc = text.failed ? -1 : 0;
    buf_release(&text);
    return rc;
}

/* The tokens of the devices that are in. */
static int
put_tokens(struct compiler *compiler)
{
    const struct device *devices = registry_at(compiler->registry, KIND_DEVICE, 0);
    size_t i;

    for (i = 0; i < compiler->tokens.count; i++) {
        const struct token_owner *owner = &compiler->tokens.items[i];
        struct snapshot_token token = {owner->device->uuid, owner->token->until};

        if (compiler->is_in[owner->device - devices] &&
            snapshot_put_token(&compiler->writer, owner->token->hash, &token) != 0)
            return -1;
    }
    return 0;
}

static int
put_sets(struct compiler *compiler)
{
    size_t i;
    int form;

    for (i = 0; i < compiler->set_count; i++)
        for (form = 0; form < SET_FORMS; form++)
            if (snapshot_put_set(&compiler->writer, (uint32_t)i, form, compiler->sets[i][form].data,
                                 compiler->sets[i][form].len) != 0)
                return -1;
    return 0;
}

static int
put_frames(struct compiler *compiler)
{
    const struct policy_options *options = &compiler->policy.options;
    struct error problem;
    struct buf buf;
    int i, rc = 0;

    buf_init(&buf, 2 * DOCUMENT_MAX);
    for (i = 0; i < FRAMES && rc == 0; i++) {
        char text[sizeof(problem.text)];
        size_t len;
        const char *template = template_of(options, (enum frame)i, &len);

        buf_clear(&buf);
        if (frame_compile((enum frame)i, template, len, &options->urls, &buf, &problem) != 0)
            rc = error_set(compiler->error, "%s",
                           options->frame_paths[i] != NULL
                               ? error_string(&problem, options->frame_paths[i], text, sizeof(text))
                               : problem.text);
        else
            rc = snapshot_put_frame(&compiler->writer, i, buf.data, buf.len);
    }
    buf_release(&buf);
    return rc;
}

/* Facts for status; nothing that the same records would not give again. */
static int
put_meta(struct compiler *compiler)
{
    const struct policy_options *options = &compiler->policy.options;
    struct compile_result *result = compiler->result;
    char settings[20], *text;
    json_t *meta;
    int rc;

    if (settings_text(options, settings) != 0)
        return error_set(compiler->error, "out of memory");
    meta = json_pack("{s:s, s:s, s:s?, s:I, s:I, s:I, s:I}", "version", compiler->registry->version,
                     "settings", settings, "core", options->core, "devices",
                     (json_int_t)result->devices, "users", (json_int_t)result->users, "endpoints",
                     (json_int_t)result->endpoints, "sets", (json_int_t)result->sets);
    text = meta != NULL ? document_text(meta, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
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
    if (put_tokens(compiler) != 0 || put_sets(compiler) != 0 || put_frames(compiler) != 0)
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
    size_t devices = compiler->registry->kinds[KIND_DEVICE].count;

    compiler->list = calloc(compiler->policy.count + 1, sizeof(*compiler->list));
    compiler->is_served = calloc(compiler->policy.count + 1, sizeof(*compiler->is_served));
    compiler->has_device = calloc(users + 1, sizeof(*compiler->has_device));
    compiler->is_in = calloc(devices + 1, sizeof(*compiler->is_in));
    compiler->class_of = calloc(users + 1, sizeof(*compiler->class_of));
    if (compiler->list == NULL || compiler->is_served == NULL || compiler->has_device == NULL ||
        compiler->is_in == NULL || compiler->class_of == NULL ||
        registry_tokens(compiler->registry, &compiler->tokens, NULL) != 0)
        return error_set(compiler->error, "out of memory");
    return classify(compiler);
}

static void
release(struct compiler *compiler)
{
    size_t i;
    int form;

    for (i = 0; i < compiler->memo.count; i++)
        free(compiler->memo.classes[i].key);
    free(compiler->memo.classes);
    free(compiler->memo.slots);
    free(compiler->class_of);
    for (i = 0; i < compiler->set_count; i++)
        for (form = 0; form < SET_FORMS; form++)
            buf_release(&compiler->sets[i][form]);
    free(compiler->sets);
    free(compiler->list);
    free(compiler->is_served);
    free(compiler->has_device);
    free(compiler->is_in);
    token_owners_release(&compiler->tokens);
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

bool
compile_is_current(const char *path, const char *version, const struct policy_options *options,
                   bool is_deep)
{
    struct snapshot snapshot;
    struct error ignored;
    bool is_current = false;
    char settings[20];
    const char *text;
    json_t *meta;
    size_t len;

    if (snapshot_open(&snapshot, path, &ignored) != 0)
        return false;
    meta = settings_text(options, settings) == 0 && snapshot_get_meta(&snapshot, &text, &len) == 1
               ? json_loadb(text, len, 0, NULL)
               : NULL;
    if (meta != NULL) {
        const char *made_of = json_string_value(json_object_get(meta, "version"));
        const char *made_with = json_string_value(json_object_get(meta, "settings"));

        is_current = made_of != NULL && strcmp(made_of, version) == 0 && made_with != NULL &&
                     strcmp(made_with, settings) == 0;
    }
    json_decref(meta);
    if (is_current && is_deep)
        is_current = snapshot_verify(&snapshot) == 0;
    snapshot_close(&snapshot);
    return is_current;
}
