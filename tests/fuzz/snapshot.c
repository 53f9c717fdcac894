/*
 * A snapshot file. The first byte of an input says how the file is made of the rest:
 *
 *     0  it is the file
 *     1  the file, but for its footer, which is made for it
 *     2  records, changes; the checksums of tables and footer are made after the changes
 *     3  the same, but the changes come last: bits that have tipped over on the disk
 *
 * With 2 and 3 the second byte is the number of changes, each three bytes of place (little-endian)
 * and one that is XORed in; then come the records: length of the key (one byte), of the value
 * (two), key, value. Changes wrap around at the file's end.
 */
#include "answer.h"

#include <sys/mman.h>
#include <unistd.h>

#include "compile.h"
#include "snapshot_format.h"

enum { WHOLE, FOOTED, MADE, TIPPED, MODES };
enum { RECORDS_MAX = 64, FILE_MAX = 256 * 1024, CHANGES_MAX = 16, ASKED = 4 };

/* A record of the input; position: where it lies in the file. */
struct put {
    const uint8_t *key, *value;
    uint32_t key_len, value_len, hash, position;
};

struct made {
    uint8_t bytes[FILE_MAX];
    size_t len;
    struct put puts[RECORDS_MAX];
    size_t count;
    bool is_changed;
};

static struct made made;
static const struct config config = {.profile = {.title = "{device} {user}",
                                                 .filename = "{device}",
                                                 .announce = "{user}",
                                                 .web_page_url = "https://a.example/{uuid}"}};
static struct site site;
static struct buf out;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    site_init(&site, &config);
    buf_init(&out, 8 * 1024 * 1024);
    return 0;
}

static void
add(const void *bytes, size_t len)
{
    require(len <= sizeof(made.bytes) - made.len);
    if (len > 0)
        memcpy(made.bytes + made.len, bytes, len);
    made.len += len;
}

/* The records, each with the right checksum, behind room for the table of contents. */
static void
add_records(const uint8_t *p, const uint8_t *end)
{
    uint8_t head[RECORD_HEAD], sum[CHECKSUM_SIZE];

    made.count = 0;
    made.len = TOC_SIZE;
    while (end - p >= 3 && made.count < RECORDS_MAX) {
        struct put *put = &made.puts[made.count];
        size_t left = (size_t)(end - p) - 3;

        put->key_len = p[0] < left ? p[0] : (uint32_t)left;
        left -= put->key_len;
        put->value_len = p[1] | (uint32_t)p[2] << 8;
        if (put->value_len > left)
            put->value_len = (uint32_t)left;
        put->key = p + 3;
        put->value = put->key + put->key_len;
        p = put->value + put->value_len;
        if (made.len + put->key_len + put->value_len > FILE_MAX / 2)
            return;
        put->hash = cdb_hash(put->key, put->key_len);
        put->position = (uint32_t)made.len;
        put_u32(head, put->key_len);
        put_u32(head + 4, put->value_len + CHECKSUM_SIZE);
        put_u64(sum, record_checksum(put->key, put->key_len, put->value, put->value_len));
        add(head, sizeof(head));
        add(put->key, put->key_len);
        add(sum, sizeof(sum));
        add(put->value, put->value_len);
        made.count++;
    }
}

/* cdb's hash tables and its table of contents, by their description; no code of tinycdb's. */
static void
add_tables(void)
{
    uint8_t slots[2 * RECORDS_MAX * 8];
    unsigned table;
    size_t i;

    for (table = 0; table < 256; table++) {
        uint32_t count = 0, slot;

        for (i = 0; i < made.count; i++)
            count += (made.puts[i].hash & 255) == table ? 2 : 0;
        memset(slots, 0, sizeof(slots));
        for (i = 0; i < made.count; i++) {
            if ((made.puts[i].hash & 255) != table)
                continue;
            slot = (made.puts[i].hash >> 8) % count;
            while (get_u32(slots + 8 * slot + 4) != 0)
                slot = (slot + 1) % count;
            put_u32(slots + 8 * slot, made.puts[i].hash);
            put_u32(slots + 8 * slot + 4, made.puts[i].position);
        }
        put_u32(made.bytes + 8 * table, (uint32_t)made.len);
        put_u32(made.bytes + 8 * table + 4, count);
        add(slots, 8 * (size_t)count);
    }
}

/* A footer with right checksums, as far as there is anything where the tables should be. */
static void
add_footer(void)
{
    uint8_t footer[FOOTER_SIZE] = {0};
    size_t size = made.len, i;

    memcpy(footer, SNAPSHOT_MAGIC, sizeof(SNAPSHOT_MAGIC) - 1);
    put_u32(footer + FOOTER_FORMAT, SNAPSHOT_FORMAT);
    put_u64(footer + FOOTER_BYTES, size + FOOTER_SIZE);
    if (size >= TOC_SIZE)
        put_u64(footer + FOOTER_TOC, checksum(made.bytes, TOC_SIZE));
    for (i = 0; i < 256 && size >= TOC_SIZE; i++) {
        uint64_t at = get_u32(made.bytes + 8 * i), len = 8ULL * get_u32(made.bytes + 8 * i + 4);

        if (at <= size && len <= size - at)
            put_u64(footer + FOOTER_TABLES + 8 * i, checksum(made.bytes + at, len));
    }
    put_u64(footer + FOOTER_CHECKSUM, checksum(footer, FOOTER_CHECKSUM));
    add(footer, sizeof(footer));
}

static void
change(const uint8_t *changes, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++, changes += 4) {
        size_t place = changes[0] | (size_t)changes[1] << 8 | (size_t)changes[2] << 16;

        made.bytes[place % made.len] ^= changes[3];
        made.is_changed |= changes[3] != 0;
    }
}

/* Makes the file. Returns how. */
static int
make_file(const uint8_t *data, size_t size)
{
    int mode = size > 0 ? data[0] % MODES : WHOLE;
    const uint8_t *p = data + 1, *end = data + size;
    size_t changes;

    made.len = made.count = 0;
    made.is_changed = false;
    if (mode == WHOLE || mode == FOOTED || size < 2) {
        add(p, size > 0 ? size - 1 : 0);
        if (mode != WHOLE)
            add_footer();
        return mode == WHOLE ? WHOLE : FOOTED;
    }
    changes = *p++ % (CHANGES_MAX + 1);
    if (changes > (size_t)(end - p) / 4)
        changes = (size_t)(end - p) / 4;
    add_records(p + 4 * changes, end);
    add_tables();
    if (mode == MADE)
        change(p, changes);
    add_footer();
    if (mode == TIPPED)
        change(p, changes);
    return mode;
}

static const char *
put_file(void)
{
    static char path[40];
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("snapshot", MFD_CLOEXEC);
    require(fd >= 0 && ftruncate(fd, 0) == 0);
    require(pwrite(fd, made.bytes, made.len, 0) == (ssize_t)made.len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

static bool
is_inside(const struct snapshot *snapshot, const void *bytes, size_t len)
{
    const uint8_t *start = snapshot->cdb.cdb_mem, *p = bytes;

    return p >= start && len <= made.len && p + len <= start + made.len;
}

static bool
is_same_key(const struct put *a, const struct put *b)
{
    return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

/* What was put is found, the first of equal keys; or, where bits have tipped, it is an error. */
static void
check_puts(struct snapshot *snapshot)
{
    const uint8_t *value;
    size_t len, i, first;
    int rc;

    for (i = 0; i < made.count; i++) {
        const struct put *put = &made.puts[i];

        for (first = 0; !is_same_key(&made.puts[first], put); first++)
            ;
        rc = snapshot_get(snapshot, put->key, put->key_len, &value, &len);
        require(rc == 1 || (rc == -1 && made.is_changed));
        if (rc == 1)
            require(len == made.puts[first].value_len &&
                    memcmp(value, made.puts[first].value, len) == 0);
    }
}

/* All records one after the other; devices among them are asked for. */
static size_t
walk(struct snapshot *snapshot, struct uuid *uuids, size_t room)
{
    const uint8_t *key, *value;
    uint32_t position = 0, before = 0;
    size_t key_len, value_len, count = 0;
    int rc;

    while ((rc = snapshot_next(snapshot, &position, &key, &key_len, &value, &value_len)) == 1) {
        require(position > before && is_inside(snapshot, key, key_len));
        require(is_inside(snapshot, value, value_len));
        before = position;
        if (key_len == sizeof(uuids->bytes) && count < room)
            memcpy(uuids[count++].bytes, key, key_len);
    }
    require(rc == 0 || rc == -1);
    return count;
}

static void
check_lookups(struct snapshot *snapshot, const struct uuid *uuid)
{
    const uint8_t hash[TOKEN_HASH] = {0};
    struct snapshot_device device;
    struct snapshot_token token;
    const uint8_t *value;
    const char *text;
    size_t len;
    int i, rc = snapshot_get_device(snapshot, uuid, &device);

    require(rc >= -1 && rc <= 1);
    if (rc == 1) {
        require(device.name_len > 0 && is_inside(snapshot, device.name, device.name_len));
        require(is_inside(snapshot, device.user, device.user_len));
        for (i = 0; i < SET_FORMS; i++) {
            rc = snapshot_get_set(snapshot, device.set, i, &value, &len);
            require(rc >= -1 && rc <= 1 && (rc != 1 || is_inside(snapshot, value, len)));
        }
    }
    for (i = 0; i < FRAMES; i++) {
        rc = snapshot_get_frame(snapshot, i, &value, &len);
        require(rc >= -1 && rc <= 1 && (rc != 1 || is_inside(snapshot, value, len)));
    }
    rc = snapshot_get_token(snapshot, hash, &token);
    require(rc >= -1 && rc <= 1);
    rc = snapshot_get_meta(snapshot, &text, &len);
    require(rc >= -1 && rc <= 1 && (rc != 1 || is_inside(snapshot, text, len)));
}

/* A poll from it, in every form. The head is sound whatever names are; the body is the file's. */
static void
check_answers(struct snapshot *snapshot, const struct uuid *uuid, bool is_page_wanted)
{
    struct request request = {.method = "GET"};
    char path[1 + UUID_TEXT + 1], query[40];
    struct response response;
    int format, first = 0;

    path[0] = '/';
    uuid_format(uuid, path + 1);
    request.path = path;
    request.query = query;
    site.snapshot = snapshot;
    for (format = FORMAT_BASE64; format < FORMATS; format++) {
        if (format == FORMAT_PAGE && !is_page_wanted)
            continue;
        snprintf(query, sizeof(query), "format=%s", format_name((enum format)format));
        respond(&request, &site, 0, &response);
        buf_clear(&out);
        response_put(&out, &response);
        answer_check(&response, &out);
        if (response.status == 404)
            answer_check_miss(&out);
        else if (response.status == 503)
            answer_check_outage(&out);
        else
            require(response.status == 200 && response.format == (enum format)format);
        /* Links need nothing that the other forms do not. */
        first = format == FORMAT_BASE64 ? response.status : first;
        require(format != FORMAT_LINKS || response.status == first);
    }
    site.snapshot = NULL;
}

static void
check_open(struct snapshot *snapshot, int mode, uint8_t seed)
{
    struct uuid uuids[ASKED + 1] = {{{0}}};
    size_t count = walk(snapshot, uuids, ASKED), i;
    int rc;

    if (mode == MADE && !made.is_changed)
        require(snapshot_verify(snapshot) == 0);
    if (mode == TIPPED || !made.is_changed)
        check_puts(snapshot);
    memset(uuids[count].bytes, seed, sizeof(uuids->bytes));
    for (i = 0; i <= count; i++) {
        check_lookups(snapshot, &uuids[i]);
        check_answers(snapshot, &uuids[i], i == 0);
    }
    rc = snapshot_verify(snapshot);
    require(rc == 0 || rc == -1);
    /* What has been checked cannot turn out to be damaged. */
    if (rc == 0 && mode != WHOLE)
        require(walk(snapshot, uuids, ASKED) == count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct policy_options options;
    struct error error = {.text = ""};
    struct snapshot snapshot;
    const char *path;
    bool is_current;
    int mode;

    if (size > FILE_MAX / 4)
        return 0;
    mode = make_file(data, size);
    path = put_file();
    if (snapshot_open(&snapshot, path, &error) == 0) {
        check_open(&snapshot, mode, size > 0 ? data[size - 1] : 0);
        snapshot_close(&snapshot);
    } else {
        require(error.text[0] != '\0' && fuzz_is_utf8(error.text) && !snapshot.is_open);
        require(mode != MADE || made.is_changed);
    }
    is_current = compile_is_current(path, "1", &options, false);
    require(is_current || !compile_is_current(path, "1", &options, true));
    return 0;
}
