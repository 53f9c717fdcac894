#include "known.h"

#include <stdlib.h>
#include <string.h>

#include "siphash.h"

uint64_t
known_path(enum kind kind, const char *name)
{
    static const uint8_t key[16] = "signpost known 1";
    uint64_t hash = siphash(key, name, strlen(name)) + kind;

    return hash != 0 ? hash : 1;
}

struct known_file *
known_find(const struct known *known, uint64_t path)
{
    size_t i = (size_t)path & (known->size - 1);

    while (known->files[i].path != 0 && known->files[i].path != path)
        i = (i + 1) & (known->size - 1);
    return &known->files[i];
}

void
known_expect(const struct known *known, uint64_t path)
{
    __builtin_prefetch(&known->files[(size_t)path & (known->size - 1)], 1);
}

static void
put(struct known *known, enum kind kind, const char *path, const struct record *record)
{
    uint64_t hash = known_path(kind, path + strlen(kind_directory(kind)) + 1);

    *known_find(known, hash) = (struct known_file){hash, record->facts, record, false, false};
}

int
known_init(struct known *known, const struct registry *registry, enum kind kind)
{
    const struct record *record;
    size_t count = 32, i, n;

    for (i = 0; registry != NULL && (record = registry_at(registry, kind, i)) != NULL; i++)
        count += 1 + (record->trouble != NULL ? record->trouble->also.count : 0);
    for (known->size = 64; known->size < count * 2; known->size *= 2)
        ;
    known->files = calloc(known->size, sizeof(*known->files));
    if (known->files == NULL)
        return -1;
    registry_hint_large(known->files, known->size * sizeof(*known->files));
    for (i = 0; registry != NULL && (record = registry_at(registry, kind, i)) != NULL; i++) {
        put(known, kind, record->path, record);
        for (n = 0; record->trouble != NULL && n < record->trouble->also.count; n++)
            put(known, kind, record->trouble->also.items[n], record);
    }
    return 0;
}

void
known_release(struct known *known)
{
    free(known->files);
    known->files = NULL;
}
