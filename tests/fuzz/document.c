/*
 * A record's file: an input is taken as JSON and as YAML, and what it holds as a record of every
 * kind, in a registry that is sound otherwise, on the way to links.
 */
#include "records.h"

#include "document.h"
#include "format.h"
#include "link.h"
#include "link_read.h"
#include "pack.h"
#include "set.h"
#include "subscription.h"

enum { ROOM = 4 * 1024 * 1024, LOCATED = 8 };

/* The file in which each kind's record lies, without the end of its name. */
static const char *const stems[KINDS] = {
    [KIND_USER] = "7",           [KIND_DEVICE] = DEVICE,
    [KIND_NODE] = ENTRY,         [KIND_ROLE] = "entry_" ENTRY,
    [KIND_ROUTE] = ROUTE,        [KIND_DOMAIN] = "shop.example.org",
    [KIND_ENDPOINT] = "direct-1"};

/* What the sample has none of. */
static const struct sample_file more[] = {
    {KIND_NODE, ENTRY ".json",
     "{\"ip\": \"" ENTRY "\", \"location\": \"\\u0410\", " /* А */
     "\"status\": \"active\"}"},
    {KIND_ROLE, "entry_" ENTRY ".json", "{\"node_ip\": \"" ENTRY "\", \"status\": \"active\"}"},
    {KIND_ENDPOINT, "direct-1.json",
     "{\"status\": \"active\", \"client\": {\"address\": \"one.example\", \"type\": \"tcp\"}}"},
    {KIND_ENDPOINT, "direct-2.json",
     "{\"status\": \"active\", \"client\": {\"address\": \"192.0.2.1\", \"sni\": \"a.example\"}}"},
    {KIND_DOMAIN, "blog.example.org.json",
     "{\"status\": \"active\", \"node_ip\": \"" ENTRY "\", \"priority\": 200}"},
    {KIND_USER, NULL, NULL}};

static struct subscription subscription; /* large */

static void
add_all_but(struct registry *registry, const struct sample_file *files, enum kind kind)
{
    for (; files->name != NULL; files++)
        if (files->kind != kind || strncmp(files->name, stems[kind], strlen(stems[kind])) != 0)
            sample_add(registry, files->kind, files->name, files->text);
}

static void
check_finding(void *context, const struct finding *finding)
{
    (void)context;
    require(finding->text[0] != '\0' && fuzz_is_utf8(finding->text));
    require(finding->path != NULL && finding->level < FINDING_LEVELS);
    require((finding->line == 0) == (finding->column == 0));
}

/* The registry with the input as the one file of its kind; or, without bytes, with a good one. */
static void
make_registry(struct registry *registry, enum kind kind, enum document_syntax syntax,
              const char *bytes, size_t len)
{
    struct report report = {check_finding, NULL, {0}};
    struct registry_file file = {.kind = kind, .bytes = bytes, .len = len};
    struct error error;
    char name[100];

    snprintf(name, sizeof(name), "%s.%s", stems[kind], syntax == SYNTAX_JSON ? "json" : "yaml");
    file.name = name;
    registry_init(registry);
    registry->with_notices = true;
    add_all_but(registry, sample_base, kind);
    add_all_but(registry, more, kind);
    require(registry_put(registry, &file, &report, &error) == 0);
    require(registry_sort(registry, &report) == 0);
    require(registry_cross_check(registry, &report) == 0);
}

/* A record survives the cache: packed, read and packed again it is the same. */
static void
check_packed(enum kind kind, const struct record *record)
{
    struct unpack unpack;
    struct buf one, two;
    struct pool pool;
    void *again = calloc(1, kind_size(kind));
    uint8_t *copy;

    require(again != NULL);
    pool_init(&pool);
    buf_init(&one, ROOM);
    buf_init(&two, ROOM);
    pack_record(&one, kind, record);
    require(!one.failed);
    copy = fuzz_copy(one.data, one.len);
    unpack = (struct unpack){copy, copy + one.len, &pool, false};
    unpack_record(&unpack, kind, again);
    require(!unpack.failed && unpack.at == unpack.end);
    pack_record(&two, kind, again);
    require(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
    buf_release(&one);
    buf_release(&two);
    pool_release(&pool);
    free(copy);
    free(again);
}

/* What an outbound follows in a profile, and what it is read as. */
static void
check_outbound(enum outbound outbound, const struct set_entry *entry)
{
    static const char *const before[OUTBOUNDS] = {
        "{\"uuid\": \"u\"", "{\"uuid\":\"u\"",
        "{\"settings\":{\"vnext\":[{\"users\":[{\"id\":\"u\""};
    struct error error;
    struct buf buf;
    json_t *tree;

    if ((entry->features & ~outbound_features(outbound)) != 0)
        return;
    buf_init(&buf, ROOM);
    buf_puts(&buf, before[outbound]);
    buf_put(&buf, entry->outbound, entry->outbound_len);
    /* Deeper than a record may be: an xhttp extra stands deeper there. */
    tree = outbound == OUTBOUND_CLASH ? document_parse(buf.data, buf.len, SYNTAX_YAML, &error)
                                      : json_loadb(buf.data, buf.len, JSON_REJECT_DUPLICATES, NULL);
    require(json_is_object(tree));
    json_decref(tree);
    buf_release(&buf);
}

/* The link of an endpoint can be read back, and says the same then. */
static void
check_middle(const struct set_entry *entry)
{
    struct error error;
    struct client client;
    struct pool pool;
    struct buf buf;
    char *copy = fuzz_copy(entry->middle, entry->middle_len);

    pool_init(&pool);
    buf_init(&buf, ROOM);
    require(link_read_middle(copy, entry->middle_len, &client, &pool, &error) == 0);
    require(client.port >= 1 && client.port <= 65535 && client.address != NULL);
    link_put_middle(&buf, &client);
    require(buf.len == entry->middle_len && memcmp(buf.data, copy, buf.len) == 0);
    buf_release(&buf);
    pool_release(&pool);
    free(copy);
}

/* One printable line of ASCII for each endpoint, whatever anything is called. */
static void
check_links(void)
{
    static const char start[] = "vless://" DEVICE "@", name[] = "a\r\nb#\xd1\x91 \"<";
    const char *p, *end;
    struct buf links;
    uint32_t i, lines = 0;

    require(uuid_parse(DEVICE, strlen(DEVICE), &subscription.uuid) == 0);
    subscription.device.name = name;
    subscription.device.name_len = sizeof(name) - 1;
    subscription.count = subscription.set.count;
    for (i = 0; i < subscription.count; i++)
        subscription.order[i] = (uint16_t)i;
    buf_init(&links, ROOM);
    format_links(&links, &subscription);
    require(!links.failed);
    for (p = links.data, end = p + links.len; p < end; p++, lines++) {
        require((size_t)(end - p) > sizeof(start) - 1 && strncmp(p, start, sizeof(start) - 1) == 0);
        for (; p < end && *p != '\n'; p++)
            require(*p > ' ' && *p < 0x7f);
    }
    require(lines == subscription.count);
    buf_release(&links);
}

/* What the user gets, as it stands in a snapshot. */
static void
check_set(const struct policy *policy, const struct user *user)
{
    const struct endpoint **list = calloc(policy->count + 1, sizeof(*list));
    struct set *set = &subscription.set;
    struct buf forms[SET_FORMS];
    struct error error;
    size_t count, encoded;
    uint32_t i;
    int form;

    require(list != NULL);
    count = policy_select(policy, user, list);
    require(count <= policy->count);
    for (form = 0; form < SET_FORMS; form++)
        buf_init(&forms[form], ROOM);
    require(set_encode(forms, list, count, &policy->options, policy_is_wide(policy, user), &encoded,
                       &error) == 0);
    require(encoded <= count);
    require(set_decode(forms[SET_LINKS].data, forms[SET_LINKS].len, set) == 0);
    require(set->count == encoded);
    for (i = 0; i < set->count; i++)
        check_middle(&set->entries[i]);
    for (form = 0; form < OUTBOUNDS; form++) {
        require(set_decode_outbounds(forms[form].data, forms[form].len, set) == 0);
        for (i = 0; i < set->count; i++)
            check_outbound((enum outbound)form, &set->entries[i]);
    }
    check_links();
    for (form = 0; form < SET_FORMS; form++)
        buf_release(&forms[form]);
    free(list);
}

static void
check_policy(const struct registry *registry, bool is_odd)
{
    /* One way or the other: both for every input would take twice the time. */
    const struct policy_options options = {
        .remark = is_odd ? "{device} {label} {name} {location} {domain}" : NULL,
        .all_domains = is_odd,
        .by_name = is_odd};
    const struct device *device = registry_at(registry, KIND_DEVICE, 0);
    const struct user *user = registry_user(registry, 7), *whose = NULL;
    struct policy policy;
    struct error error;

    require(user != NULL && device != NULL);
    require(policy_init(&policy, registry, &options, &error) == 0);
    if (policy_device(&policy, device, 0, &whose) == REFUSAL_NONE) {
        require(device->record.status == STATUS_ACTIVE && whose != NULL);
        require(whose->record.status == STATUS_ACTIVE && whose->id == device->user_id);
    }
    check_set(&policy, user);
    policy_release(&policy);
}

/* Among what was known before: an earlier version comes back for what cannot be read, no other. */
static void
check_merged(enum kind kind, enum document_syntax syntax, const char *bytes, size_t len)
{
    const struct merge merge = {.is_whole = true, .now = 1, .max_shrink = 100};
    struct registry old, fresh;
    const struct record *record;
    struct error error;
    enum status status;
    char name[100];

    snprintf(name, sizeof(name), "%s.%s", stems[kind], syntax == SYNTAX_JSON ? "json" : "yaml");
    make_registry(&fresh, kind, syntax, bytes, len);
    registry_init(&old);
    sample_add_all(&old, sample_base);
    sample_add_all(&old, more);
    require(registry_sort(&old, NULL) == 0);
    record = registry_record(&fresh, kind, name);
    require(record != NULL);
    status = record->status;
    require(registry_merge(&fresh, &old, &merge, NULL, &error) == 0);
    record = registry_record(&fresh, kind, name);
    require(record != NULL);
    if (status == STATUS_UNREADABLE)
        require(record->status == STATUS_ACTIVE && record->trouble != NULL &&
                record->trouble->is_kept);
    else
        require(record->status == status);
    registry_release(&old);
    registry_release(&fresh);
}

static void
check_kinds(enum document_syntax syntax, const char *bytes, size_t len)
{
    struct registry registry;
    const struct record *record;
    char name[100];
    int kind;

    for (kind = 0; kind < KINDS; kind++) {
        snprintf(name, sizeof(name), "%s.%s", stems[kind], syntax == SYNTAX_JSON ? "json" : "yaml");
        make_registry(&registry, (enum kind)kind, syntax, bytes, len);
        record = registry_record(&registry, (enum kind)kind, name);
        require(record != NULL && record->status < STATUS_GONE);
        if (record->status == STATUS_UNREADABLE)
            require(record->trouble != NULL && record->trouble->count > 0);
        check_packed((enum kind)kind, record);
        check_policy(&registry, (len & 1) != 0);
        registry_release(&registry);
        check_merged((enum kind)kind, syntax, bytes, len);
    }
}

/* Each key has a place, which lies in the file or, for a key that is left out, at its end. */
static void
check_places(const json_t *tree, enum document_syntax syntax, const char *bytes, size_t len)
{
    const char *path[2] = {NULL, NULL};
    unsigned line, column, count = 0;
    const json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)tree, path[0], value) {
        bool is_found = document_locate(bytes, len, path, &line, &column) == 0;

        require(is_found || syntax == SYNTAX_JSON);
        require(!is_found || (line >= 1 && line <= len + 1 && column >= 1 && column <= len + 1));
        if (++count == LOCATED)
            return;
    }
}

/* The tree in JSON is a document of its own, and the same. */
static void
check_dumped(const json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
    struct error error;
    json_t *again;

    require(text != NULL);
    if (!json_is_object(tree) && !json_is_array(tree)) {
        free(text);
        return;
    }
    if (strlen(text) <= DOCUMENT_MAX) {
        again = document_parse(text, strlen(text), SYNTAX_JSON, &error);
        require(again != NULL && json_equal(tree, again));
        json_decref(again);
    }
    free(text);
}

/* Parses twice. Returns the tree or NULL. */
static json_t *
parse(const char *bytes, size_t len, enum document_syntax syntax)
{
    struct error error = {.text = ""}, second = {.text = ""};
    json_t *tree = document_parse(bytes, len, syntax, &error);
    json_t *again = document_parse(bytes, len, syntax, &second);

    if (tree == NULL) {
        require(again == NULL && strcmp(error.text, second.text) == 0);
        require(error.line == second.line && error.column == second.column);
        require(error.text[0] != '\0' && fuzz_is_utf8(error.text));
        require((error.line == 0) == (error.column == 0));
    } else {
        require(again != NULL && json_equal(tree, again));
        check_dumped(tree);
        check_places(tree, syntax, bytes, len);
    }
    json_decref(again);
    return tree;
}

/* Whether YAML would fold what JSON has in strings: line breaks of Unicode's. */
static bool
has_breaks(const char *bytes, size_t len)
{
    return memmem(bytes, len, "\xc2\x85", 2) != NULL ||
           memmem(bytes, len, "\xe2\x80\xa8", 3) != NULL ||
           memmem(bytes, len, "\xe2\x80\xa9", 3) != NULL;
}

/* A document that is JSON and YAML says the same in both, but for numbers that are no integers. */
static bool
is_same(const json_t *json, const json_t *yaml)
{
    const char *key;
    const json_t *value;
    size_t i;

    switch (json_typeof(json)) {
    case JSON_OBJECT:
        if (!json_is_object(yaml) || json_object_size(json) != json_object_size(yaml))
            return false;
        json_object_foreach ((json_t *)(uintptr_t)json, key, value)
            if (!is_same(value, json_object_get(yaml, key)))
                return false;
        return true;
    case JSON_ARRAY:
        if (!json_is_array(yaml) || json_array_size(json) != json_array_size(yaml))
            return false;
        json_array_foreach (json, i, value)
            if (!is_same(value, json_array_get(yaml, i)))
                return false;
        return true;
    case JSON_INTEGER:
        return json_equal((json_t *)(uintptr_t)json, (json_t *)(uintptr_t)yaml) ||
               (json_integer_value(json) == 0 && json_is_string(yaml) &&
                strcmp(json_string_value(yaml), "-0") == 0);
    case JSON_REAL:
        return json_is_string(yaml);
    default:
        return json_equal((json_t *)(uintptr_t)json, (json_t *)(uintptr_t)yaml);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    json_t *json = parse(copy, size, SYNTAX_JSON), *yaml = parse(copy, size, SYNTAX_YAML);

    if (json != NULL && yaml != NULL && !has_breaks(copy, size))
        require(is_same(json, yaml));
    if (json != NULL)
        check_kinds(SYNTAX_JSON, copy, size);
    else if (yaml != NULL)
        check_kinds(SYNTAX_YAML, copy, size);
    json_decref(json);
    json_decref(yaml);
    free(copy);
    return 0;
}
