/* pack.h: records as bytes and back: every field, and bytes that are not what was written. */
#include "unit.h"

#include <stdio.h>

#include "packing.h"
#include "sample.h"

enum { PACKED_MAX = 4 * 1024 * 1024, MUTATIONS = 3000 };

static struct pool pool;

static int
set_up(void **state)
{
    (void)state;
    pool_init(&pool);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pool_release(&pool);
    return 0;
}

/* The bytes on the heap and nothing behind them, so that a step too far is seen. */
static uint8_t *
exact(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return copy;
}

static void
pack(struct buf *buf, enum kind kind, enum filling filling)
{
    union any any;

    fill(kind, filling, &any);
    buf_init(buf, PACKED_MAX);
    pack_record(buf, kind, &any);
    assert_false(buf->failed);
}

static void
test_every_field_comes_back(void **state)
{
    union any expected, actual;
    enum filling filling;
    enum kind kind;
    struct buf buf;
    uint8_t *bytes;

    (void)state;
    for (kind = 0; kind < KINDS; kind++) {
        for (filling = 0; filling < FILLINGS; filling++) {
            struct unpack unpack = {.pool = &pool};

            pack(&buf, kind, filling);
            fill(kind, filling, &expected);
            bytes = exact(buf.data, buf.len);
            unpack.at = bytes;
            unpack.end = bytes + buf.len;
            memset(&actual, 0x5a, sizeof(actual));
            unpack_record(&unpack, kind, &actual);
            assert_false(unpack.failed);
            assert_ptr_equal(unpack.end, unpack.at);
            assert_same(kind, &expected, &actual);
            free(bytes);
            buf_release(&buf);
        }
    }
}

/* Unpacks bytes that may be anything, and looks at all that comes of it. Returns `failed`. */
static bool
unpack_anything(const uint8_t *from, size_t len, enum kind kind)
{
    uint8_t *bytes = exact(from, len);
    struct unpack unpack = {bytes, bytes + len, &pool, false};
    const struct trouble *trouble;
    struct buf again;
    union any any;
    size_t i;

    unpack_record(&unpack, kind, &any);
    assert_true(unpack.at >= bytes && unpack.at <= unpack.end);
    trouble = any.record.trouble;
    for (i = 0; trouble != NULL && i < trouble->count; i++)
        assert_in_range(trouble->findings[i].level, 0, FINDING_LEVELS - 1);
    if (!unpack.failed) {
        assert_in_range(any.record.status, 0, STATUS_UNREADABLE);
        assert_non_null(any.record.path);
    }
    buf_init(&again, PACKED_MAX);
    pack_record(&again, kind, &any);
    assert_false(again.failed);
    assert_true(again.len <= len || unpack.failed);
    buf_release(&again);
    free(bytes);
    pool_release(&pool);
    return unpack.failed;
}

static void
test_every_cut_fails(void **state)
{
    enum kind kind;
    struct buf buf;
    size_t len;

    (void)state;
    for (kind = 0; kind < KINDS; kind++) {
        pack(&buf, kind, FULL);
        for (len = 0; len < buf.len; len++)
            assert_true(unpack_anything((uint8_t *)buf.data, len, kind));
        assert_false(unpack_anything((uint8_t *)buf.data, buf.len, kind));
        buf_release(&buf);
    }
}

static void
test_wrong_bytes_do_no_harm(void **state)
{
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    uint32_t seed = 77;
    enum kind kind;
    struct buf buf;
    size_t len, at, i;
    uint8_t was;

    (void)state;
    for (kind = 0; kind < KINDS; kind++) {
        pack(&buf, kind, FULL);
        len = buf.len;
        for (at = 0; at < len; at++) {
            was = (uint8_t)buf.data[at];
            for (i = 0; i < sizeof(values); i++) {
                buf.data[at] = (char)values[i];
                unpack_anything((uint8_t *)buf.data, len, kind);
            }
            buf.data[at] = (char)was;
        }
        for (i = 0; i < MUTATIONS / KINDS; i++) {
            buf.data[sample_random(&seed) % len] = (char)sample_random(&seed);
            unpack_anything((uint8_t *)buf.data, len, kind);
        }
        buf_release(&buf);
    }
}

static void
test_a_status_out_of_range_fails(void **state)
{
    enum kind kind;
    struct buf buf;
    int status;

    (void)state;
    for (kind = 0; kind < KINDS; kind++) {
        pack(&buf, kind, EMPTY);
        for (status = 0; status < 256; status++) {
            buf.data[0] = (char)status;
            assert_int_equal(status > STATUS_UNREADABLE,
                             unpack_anything((uint8_t *)buf.data, buf.len, kind));
        }
        buf_release(&buf);
    }
}

/* A count that the rest cannot hold makes no array, however large a one it asks for. */
static void
test_a_count_takes_no_more_than_is_there(void **state)
{
    static const char *const counts[] = {"\x02", "\x7f", "\xff\xff\xff\xff\x0f",
                                         "\x81\x80\x80\x80\x80\x80\x80\x80\x20"};
    struct unpack unpack;
    struct buf buf;
    uint8_t *bytes;
    union any any;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        pack(&buf, KIND_USER, EMPTY);
        buf.len -= 2; /* its two lists, which are empty */
        buf_puts(&buf, counts[i]);
        buf_putc(&buf, '\0');
        bytes = exact(buf.data, buf.len);
        unpack = (struct unpack){bytes, bytes + buf.len, &pool, false};
        unpack_record(&unpack, KIND_USER, &any);
        assert_true(unpack.failed);
        assert_null(pool.chunks);
        free(bytes);
        buf_release(&buf);
    }
}

static void
test_numbers_of_any_size(void **state)
{
    static const struct {
        uint64_t value;
        size_t len;
    } cases[] = {{0, 1},     {1, 1},          {127, 1},       {128, 2},        {16383, 2},
                 {16384, 3}, {UINT32_MAX, 5}, {INT64_MAX, 9}, {UINT64_MAX, 10}};
    struct buf buf;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct unpack unpack = {.pool = &pool};

        buf_init(&buf, 100);
        pack_number(&buf, cases[i].value);
        assert_int_equal(cases[i].len, buf.len);
        pack_u64(&buf, ~cases[i].value);
        assert_int_equal(cases[i].len + 8, buf.len);
        unpack.at = (uint8_t *)buf.data;
        unpack.end = unpack.at + buf.len;
        assert_true(unpack_number(&unpack) == cases[i].value);
        assert_true(unpack_u64(&unpack) == ~cases[i].value);
        assert_false(unpack.failed);
        assert_ptr_equal(unpack.end, unpack.at);
        buf_release(&buf);
    }
}

/* What is no string or number; behind it everything is 0, however good it is. */
static void
test_after_a_wrong_byte_all_is_nothing(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool is_number;
    } cases[] = {
        {"", 0, false},
        {"\x03"
         "ab\0",
         3, false}, /* longer than what is there */
        {"\x03"
         "abc\0",
         5, false}, /* no NUL at its end */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
         "a",
         11, false},
        {"\x80", 1, true},                                          /* no end */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, true}, /* more than 64 bits */
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *bytes = exact(cases[i].bytes, cases[i].len);
        struct unpack unpack = {bytes, bytes + cases[i].len, &pool, false};

        if (cases[i].is_number)
            assert_true(unpack_number(&unpack) == 0);
        else
            assert_null(unpack_string(&unpack));
        assert_true(unpack.failed);
        unpack.at = bytes;
        assert_true(unpack_u64(&unpack) == 0);
        assert_true(unpack_number(&unpack) == 0);
        assert_null(unpack_string(&unpack));
        assert_true(unpack.failed);
        free(bytes);
    }
}

#define fresh_pool(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fresh_pool(test_every_field_comes_back),
        fresh_pool(test_every_cut_fails),
        fresh_pool(test_wrong_bytes_do_no_harm),
        fresh_pool(test_a_status_out_of_range_fails),
        fresh_pool(test_a_count_takes_no_more_than_is_there),
        fresh_pool(test_numbers_of_any_size),
        fresh_pool(test_after_a_wrong_byte_all_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
