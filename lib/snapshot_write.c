/* The writing half of snapshot.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "snapshot.h"
#include "snapshot_format.h"

static int
fail(struct snapshot_writer *writer, const char *what)
{
    int code = errno;

    /* tinycdb says so when positions no longer fit 32 bits. */
    if (code == ENOMEM)
        return error_set(writer->error, "%s: out of memory, or more than the 4 GiB of a cdb file",
                         writer->temporary);
    return error_set(writer->error, "%s: %s: %s", writer->temporary, what, strerror(code));
}

int
snapshot_begin(struct snapshot_writer *writer, const char *path, struct error *error)
{
    *writer = (struct snapshot_writer){.fd = -1, .error = error};
    writer->path = strdup(path);
    if (writer->path == NULL || asprintf(&writer->temporary, "%s.tmp", path) < 0) {
        writer->temporary = NULL;
        snapshot_abort(writer);
        return error_set(error, "out of memory");
    }
    unlink(writer->temporary);
    writer->fd = open(writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    /* The responder reads it as the group, whatever umask the compiler runs under. */
    if (writer->fd < 0 || fchmod(writer->fd, 0640) != 0) {
        fail(writer, "cannot be made");
        snapshot_abort(writer);
        return -1;
    }
    cdb_make_start(&writer->make, writer->fd);
    return 0;
}

int
snapshot_put(struct snapshot_writer *writer, const void *key, size_t key_len, const void *value,
             size_t value_len)
{
    uint8_t stack[512], *bytes = stack;
    int rc;

    if (value_len > UINT32_MAX - 1024 || key_len > 255)
        return error_set(writer->error, "%s: a record is too large", writer->temporary);
    if (value_len + CHECKSUM_SIZE > sizeof(stack)) {
        bytes = malloc(value_len + CHECKSUM_SIZE);
        if (bytes == NULL)
            return error_set(writer->error, "out of memory");
    }
    put_u64(bytes, record_checksum(key, (uint32_t)key_len, value, (uint32_t)value_len));
    memcpy(bytes + CHECKSUM_SIZE, value, value_len);
    errno = 0;
    rc = cdb_make_add(&writer->make, key, (unsigned)key_len, bytes,
                      (unsigned)(value_len + CHECKSUM_SIZE));
    if (bytes != stack)
        free(bytes);
    return rc == 0 ? 0 : fail(writer, "cannot be written");
}

int
snapshot_put_device(struct snapshot_writer *writer, const struct uuid *uuid,
                    const struct snapshot_device *device)
{
    uint8_t value[DEVICE_HEAD + 2 * 255];

    if (device->name_len == 0 || device->name_len > 255 || device->user_len > 255)
        return error_set(writer->error, "a device's or user's name is empty or too long");
    put_u32(value, device->set | (device->is_by_token_only ? SET_BY_TOKEN_ONLY : 0));
    put_u64(value + 4, (uint64_t)device->expires);
    put_u64(value + 12, (uint64_t)device->user_id);
    put_u64(value + 20, device->traffic_limit);
    value[28] = (uint8_t)device->name_len;
    memcpy(value + DEVICE_HEAD, device->name, device->name_len);
    if (device->user_len > 0)
        memcpy(value + DEVICE_HEAD + device->name_len, device->user, device->user_len);
    return snapshot_put(writer, uuid->bytes, sizeof(uuid->bytes), value,
                        DEVICE_HEAD + device->name_len + device->user_len);
}

int
snapshot_put_token(struct snapshot_writer *writer, const uint8_t hash[TOKEN_HASH],
                   const struct snapshot_token *token)
{
    uint8_t value[TOKEN_SIZE];

    memcpy(value, token->uuid.bytes, sizeof(token->uuid.bytes));
    put_u64(value + sizeof(token->uuid.bytes), (uint64_t)token->until);
    return snapshot_put(writer, hash, TOKEN_HASH, value, sizeof(value));
}

int
snapshot_put_set(struct snapshot_writer *writer, uint32_t number, int form, const void *bytes,
                 size_t len)
{
    uint8_t key[6] = {'s'};

    put_u32(key + 1, number);
    key[5] = (uint8_t)form;
    return snapshot_put(writer, key, sizeof(key), bytes, len);
}

int
snapshot_put_frame(struct snapshot_writer *writer, int frame, const void *bytes, size_t len)
{
    uint8_t key[2] = {'f', (uint8_t)frame};

    return snapshot_put(writer, key, sizeof(key), bytes, len);
}

int
snapshot_put_meta(struct snapshot_writer *writer, const char *text, size_t len)
{
    return snapshot_put(writer, "m", 1, text, len);
}

/* The checksums of what now lies in the file. */
static int
make_footer(struct snapshot_writer *writer, size_t size, uint8_t footer[FOOTER_SIZE])
{
    const uint8_t *file = mmap(NULL, size, PROT_READ, MAP_SHARED, writer->fd, 0);
    unsigned i;

    if (file == MAP_FAILED)
        return fail(writer, "cannot be mapped");
    memset(footer, 0, FOOTER_SIZE);
    memcpy(footer, SNAPSHOT_MAGIC, sizeof(SNAPSHOT_MAGIC) - 1);
    put_u32(footer + FOOTER_FORMAT, SNAPSHOT_FORMAT);
    put_u64(footer + FOOTER_BYTES, size + FOOTER_SIZE);
    put_u64(footer + FOOTER_TOC, checksum(file, TOC_SIZE));
    for (i = 0; i < 256; i++)
        put_u64(footer + FOOTER_TABLES + 8 * i,
                checksum(file + get_u32(file + 8 * i), 8 * (size_t)get_u32(file + 8 * i + 4)));
    put_u64(footer + FOOTER_CHECKSUM, checksum(footer, FOOTER_CHECKSUM));
    munmap((void *)(uintptr_t)file, size);
    return 0;
}

static int
finish(struct snapshot_writer *writer)
{
    uint8_t footer[FOOTER_SIZE];
    off_t size;
    int rc;

    errno = 0;
    rc = cdb_make_finish(&writer->make);
    /* It has freed its lists either way. */
    writer->make.cdb_bpos = NULL;
    /* So it calls having no memory here. */
    if (rc != 0 && errno == ENOENT)
        errno = ENOMEM;
    if (rc != 0)
        return fail(writer, "cannot be written");
    size = lseek(writer->fd, 0, SEEK_END);
    if (size < 0)
        return fail(writer, "cannot be written");
    if (size > (off_t)UINT32_MAX - FOOTER_SIZE)
        return error_set(writer->error, "%s: larger than the 4 GiB that a cdb file can have",
                         writer->temporary);
    if (make_footer(writer, (size_t)size, footer) != 0)
        return -1;
    if (file_write_all(writer->fd, footer, sizeof(footer)) != 0 || fsync(writer->fd) != 0)
        return fail(writer, "cannot be written");
    if (rename(writer->temporary, writer->path) != 0)
        return fail(writer, "cannot be moved into place");
    /* The new file is in place whatever comes of this; some file systems cannot do it. */
    (void)file_sync_directory(writer->path);
    return 0;
}

static void
release(struct snapshot_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    free(writer->path);
    free(writer->temporary);
    *writer = (struct snapshot_writer){.fd = -1};
}

int
snapshot_commit(struct snapshot_writer *writer)
{
    if (finish(writer) != 0) {
        snapshot_abort(writer);
        return -1;
    }
    release(writer);
    return 0;
}

void
snapshot_abort(struct snapshot_writer *writer)
{
    struct cdb_make *make = &writer->make;
    int null;

    /* tinycdb frees its lists of records only in cdb_make_finish; let it finish into nowhere. */
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    make->cdb_fd = null;
    if (make->cdb_bpos != NULL)
        (void)cdb_make_finish(make);
    if (null >= 0)
        close(null);
    if (writer->temporary != NULL)
        unlink(writer->temporary);
    release(writer);
}
