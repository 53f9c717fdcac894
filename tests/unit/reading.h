/* Records read from text into one registry, and what was found meanwhile. */
#ifndef SIGNPOST_UNIT_READING_H
#define SIGNPOST_UNIT_READING_H

#include <stdlib.h>

#include "findings.h"
#include "registry.h"

static struct registry registry;
static struct findings findings;

static inline int
set_up(void **state)
{
    (void)state;
    registry_init(&registry);
    findings_init(&findings);
    return 0;
}

static inline int
tear_down(void **state)
{
    (void)state;
    registry_release(&registry);
    return 0;
}

static inline void
add(enum kind kind, const char *name, const char *text)
{
    struct error error = {0};
    size_t len = strlen(text);
    char *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, text, len);
    if (registry_put(
            &registry,
            &(struct registry_file){.kind = kind, .name = name, .bytes = exact, .len = len},
            &findings.report, &error) != 0)
        fail_msg("%s: %s", name, error.text);
    free(exact);
}

/* The one record of a registry of its own. */
static inline const void *
read_one(enum kind kind, const char *name, const char *text)
{
    tear_down(NULL);
    set_up(NULL);
    add(kind, name, text);
    return registry_at(&registry, kind, 0);
}

static inline enum status
status_of(const void *record)
{
    return ((const struct record *)record)->status;
}

/* Something is found in the file, at the place, with the part in its text. */
static inline void
assert_found(enum finding_level level, const char *path, unsigned line, unsigned column,
             const char *part)
{
    const struct found *found = findings_look(&findings, level, part);

    if (found == NULL || found->line != line || found->column != column ||
        strcmp(found->path, path) != 0) {
        print_error("wanted %s:%u:%u: level %d: …%s…; there is\n", path, line, column, (int)level,
                    part);
        findings_print(&findings);
        fail();
    }
}

static inline void
assert_nothing_found(void)
{
    if (findings.count > 0) {
        findings_print(&findings);
        fail();
    }
}

static inline void
assert_items(const struct strings *list, size_t count, const char *const *items)
{
    size_t i;

    assert_int_equal(count, list->count);
    for (i = 0; i < count; i++)
        assert_string_equal(items[i], list->items[i]);
}

/* A test that starts with an empty registry and no findings. */
#define on_empty(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
