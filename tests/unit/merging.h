/*
 * Pass after pass over a registry in memory, as a compile makes them: what is read now is merged
 * with what is known.
 */
#ifndef SIGNPOST_UNIT_MERGING_H
#define SIGNPOST_UNIT_MERGING_H

#include "findings.h"
#include "sample.h"

#define UNREADABLE "{"

static struct registry known;
static struct findings findings;
static struct merge merge;
static struct error error;

/* What the next passes do: the time moves on by 1000 s with each. */
static inline int
set_up(void **state)
{
    (void)state;
    registry_init(&known);
    findings_init(&findings);
    merge = (struct merge){.is_whole = true, .now = 0, .max_shrink = 50};
    return 0;
}

static inline int
tear_down(void **state)
{
    (void)state;
    registry_release(&known);
    return 0;
}

/* Reads a list of files into fresh; a file without text is gone. */
static inline void
read_files(struct registry *fresh, const struct sample_file *files)
{
    registry_init(fresh);
    for (; files->name != NULL; files++) {
        struct registry_file file = {.kind = files->kind,
                                     .name = files->name,
                                     .bytes = files->text,
                                     .len = files->text != NULL ? strlen(files->text) : 0,
                                     .facts = (uint64_t)merge.now,
                                     .content = (uint64_t)merge.now + 1};

        assert_int_equal(0, registry_put(fresh, &file, NULL, &error));
    }
    assert_int_equal(0, registry_sort(fresh, NULL));
}

/* One pass. Returns what registry_merge does; when it refuses, what is known stays. */
static inline int
pass(const struct sample_file *files)
{
    struct registry fresh;
    enum kind kind;
    int rc;

    merge.now += 1000;
    findings_init(&findings);
    error.text[0] = '\0';
    read_files(&fresh, files);
    rc = registry_merge(&fresh, &known, &merge, &findings.report, &error);
    if (rc != 0) {
        assert_true(error.text[0] != '\0');
        registry_release(&fresh);
        return rc;
    }
    for (kind = 0; kind < KINDS; kind++)
        assert_null(registry_at(&known, kind, 0));
    known = fresh;
    return 0;
}

/* A pass that must not be refused. */
static inline void
pass_well(bool is_whole, const struct sample_file *files)
{
    merge.is_whole = is_whole;
    if (pass(files) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(0, findings.count);
}

/* The only record of a kind. */
static inline const struct record *
only(enum kind kind)
{
    assert_non_null(registry_at(&known, kind, 0));
    assert_null(registry_at(&known, kind, 1));
    return registry_at(&known, kind, 0);
}

#define over_passes(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
