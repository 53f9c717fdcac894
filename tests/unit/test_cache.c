/* cache.h: what is saved is loaded again, and anything else is refused as a whole. */
#include "unit.h"

#include <dirent.h>

#include "cache.h"
#include "pack.h"
#include "tree.h"

#define ORIGIN "files /srv/registry"

enum { CACHE_MAX = 16 * 1024, PIECE = 1024 * 1024, MANY = 3 * PIECE / 8 };

static struct error error;
static struct registry registry, loaded;
static struct cache cache;

static int
set_up(void **state)
{
    registry_init(&registry);
    registry_init(&loaded);
    error.text[0] = '\0';
    return tree_set_up(state);
}

static int
tear_down(void **state)
{
    registry_release(&registry);
    registry_release(&loaded);
    return tree_tear_down(state);
}

/* A registry with troubles, two files for one record and files that are no record. */
static void
make_registry(void)
{
    sample_registry(&registry, FILES({KIND_USER, "8.json", "{"}, {KIND_USER, "9.json", USER "}"},
                                     {KIND_USER, "9.yaml", USER "}"}, {KIND_USER, "Иван.json", ""},
                                     {KIND_NODE, "fe80::1.json", ACTIVE "}"},
                                     {KIND_ROLE, "core_" CORE ".json", ACTIVE "}"},
                                     {KIND_ENDPOINT, "e.json",
                                      ACTIVE ", \"address\": \"a.example\""
                                             ", \"type\": \"ws\"}"},
                                     {KIND_DEVICE, "phone.json", "{}"}));
    snprintf(registry.version, VERSION_MAX, "files-0123456789abcdef");
}

/* Saves with these numbers, which must go well. */
static void
save(const uint64_t *said, size_t count)
{
    if (cache_save(tree_top, &registry,
                   &(struct cache){.origin = ORIGIN, .said = said, .said_count = count},
                   &error) != 0)
        fail_msg("%s", error.text);
}

static int
load(void)
{
    registry_release(&loaded);
    error.text[0] = '\0';
    memset(&cache, 0x5a, sizeof(cache));
    return cache_load(tree_top, &loaded, &cache, &error);
}

/* Packed, both registries are the same bytes: test_pack.c makes sure that nothing is left out. */
static void
assert_loaded_is_saved(void)
{
    struct buf one, two;
    const void *record;
    enum kind kind;
    size_t i;

    buf_init(&one, PIECE);
    buf_init(&two, PIECE);
    for (kind = 0; kind < KINDS; kind++) {
        for (i = 0; (record = registry_at(&registry, kind, i)) != NULL; i++)
            pack_record(&one, kind, record);
        for (i = 0; (record = registry_at(&loaded, kind, i)) != NULL; i++)
            pack_record(&two, kind, record);
        assert_int_equal(one.len, two.len);
        if (one.len > 0)
            assert_memory_equal(one.data, two.data, one.len);
    }
    buf_release(&one);
    buf_release(&two);
    assert_string_equal(registry.version, loaded.version);
    assert_int_equal(registry.strays.count, loaded.strays.count);
    for (i = 0; i < registry.strays.count; i++) {
        assert_string_equal(registry.strays.items[i].path, loaded.strays.items[i].path);
        assert_string_equal(registry.strays.items[i].text, loaded.strays.items[i].text);
        assert_int_equal(registry.strays.items[i].level, loaded.strays.items[i].level);
    }
}

/* Nothing comes of it but the error. */
static void
assert_refused(const char *words)
{
    enum kind kind;

    assert_int_equal(-1, load());
    if (strstr(error.text, words) == NULL || strstr(error.text, tree_path(CACHE_FILE)) == NULL)
        fail_msg("no '%s' in: %s", words, error.text);
    for (kind = 0; kind < KINDS; kind++)
        assert_null(registry_at(&loaded, kind, 0));
    assert_int_equal(0, loaded.strays.count);
    assert_null(loaded.map);
    assert_int_equal('\0', loaded.version[0]);
    assert_null(cache.origin);
    assert_int_equal(0, cache.said_count);
}

/* Everything in the directory but the cache itself. */
static int
count_others(void)
{
    DIR *directory = opendir(tree_top);
    const struct dirent *entry;
    int count = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL)
        count += entry->d_name[0] != '.' && strcmp(entry->d_name, CACHE_FILE) != 0;
    closedir(directory);
    return count;
}

static size_t
read_cache(uint8_t *bytes, size_t size)
{
    int fd = open(tree_path(CACHE_FILE), O_RDONLY | O_CLOEXEC);
    ssize_t len;

    assert_true(fd >= 0);
    len = read(fd, bytes, size);
    close(fd);
    assert_true(len > 0 && (size_t)len < size);
    return (size_t)len;
}

static void
test_gives_back_what_was_saved(void **state)
{
    static const uint64_t said[] = {0, 1, 77, UINT64_MAX};

    (void)state;
    make_registry();
    assert_int_equal(2, registry.strays.count);
    save(said, 4);
    assert_int_equal(0, count_others());
    assert_int_equal(0, load());
    assert_loaded_is_saved();
    assert_string_equal(ORIGIN, cache.origin);
    assert_int_equal(4, cache.said_count);
    assert_memory_equal(said, cache.said, sizeof(said));
    /* The arrays are as good as any: more can be put. */
    sample_add(&loaded, KIND_USER, "1.json", USER "}");
    assert_int_equal(0, registry_sort(&loaded, NULL));
    assert_non_null(registry_user(&loaded, 1));
    assert_non_null(registry_user(&loaded, 7));
}

static void
test_an_empty_registry_is_a_cache_too(void **state)
{
    (void)state;
    save(NULL, 0);
    assert_int_equal(0, load());
    assert_loaded_is_saved();
    assert_int_equal(0, cache.said_count);
}

static void
test_none_is_told_by_an_empty_text(void **state)
{
    (void)state;
    memset(&error, 'x', sizeof(error));
    assert_int_equal(-1, cache_load(tree_top, &loaded, &cache, &error));
    assert_string_equal("", error.text);
    memset(&error, 'x', sizeof(error));
    assert_int_equal(-1, cache_load(tree_path("none"), &loaded, &cache, &error));
    assert_string_equal("", error.text);
    /* One that is there and cannot be used is told of. */
    assert_int_equal(0, mkdir(tree_path(CACHE_FILE), 0700));
    assert_refused("");
    tree_remove(CACHE_FILE);
    tree_write("elsewhere", "x");
    assert_int_equal(0, symlink("elsewhere", tree_path(CACHE_FILE)));
    assert_refused("");
}

static void
test_refuses_a_wrong_byte_anywhere(void **state)
{
    static uint8_t bytes[CACHE_MAX];
    size_t len, at;

    (void)state;
    make_registry();
    save((const uint64_t[]){3}, 1);
    len = read_cache(bytes, sizeof(bytes));
    for (at = 0; at < len; at++) {
        uint8_t mask = (uint8_t)(at % 2 == 0 ? 0xff : 1 << at / 2 % 8);

        bytes[at] ^= mask;
        tree_write_bytes(CACHE_FILE, bytes, len);
        if (load() == 0)
            fail_msg("byte %zu of %zu is not missed", at, len);
        assert_refused(at < 12 ? "another version" : at < 16 ? "" : "damaged");
        bytes[at] ^= mask;
    }
    tree_write_bytes(CACHE_FILE, bytes, len);
    assert_int_equal(0, load());
    assert_loaded_is_saved();
}

static void
test_refuses_every_cut_and_any_growth(void **state)
{
    static uint8_t bytes[CACHE_MAX];
    size_t len, cut;

    (void)state;
    make_registry();
    save((const uint64_t[]){3}, 1);
    len = read_cache(bytes, sizeof(bytes));
    for (cut = 0; cut < len; cut++) {
        tree_write_bytes(CACHE_FILE, bytes, cut);
        assert_refused("damaged");
    }
    tree_write_bytes(CACHE_FILE, bytes, len + 1);
    assert_refused("damaged");
}

/* The checksum is made piece by piece: none may be lost, doubled, or change places. */
static void
test_refuses_pieces_that_are_not_in_order(void **state)
{
    uint8_t *bytes = malloc(5 * PIECE), *piece = malloc(PIECE);
    uint64_t *said = malloc(MANY * sizeof(*said));
    size_t len, i;

    (void)state;
    assert_non_null(bytes);
    assert_non_null(piece);
    assert_non_null(said);
    for (i = 0; i < MANY; i++)
        said[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    make_registry();
    save(said, MANY);
    assert_int_equal(0, load());
    assert_loaded_is_saved();
    assert_int_equal(MANY, cache.said_count);
    assert_memory_equal(said, cache.said, MANY * sizeof(*said));
    len = read_cache(bytes, 5 * (size_t)PIECE);
    tree_write_bytes(CACHE_FILE, bytes, 24 + PIECE);
    assert_refused("damaged");
    memcpy(piece, bytes + 24, PIECE);
    memcpy(bytes + 24, bytes + 24 + PIECE, PIECE);
    memcpy(bytes + 24 + PIECE, piece, PIECE);
    tree_write_bytes(CACHE_FILE, bytes, len);
    assert_refused("damaged");
    memcpy(bytes + 24, piece, PIECE);
    tree_write_bytes(CACHE_FILE, bytes, len);
    assert_refused("damaged");
    free(bytes);
    free(piece);
    free(said);
}

static void
test_is_its_owners_alone_whatever_the_umask(void **state)
{
    static const mode_t masks[] = {0, 022, 077, 0777};
    mode_t was = umask(0), mode;
    struct stat st;
    size_t i;

    (void)state;
    make_registry();
    for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        umask(masks[i]);
        save(NULL, 0);
        umask(was);
        assert_int_equal(0, stat(tree_path(CACHE_FILE), &st));
        mode = st.st_mode & 07777;
        if (mode != 0600)
            fail_msg("umask %03o: mode %03o", masks[i], mode);
    }
}

static void
test_replaces_the_old_one_as_a_whole(void **state)
{
    struct stat st;

    (void)state;
    make_registry();
    save(NULL, 0);
    assert_int_equal(0, load());
    /* What was loaded stays on its file. */
    sample_add(&registry, KIND_USER, "100.json", USER "}");
    assert_int_equal(0, registry_sort(&registry, NULL));
    save(NULL, 0);
    assert_string_equal("Ivan", registry_user(&loaded, 7)->username);
    assert_null(registry_user(&loaded, 100));
    assert_int_equal(0, load());
    assert_loaded_is_saved();
    /* Whatever a crash has left under the temporary name is not written through. */
    tree_write("victim", "untouched");
    assert_int_equal(0, symlink("victim", tree_path(CACHE_FILE ".tmp")));
    save(NULL, 0);
    assert_int_equal(1, count_others());
    assert_int_equal(0, load());
    assert_int_equal(0, stat(tree_path("victim"), &st));
    assert_int_equal(strlen("untouched"), st.st_size);
}

static void
test_another_origin_can_be_seen(void **state)
{
    (void)state;
    make_registry();
    assert_int_equal(
        0, cache_save(tree_top, &registry, &(struct cache){.origin = "git /a/.git b"}, &error));
    assert_int_equal(0, load());
    assert_string_equal("git /a/.git b", cache.origin);
    assert_int_equal(0, cache_save(tree_top, &registry, &(struct cache){.origin = ""}, &error));
    assert_int_equal(0, load());
    assert_string_equal("", cache.origin);
}

/* A save that fails names what it could not write, and leaves everything as it was. */
static void
assert_save_fails(const char *directory, const char *name)
{
    error.text[0] = '\0';
    assert_int_equal(-1,
                     cache_save(directory, &registry, &(struct cache){.origin = ORIGIN}, &error));
    if (strstr(error.text, name) == NULL)
        fail_msg("no '%s' in: %s", name, error.text);
}

static void
test_a_save_that_fails_leaves_no_trace(void **state)
{
    char where[sizeof(tree_name)];
    rlim_t size;

    (void)state;
    make_registry();
    snprintf(where, sizeof(where), "%s", tree_path("none"));
    assert_save_fails(where, where);
    tree_write("file", "");
    snprintf(where, sizeof(where), "%s", tree_path("file"));
    assert_save_fails(where, where);
    tree_remove("file");
    assert_int_equal(0, mkdir(tree_path(CACHE_FILE), 0700));
    assert_save_fails(tree_top, tree_path(CACHE_FILE));
    assert_int_equal(0, count_others());
    tree_remove(CACHE_FILE);
    save(NULL, 0);
    for (size = 0; size < 600; size += 23) {
        sample_limit_files(size);
        assert_save_fails(tree_top, tree_path(CACHE_FILE));
        sample_limit_files(RLIM_INFINITY);
        assert_int_equal(0, count_others());
    }
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(0, load());
    assert_loaded_is_saved();
}

#define with_cache(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_cache(test_gives_back_what_was_saved),
        with_cache(test_an_empty_registry_is_a_cache_too),
        with_cache(test_none_is_told_by_an_empty_text),
        with_cache(test_refuses_a_wrong_byte_anywhere),
        with_cache(test_refuses_every_cut_and_any_growth),
        with_cache(test_refuses_pieces_that_are_not_in_order),
        with_cache(test_is_its_owners_alone_whatever_the_umask),
        with_cache(test_replaces_the_old_one_as_a_whole),
        with_cache(test_another_origin_can_be_seen),
        with_cache(test_a_save_that_fails_leaves_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
