/* set.h: the encoded set of endpoints, there and back, damaged, and too large. */
#include "unit.h"

#include "bytes.h"
#include "sample.h"
#include "set.h"

enum { MOST = SET_MAX + 100 };

struct fixture {
    struct endpoint endpoints[MOST];
    const struct endpoint *list[MOST];
    char ids[MOST][16];
    size_t count;
    struct buf forms[SET_FORMS];
    struct buf *links;
    struct set set;
    size_t encoded;
};

/* Large: one for all tests. */
static struct fixture f;
static const struct policy_options no_options = {.core = NULL};

static void
clear(void)
{
    int i;

    for (i = 0; i < SET_FORMS; i++)
        buf_clear(&f.forms[i]);
}

static int
setup(void **state)
{
    int i;

    (void)state;
    memset(&f, 0, sizeof(f));
    for (i = 0; i < SET_FORMS; i++)
        buf_init(&f.forms[i], 2 * SET_BYTES_MAX);
    f.links = &f.forms[SET_LINKS];
    return 0;
}

static int
teardown(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < SET_FORMS; i++)
        buf_release(&f.forms[i]);
    return 0;
}

/* Adds an endpoint; its path makes the link as long as wanted. */
static struct endpoint *
add(const char *path)
{
    struct endpoint *endpoint = &f.endpoints[f.count];

    snprintf(f.ids[f.count], sizeof(f.ids[0]), "e%04zu", f.count);
    *endpoint = (struct endpoint){.id = f.ids[f.count], .label = f.ids[f.count], .priority = 100};
    client_defaults(&endpoint->client, NULL);
    endpoint->client.type = TRANSPORT_WS;
    endpoint->client.address = endpoint->client.sni = "a.example";
    endpoint->client.path = path;
    f.list[f.count++] = endpoint;
    return endpoint;
}

static void
encode(const struct policy_options *options)
{
    struct error error;

    assert_int_equal(0, set_encode(f.forms, f.list, f.count, options, false, &f.encoded, &error));
    assert_false(f.links->failed);
}

/* Decodes from a block of exactly this size, so that reading past it is noticed. */
static int
decode_exactly(const void *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    uint32_t i;
    int rc;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    copy = realloc(copy, len > 0 ? len : 1);
    assert_non_null(copy);
    rc = set_decode(copy, len, &f.set);
    if (rc == 0) {
        assert_true(f.set.count <= SET_MAX);
        for (i = 0; i < f.set.count; i++) {
            const struct set_entry *entry = &f.set.entries[i];

            assert_true(entry->middle >= copy && entry->middle_len <= len &&
                        entry->middle + entry->middle_len <= copy + len);
            assert_true(entry->remark >= copy && entry->remark_len <= len &&
                        entry->remark + entry->remark_len <= copy + len);
        }
    }
    free(copy);
    return rc;
}

static bool
is_text(const char *bytes, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(bytes, text, len) == 0;
}

static void
test_goes_there_and_back(void **state)
{
    struct policy_options options = {.by_name = true, .max_links = 3};
    size_t i;

    (void)state;
    add("/a");
    add("/b")->priority = -PRIORITY_MAX;
    add("/c")->domain_place = INT32_MAX;
    encode(&options);
    assert_int_equal(3, f.encoded);
    assert_int_equal(0, set_decode(f.links->data, f.links->len, &f.set));
    assert_true(f.set.by_name);
    assert_int_equal(3, f.set.max_links);
    assert_int_equal(3, f.set.count);
    assert_true(is_text(f.set.entries[0].middle, f.set.entries[0].middle_len,
                        "@a.example:443?type=ws&encryption=none&path=%2Fa&security=tls"
                        "&sni=a.example#"));
    assert_true(is_text(f.set.entries[2].remark, f.set.entries[2].remark_len, "\x01%20e0002"));
    /* Ids name endpoints, whatever set they are in and wherever. */
    assert_int_not_equal(f.set.entries[0].id, f.set.entries[1].id);
    {
        uint64_t ids[] = {f.set.entries[0].id, f.set.entries[2].id};

        f.list[0] = &f.endpoints[2];
        f.list[1] = &f.endpoints[0];
        f.count = 2;
        clear();
        encode(&no_options);
        assert_int_equal(0, set_decode(f.links->data, f.links->len, &f.set));
        assert_false(f.set.by_name);
        assert_int_equal(0, f.set.max_links);
        for (i = 0; i < 2; i++)
            assert_true(f.set.entries[i].id == ids[1 - i]);
    }
}

static void
test_ranks_by_priority_then_domain(void **state)
{
    static const int32_t priorities[][2] = {{-PRIORITY_MAX, 0},
                                            {-PRIORITY_MAX, INT32_MAX},
                                            {-1, 100},
                                            {0, 0},
                                            {0, 1},
                                            {100, 99},
                                            {100, 100},
                                            {100, INT32_MAX},
                                            {101, 0},
                                            {PRIORITY_MAX, 0}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++) {
        add("/")->priority = priorities[i][0];
        f.endpoints[i].domain_place = priorities[i][1];
    }
    encode(&no_options);
    assert_int_equal(0, set_decode(f.links->data, f.links->len, &f.set));
    for (i = 1; i < f.set.count; i++)
        assert_true(f.set.entries[i - 1].rank < f.set.entries[i].rank);
}

static void
test_appends_and_takes_none(void **state)
{
    (void)state;
    buf_puts(f.links, "before");
    encode(&no_options);
    assert_int_equal(0, f.encoded);
    assert_memory_equal("before", f.links->data, 6);
    assert_int_equal(0, decode_exactly(f.links->data + 6, f.links->len - 6));
    assert_int_equal(0, f.set.count);
    f.links->len = 6;
    add("/a");
    encode(&no_options);
    assert_int_equal(0, decode_exactly(f.links->data + 6, f.links->len - 6));
    assert_int_equal(1, f.set.count);
}

static void
test_refuses_every_cut(void **state)
{
    size_t len;

    (void)state;
    add("/a");
    add("/b");
    encode(&no_options);
    for (len = 0; len < f.links->len; len++)
        assert_int_equal(-1, decode_exactly(f.links->data, len));
    assert_int_equal(0, decode_exactly(f.links->data, f.links->len));
    buf_putc(f.links, '\0');
    assert_int_equal(-1, decode_exactly(f.links->data, f.links->len));
}

static void
test_refuses_lengths_that_wrap(void **state)
{
    static const uint32_t lengths[] = {UINT32_MAX, UINT32_MAX - 1, 0x80000000, 0x7fffffff};
    uint8_t *entry;
    size_t i, room;

    (void)state;
    add("/a");
    encode(&no_options);
    entry = (uint8_t *)f.links->data + 12;
    room = f.links->len - 12 - 44;
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        put_u32(entry + 36, lengths[i]);
        put_u32(entry + 40, (uint32_t)room - lengths[i]);
        assert_int_equal(-1, decode_exactly(f.links->data, f.links->len));
        put_u32(entry + 36, (uint32_t)room - lengths[i]);
        put_u32(entry + 40, lengths[i]);
        assert_int_equal(-1, decode_exactly(f.links->data, f.links->len));
    }
    put_u32(entry + 36, (uint32_t)room);
    put_u32(entry + 40, 0);
    assert_int_equal(0, decode_exactly(f.links->data, f.links->len));
}

/* More entries than there is room for, each of them well-formed. */
static void
test_refuses_more_than_fit(void **state)
{
    static const uint32_t counts[] = {SET_MAX, SET_MAX + 1, 0x10000, UINT32_MAX};
    uint8_t head[12] = {0}, entry[44] = {0};
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        put_u32(head + 8, counts[i]);
        clear();
        buf_put(f.links, head, sizeof(head));
        for (n = 0; n < counts[i] && n <= SET_MAX; n++)
            buf_put(f.links, entry, sizeof(entry));
        assert_int_equal(counts[i] == SET_MAX ? 0 : -1,
                         decode_exactly(f.links->data, f.links->len));
    }
}

static void
test_survives_any_byte(void **state)
{
    size_t at;
    int byte;

    (void)state;
    add("/a");
    add("/b");
    encode(&no_options);
    for (at = 0; at < f.links->len; at++) {
        char was = f.links->data[at];

        for (byte = 0; byte < 256; byte++) {
            f.links->data[at] = (char)byte;
            (void)decode_exactly(f.links->data, f.links->len);
        }
        f.links->data[at] = was;
    }
    assert_int_equal(0, decode_exactly(f.links->data, f.links->len));
}

/* The other forms, from blocks of exactly their size: cut anywhere, and with any byte changed. */
static void
test_outbounds_are_checked(void **state)
{
    int form, byte;
    size_t len;

    (void)state;
    add("/a");
    add("/b");
    encode(&no_options);
    assert_int_equal(0, set_decode(f.links->data, f.links->len, &f.set));
    for (form = 0; form < SET_LINKS; form++) {
        struct buf *buf = &f.forms[form];

        for (len = 0; len <= buf->len; len++) {
            char *copy = malloc(len > 0 ? len : 1);

            assert_non_null(copy);
            memcpy(copy, buf->data, len);
            assert_int_equal(len < buf->len ? -1 : 0, set_decode_outbounds(copy, len, &f.set));
            free(copy);
        }
        for (len = 0; len < buf->len; len++) {
            char *copy = malloc(buf->len);

            assert_non_null(copy);
            memcpy(copy, buf->data, buf->len);
            for (byte = 0; byte < 256; byte += 5) {
                copy[len] = (char)byte;
                if (set_decode_outbounds(copy, buf->len, &f.set) == 0)
                    assert_true(f.set.entries[1].outbound + f.set.entries[1].outbound_len ==
                                copy + buf->len);
            }
            free(copy);
        }
        assert_int_equal(0, set_decode_outbounds(buf->data, buf->len, &f.set));
        assert_true(is_text(f.set.entries[1].name, f.set.entries[1].name_len, "\x01 e0001"));
    }
    f.set.count = 1;
    assert_int_equal(-1, set_decode_outbounds(f.forms[0].data, f.forms[0].len, &f.set));
}

static void
test_survives_noise(void **state)
{
    uint32_t seed = 7;
    int round, n;

    (void)state;
    add("/a");
    add("/b");
    add("/c");
    for (round = 0; round < 20000; round++) {
        clear();
        encode(&no_options);
        for (n = 1 + (int)(sample_random(&seed) % 6); n > 0; n--)
            f.links->data[sample_random(&seed) % f.links->len] = (char)sample_random(&seed);
        if (sample_random(&seed) % 4 == 0)
            f.links->len = sample_random(&seed) % (f.links->len + 1);
        (void)decode_exactly(f.links->data, f.links->len);
    }
}

static void
test_ends_at_the_greatest_number(void **state)
{
    static const size_t counts[] = {SET_MAX - 1, SET_MAX, SET_MAX + 1, MOST};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t expected = counts[i] < SET_MAX ? counts[i] : SET_MAX;

        while (f.count < counts[i])
            add("/");
        clear();
        encode(&no_options);
        assert_int_equal(expected, f.encoded);
        assert_int_equal(0, set_decode(f.links->data, f.links->len, &f.set));
        assert_int_equal(expected, f.set.count);
    }
}

static void
test_ends_at_the_greatest_size(void **state)
{
    static char path[12 * 1024];

    (void)state;
    memset(path, 'p', sizeof(path) - 1);
    while (f.count < 100)
        add(path);
    encode(&no_options);
    assert_true(f.encoded > 80 && f.encoded < 100);
    assert_true(f.links->len <= SET_BYTES_MAX);
    /* The first form that is full ends all of them. */
    assert_true(f.forms[OUTBOUND_CLASH].len + sizeof(path) + 500 > SET_BYTES_MAX);
    assert_int_equal(0, set_decode(f.links->data, f.links->len, &f.set));
    assert_int_equal(f.encoded, f.set.count);
}

/* What is before an endpoint that fits nowhere is kept, and it is no lack of memory. */
static void
test_leaves_out_what_fits_nowhere(void **state)
{
    static const size_t lengths[] = {SET_BYTES_MAX - 200, SET_BYTES_MAX + 1};
    char *path;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        path = malloc(lengths[i] + 1);
        assert_non_null(path);
        memset(path, 'p', lengths[i]);
        path[lengths[i]] = '\0';
        f.count = 0;
        add("/small");
        add(path);
        clear();
        encode(&no_options);
        assert_int_equal(1, f.encoded);
        assert_int_equal(0, set_decode(f.links->data, f.links->len, &f.set));
        assert_int_equal(1, f.set.count);
        free(path);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_goes_there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranks_by_priority_then_domain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_appends_and_takes_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_every_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_lengths_that_wrap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_more_than_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_survives_any_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outbounds_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_survives_noise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_at_the_greatest_number, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_at_the_greatest_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaves_out_what_fits_nowhere, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
