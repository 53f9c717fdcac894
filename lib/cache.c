#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "file.h"
#include "pack.h"
#include "siphash.h"

/* Layout: magic, u32 format, u32 0, u64 checksum of all that follows; then the packed content. */
enum { HEAD = 24, PIECE = 1024 * 1024 };

static const char magic[8] = {'S', 'P', ' ', 'c', 'a', 'c', 'h', 'e'};

/* Checksums are made piece by piece, so that a file can be written without being held whole. */
static uint64_t
chain(uint64_t sum, const void *bytes, size_t len)
{
    static const uint8_t key[16] = "signpost cache 1";
    uint64_t pair[2] = {sum, siphash(key, bytes, len)};

    return siphash(key, pair, sizeof(pair));
}

struct writer {
    int fd;
    struct buf buf; /* what is not written yet; any record fits behind a piece */
    uint64_t sum;
    bool failed;
};

static void
write_piece(struct writer *writer, size_t len)
{
    writer->sum = chain(writer->sum, writer->buf.data, len);
    if (writer->failed || file_write_all(writer->fd, writer->buf.data, len) != 0)
        writer->failed = true;
    writer->buf.len -= len;
    memmove(writer->buf.data, writer->buf.data + len, writer->buf.len);
}

static void
write_full_pieces(struct writer *writer)
{
    while (writer->buf.len >= PIECE)
        write_piece(writer, PIECE);
}

static void
write_content(struct writer *writer, const struct registry *registry, const struct cache *cache)
{
    struct buf *buf = &writer->buf;
    const void *record;
    enum kind kind;
    size_t i;

    pack_string(buf, cache->origin);
    pack_string(buf, registry->version);
    for (kind = 0; kind < KINDS; kind++)
        pack_u64(buf, registry->kinds[kind].count);
    pack_u64(buf, cache->said_count);
    for (i = 0; i < cache->said_count; i++) {
        pack_u64(buf, cache->said[i]);
        write_full_pieces(writer);
    }
    pack_u64(buf, registry->strays.count);
    for (i = 0; i < registry->strays.count; i++) {
        pack_string(buf, registry->strays.items[i].path);
        pack_string(buf, registry->strays.items[i].text);
        write_full_pieces(writer);
    }
    for (kind = 0; kind < KINDS; kind++)
        for (i = 0; (record = registry_at(registry, kind, i)) != NULL; i++) {
            pack_record(buf, kind, record);
            write_full_pieces(writer);
        }
    write_full_pieces(writer);
    if (buf->len > 0)
        write_piece(writer, buf->len);
    writer->failed |= buf->failed;
}

static int
write_file(struct writer *writer, const struct registry *registry, const struct cache *cache)
{
    uint8_t head[HEAD] = {0};

    if (file_write_all(writer->fd, head, sizeof(head)) != 0)
        return -1;
    write_content(writer, registry, cache);
    memcpy(head, magic, sizeof(magic));
    put_u32(head + 8, PACK_FORMAT);
    put_u64(head + 16, writer->sum);
    if (writer->failed || pwrite(writer->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
        return -1;
    return 0;
}

int
cache_save(const char *directory, const struct registry *registry, const struct cache *cache,
           struct error *error)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    struct writer writer = {.sum = 0};
    int rc;

    if (snprintf(path, sizeof(path), "%s/" CACHE_FILE, directory) >= (int)sizeof(path) ||
        snprintf(temporary, sizeof(temporary), "%s/" CACHE_FILE ".tmp", directory) >=
            (int)sizeof(temporary))
        return error_set(error, "%s: too long a path", directory);
    unlink(temporary);
    writer.fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (writer.fd < 0 || fchmod(writer.fd, 0600) != 0) {
        error_set(error, "%s: %s", temporary, strerror(errno));
        if (writer.fd >= 0)
            close(writer.fd);
        return -1;
    }
    buf_init(&writer.buf, 64 * PIECE);
    errno = 0;
    rc = write_file(&writer, registry, cache);
    if (rc != 0)
        error_set(error, "%s: %s", temporary, errno != 0 ? strerror(errno) : "too large a record");
    close(writer.fd);
    buf_release(&writer.buf);
    if (rc == 0 && rename(temporary, path) != 0)
        rc = error_set(error, "%s: %s", path, strerror(errno));
    if (rc != 0)
        unlink(temporary);
    return rc;
}

/* Maps the file and checks that it is what was written. */
static int
map_file(const char *path, struct registry *registry, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const uint8_t *bytes;
    struct stat st;
    uint64_t sum = 0;
    size_t at, piece;
    void *map;

    if (fd < 0)
        return errno == ENOENT ? error_set(error, "%s", "")
                               : error_set(error, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < HEAD ||
        (uintmax_t)st.st_size > SIZE_MAX) {
        close(fd);
        return error_set(error, "%s: damaged", path);
    }
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return error_set(error, "%s: %s", path, strerror(errno));
    registry->map = map;
    registry->map_size = (size_t)st.st_size;
    bytes = map;
    if (memcmp(bytes, magic, sizeof(magic)) != 0 || get_u32(bytes + 8) != PACK_FORMAT ||
        get_u32(bytes + 12) != 0)
        return error_set(error, "%s: of another version of Signpost", path);
    for (at = HEAD; at < registry->map_size; at += piece) {
        piece = registry->map_size - at < PIECE ? registry->map_size - at : PIECE;
        sum = chain(sum, bytes + at, piece);
    }
    return sum == get_u64(bytes + 16) ? 0 : error_set(error, "%s: damaged", path);
}

void
cache_peek(const char *directory, char *origin, size_t size, char version[VERSION_MAX])
{
    uint8_t bytes[HEAD + 2 * PATH_MAX + VERSION_MAX + 64];
    struct unpack unpack = {.at = bytes + HEAD};
    const char *name, *number;
    char path[PATH_MAX];
    ssize_t n = -1;
    int fd;

    origin[0] = version[0] = '\0';
    if (snprintf(path, sizeof(path), "%s/" CACHE_FILE, directory) >= (int)sizeof(path))
        return;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        n = read(fd, bytes, sizeof(bytes));
        close(fd);
    }
    if (n < HEAD || memcmp(bytes, magic, sizeof(magic)) != 0 || get_u32(bytes + 8) != PACK_FORMAT)
        return;
    unpack.end = bytes + n;
    name = unpack_string(&unpack);
    number = unpack_string(&unpack);
    if (name == NULL || number == NULL || strlen(name) >= size || strlen(number) >= VERSION_MAX)
        return;
    memcpy(origin, name, strlen(name) + 1);
    memcpy(version, number, strlen(number) + 1);
}

static void
read_said(struct unpack *unpack, struct cache *cache)
{
    uint64_t count = unpack_u64(unpack), *said, i;

    if (unpack->failed || count > (size_t)(unpack->end - unpack->at) / 8) {
        unpack->failed = true;
        return;
    }
    said = pool_alloc(unpack->pool, (size_t)count * sizeof(*said));
    unpack->failed |= said == NULL;
    for (i = 0; !unpack->failed && i < count; i++)
        said[i] = unpack_u64(unpack);
    cache->said = said;
    cache->said_count = (size_t)count;
}

static void
read_strays(struct unpack *unpack, struct registry *registry)
{
    uint64_t count = unpack_u64(unpack), i;
    struct stray *items;

    if (unpack->failed || count > (size_t)(unpack->end - unpack->at)) {
        unpack->failed = true;
        return;
    }
    items = calloc((size_t)count + 1, sizeof(*items));
    unpack->failed |= items == NULL;
    registry->strays.items = items;
    for (i = 0; !unpack->failed && i < count; i++) {
        items[i].path = unpack_string(unpack);
        items[i].text = unpack_string(unpack);
        items[i].level = FINDING_ERROR;
        unpack->failed |= items[i].path == NULL || items[i].text == NULL;
        registry->strays.count++;
    }
    registry->strays.room = (size_t)count + 1;
}

static void
read_kind(struct unpack *unpack, enum kind kind, uint64_t count, struct registry *registry)
{
    size_t size = kind_size(kind), room;
    char *items;
    uint64_t i;

    if (unpack->failed || count > (size_t)(unpack->end - unpack->at)) {
        unpack->failed = true;
        return;
    }
    /* What is new finds room beside it: registry_merge need not move everything. */
    room = (size_t)count + (size_t)count / 64 + 64;
    items = malloc(room * size);
    unpack->failed |= items == NULL;
    registry_hint_large(items, room * size);
    for (i = 0; !unpack->failed && i < count; i++)
        unpack_record(unpack, kind, items + i * size);
    registry->kinds[kind].items = items;
    registry->kinds[kind].count = unpack->failed ? 0 : (size_t)count;
    registry->kinds[kind].room = room;
}

static bool
read_content(struct registry *registry, struct cache *cache)
{
    const uint8_t *bytes = registry->map;
    struct unpack unpack = {bytes + HEAD, bytes + registry->map_size, &registry->pool, false};
    uint64_t counts[KINDS];
    const char *version;
    enum kind kind;

    cache->origin = unpack_string(&unpack);
    version = unpack_string(&unpack);
    if (cache->origin == NULL || version == NULL || strlen(version) >= VERSION_MAX)
        return false;
    memcpy(registry->version, version, strlen(version) + 1);
    for (kind = 0; kind < KINDS; kind++)
        counts[kind] = unpack_u64(&unpack);
    read_said(&unpack, cache);
    read_strays(&unpack, registry);
    for (kind = 0; kind < KINDS; kind++)
        read_kind(&unpack, kind, counts[kind], registry);
    return !unpack.failed && unpack.at == unpack.end;
}

int
cache_load(const char *directory, struct registry *registry, struct cache *cache,
           struct error *error)
{
    char path[PATH_MAX];
    int rc;

    memset(cache, 0, sizeof(*cache));
    if (snprintf(path, sizeof(path), "%s/" CACHE_FILE, directory) >= (int)sizeof(path))
        return error_set(error, "%s: too long a path", directory);
    rc = map_file(path, registry, error);
    if (rc == 0 && !read_content(registry, cache))
        rc = error_set(error, "%s: damaged, or out of memory", path);
    if (rc != 0) {
        registry_release(registry);
        memset(cache, 0, sizeof(*cache));
    }
    return rc;
}
