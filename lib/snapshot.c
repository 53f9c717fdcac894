#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "snapshot_format.h"

void
snapshot_init(struct snapshot *snapshot)
{
    memset(snapshot, 0, sizeof(*snapshot));
}

static int
check_footer(struct snapshot *snapshot, const char *path, struct error *error)
{
    uint64_t size = (uint64_t)snapshot->st.st_size;
    const uint8_t *footer = snapshot->footer;
    uint32_t format = get_u32(footer + FOOTER_FORMAT);

    if (memcmp(footer, SNAPSHOT_MAGIC, 8) != 0)
        return error_set(error, "%s: truncated, or not a snapshot of Signpost; compile it again",
                         path);
    if (format != SNAPSHOT_FORMAT)
        return error_set(error, "%s: format %u, but this program reads format %d; compile it again",
                         path, format, SNAPSHOT_FORMAT);
    if (get_u64(footer + FOOTER_CHECKSUM) != checksum(footer, FOOTER_CHECKSUM) ||
        get_u64(footer + FOOTER_BYTES) != size ||
        get_u64(footer + FOOTER_TOC) != checksum(snapshot->cdb.cdb_mem, TOC_SIZE))
        return error_set(error, "%s: damaged (a checksum is wrong); compile it again", path);
    return 0;
}

static int
map(struct snapshot *snapshot, int fd, const char *path, struct error *error)
{
    if (fstat(fd, &snapshot->st) != 0)
        return error_set(error, "%s: %s", path, strerror(errno));
    if (!S_ISREG(snapshot->st.st_mode))
        return error_set(error, "%s: not a plain file", path);
    if (snapshot->st.st_size < TOC_SIZE + FOOTER_SIZE)
        return error_set(error, "%s: truncated, or not a snapshot of Signpost; compile it again",
                         path);
    /* cdb_init would cut the size to 32 bits; a snapshot is never that large. */
    if (snapshot->st.st_size > UINT32_MAX || cdb_init(&snapshot->cdb, fd) != 0)
        return error_set(error, "%s: cannot be mapped: %s", path,
                         snapshot->st.st_size > UINT32_MAX ? "too large" : strerror(errno));
    snapshot->is_open = true;
    snapshot->footer = snapshot->cdb.cdb_mem + snapshot->st.st_size - FOOTER_SIZE;
    return check_footer(snapshot, path, error);
}

int
snapshot_open(struct snapshot *snapshot, const char *path, struct error *error)
{
    int fd, rc;

    snapshot_init(snapshot);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set(error, "%s: %s", path, strerror(errno));
    rc = map(snapshot, fd, path, error);
    close(fd);
    if (rc != 0)
        snapshot_close(snapshot);
    return rc;
}

void
snapshot_close(struct snapshot *snapshot)
{
    if (snapshot->is_open)
        cdb_free(&snapshot->cdb);
    snapshot_init(snapshot);
}

bool
snapshot_is_stale(const struct snapshot *snapshot, const char *path)
{
    const struct stat *was = &snapshot->st;
    struct stat st;

    if (!snapshot->is_open || stat(path, &st) != 0)
        return true;
    return st.st_dev != was->st_dev || st.st_ino != was->st_ino || st.st_size != was->st_size ||
           st.st_mtim.tv_sec != was->st_mtim.tv_sec || st.st_mtim.tv_nsec != was->st_mtim.tv_nsec;
}

/* One of cdb's 256 hash tables: its place in the file, checked. */
struct table {
    const uint8_t *slots;
    uint32_t count;
};

static int
find_table(struct snapshot *snapshot, unsigned number, struct table *table)
{
    const uint8_t *toc = snapshot->cdb.cdb_mem + number * 8;
    uint32_t position = get_u32(toc), bytes;
    uint8_t bit = (uint8_t)(1 << (number & 7));

    table->count = get_u32(toc + 4);
    if (table->count > UINT32_MAX / 8)
        return -1;
    bytes = table->count * 8;
    table->slots = cdb_get(&snapshot->cdb, bytes, position);
    if (table->slots == NULL)
        return -1;
    if (!(snapshot->checked[number / 8] & bit)) {
        if (checksum(table->slots, bytes) != get_u64(snapshot->footer + FOOTER_TABLES + number * 8))
            return -1;
        snapshot->checked[number / 8] |= bit;
    }
    return 0;
}

/* The record at a position. Returns 0, or -1 if it is not what was written. */
static int
read_record(const struct snapshot *snapshot, uint32_t position, const uint8_t **key,
            size_t *key_len, const uint8_t **value, size_t *value_len)
{
    const uint8_t *head = cdb_get(&snapshot->cdb, RECORD_HEAD, position), *data;
    uint32_t klen, vlen;

    if (head == NULL)
        return -1;
    klen = get_u32(head);
    vlen = get_u32(head + 4);
    if (vlen < CHECKSUM_SIZE || klen > UINT32_MAX - vlen)
        return -1;
    data = cdb_get(&snapshot->cdb, klen + vlen, position + RECORD_HEAD);
    if (data == NULL ||
        get_u64(data + klen) !=
            record_checksum(data, klen, data + klen + CHECKSUM_SIZE, vlen - CHECKSUM_SIZE))
        return -1;
    *key = data;
    *key_len = klen;
    *value = data + klen + CHECKSUM_SIZE;
    *value_len = vlen - CHECKSUM_SIZE;
    return 0;
}

/*
 * cdb_find's walk, with one thing more: where a slot has the key's whole hash but its record has
 * another key, the record must be sound. A flipped bit in a key would else be an absent device.
 */
int
snapshot_get(struct snapshot *snapshot, const void *key, size_t key_len, const uint8_t **value,
             size_t *value_len)
{
    uint32_t hash = cdb_hash(key, (unsigned)key_len), i, slot, position;
    const uint8_t *found;
    struct table table;
    size_t found_len;

    if (!snapshot->is_open || find_table(snapshot, hash & 255, &table) != 0)
        return -1;
    if (table.count == 0)
        return 0;
    slot = (hash >> 8) % table.count;
    for (i = 0; i < table.count; i++) {
        position = get_u32(table.slots + 8 * slot + 4);
        if (position == 0)
            return 0;
        if (get_u32(table.slots + 8 * slot) == hash) {
            if (read_record(snapshot, position, &found, &found_len, value, value_len) != 0)
                return -1;
            if (found_len == key_len && memcmp(found, key, key_len) == 0)
                return 1;
        }
        if (++slot == table.count)
            slot = 0;
    }
    return 0;
}

int
snapshot_read_device(const uint8_t *value, size_t len, struct snapshot_device *device)
{
    if (len <= DEVICE_HEAD || value[28] == 0 || value[28] > len - DEVICE_HEAD)
        return -1;
    device->set = get_u32(value) & ~SET_BY_TOKEN_ONLY;
    device->is_by_token_only = (get_u32(value) & SET_BY_TOKEN_ONLY) != 0;
    device->expires = (int64_t)get_u64(value + 4);
    device->user_id = (int64_t)get_u64(value + 12);
    device->traffic_limit = get_u64(value + 20);
    device->name = (const char *)value + DEVICE_HEAD;
    device->name_len = value[28];
    device->user = device->name + device->name_len;
    device->user_len = len - DEVICE_HEAD - device->name_len;
    return 0;
}

int
snapshot_read_token(const uint8_t *value, size_t len, struct snapshot_token *token)
{
    if (len != TOKEN_SIZE)
        return -1;
    memcpy(token->uuid.bytes, value, sizeof(token->uuid.bytes));
    token->until = (int64_t)get_u64(value + sizeof(token->uuid.bytes));
    return 0;
}

/* Where the records end: the first hash table starts there. */
static uint32_t
records_end(const struct snapshot *snapshot)
{
    return get_u32(snapshot->cdb.cdb_mem);
}

int
snapshot_next(const struct snapshot *snapshot, uint32_t *position, const uint8_t **key,
              size_t *key_len, const uint8_t **value, size_t *value_len)
{
    if (*position == 0)
        *position = TOC_SIZE;
    if (*position >= records_end(snapshot))
        return 0;
    if (read_record(snapshot, *position, key, key_len, value, value_len) != 0)
        return -1;
    *position += (uint32_t)(RECORD_HEAD + *key_len + CHECKSUM_SIZE + *value_len);
    return 1;
}

int
snapshot_check_tables(struct snapshot *snapshot)
{
    struct table table;
    unsigned i;

    memset(snapshot->checked, 0, sizeof(snapshot->checked));
    for (i = 0; i < 256; i++)
        if (find_table(snapshot, i, &table) != 0)
            return -1;
    return 0;
}

int
snapshot_verify(struct snapshot *snapshot)
{
    const uint8_t *key, *value;
    size_t key_len, value_len;
    uint32_t position = 0;
    int rc;

    if (snapshot_check_tables(snapshot) != 0)
        return -1;
    while ((rc = snapshot_next(snapshot, &position, &key, &key_len, &value, &value_len)) == 1)
        ;
    return rc == 0 && position == records_end(snapshot) ? 0 : -1;
}

int
snapshot_get_device(struct snapshot *snapshot, const struct uuid *uuid,
                    struct snapshot_device *device)
{
    const uint8_t *value;
    size_t len;
    int rc = snapshot_get(snapshot, uuid->bytes, sizeof(uuid->bytes), &value, &len);

    if (rc != 1)
        return rc;
    return snapshot_read_device(value, len, device) == 0 ? 1 : -1;
}

int
snapshot_get_token(struct snapshot *snapshot, const uint8_t hash[TOKEN_HASH],
                   struct snapshot_token *token)
{
    const uint8_t *value;
    size_t len;
    int rc = snapshot_get(snapshot, hash, TOKEN_HASH, &value, &len);

    if (rc != 1)
        return rc;
    return snapshot_read_token(value, len, token) == 0 ? 1 : -1;
}

int
snapshot_get_set(struct snapshot *snapshot, uint32_t number, int form, const uint8_t **value,
                 size_t *value_len)
{
    uint8_t key[6] = {'s'};

    put_u32(key + 1, number);
    key[5] = (uint8_t)form;
    return snapshot_get(snapshot, key, sizeof(key), value, value_len);
}

int
snapshot_get_frame(struct snapshot *snapshot, int frame, const uint8_t **value, size_t *value_len)
{
    uint8_t key[2] = {'f', (uint8_t)frame};

    return snapshot_get(snapshot, key, sizeof(key), value, value_len);
}

int
snapshot_get_meta(struct snapshot *snapshot, const char **text, size_t *len)
{
    const uint8_t *value;
    int rc = snapshot_get(snapshot, "m", 1, &value, len);

    if (rc == 1)
        *text = (const char *)value;
    return rc;
}
