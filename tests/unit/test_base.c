#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base64.h"
#include "buf.h"
#include "bytes.h"
#include "error.h"
#include "escape.h"
#include "pool.h"
#include "siphash.h"

static void
assert_holds(const struct buf *buf, const char *expected)
{
    assert_false(buf->failed);
    assert_int_equal(strlen(expected), buf->len);
    if (buf->len > 0)
        assert_memory_equal(expected, buf->data, buf->len);
}

static void
test_buf_grows_to_its_cap_and_no_further(void **state)
{
    struct buf buf;
    size_t i;

    (void)state;
    buf_init(&buf, 1000);
    assert_null(buf.data);
    for (i = 0; i < 1000; i++)
        buf_putc(&buf, (char)('a' + i % 26));
    assert_false(buf.failed);
    assert_int_equal(1000, buf.len);
    assert_true(buf.size <= 1000);
    for (i = 0; i < 1000; i++)
        assert_int_equal('a' + i % 26, buf.data[i]);
    buf_putc(&buf, 'x');
    assert_true(buf.failed);
    assert_int_equal(1000, buf.len);
    buf_release(&buf);
    assert_null(buf.data);
    assert_false(buf.failed);
    assert_int_equal(1000, buf.cap);
}

static void
test_buf_error_sticks_until_cleared(void **state)
{
    struct buf buf;
    const char *data;

    (void)state;
    buf_init(&buf, 16);
    buf_puts(&buf, "0123456789");
    buf_puts(&buf, "0123456789");
    assert_true(buf.failed);
    assert_int_equal(10, buf.len);
    /* There is room for these, yet the text would have a hole. */
    buf_puts(&buf, "a");
    buf_printf(&buf, "%d", 1);
    escape_percent(&buf, "b", 1);
    base64_put(&buf, "c", 1);
    assert_false(buf_grow(&buf, 1));
    assert_true(buf.failed);
    assert_int_equal(10, buf.len);
    assert_memory_equal("0123456789", buf.data, 10);
    data = buf.data;
    buf_clear(&buf);
    assert_ptr_equal(data, buf.data);
    buf_puts(&buf, "fits");
    assert_holds(&buf, "fits");
    buf_release(&buf);
}

static void
test_buf_grow_makes_room_or_says_no(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 4096);
    buf_puts(&buf, "x");
    assert_true(buf_grow(&buf, 4095));
    assert_true(buf.size - buf.len >= 4095);
    assert_int_equal(1, buf.len);
    assert_false(buf_grow(&buf, 4096));
    assert_true(buf.failed);
    buf_clear(&buf);
    assert_false(buf_grow(&buf, SIZE_MAX));
    buf_clear(&buf);
    buf_puts(&buf, "yy");
    assert_false(buf_grow(&buf, SIZE_MAX - 1));
    buf_release(&buf);

    buf_init(&buf, 0);
    buf_put(&buf, NULL, 0);
    buf_puts(&buf, "");
    assert_holds(&buf, "");
    buf_putc(&buf, 'x');
    assert_true(buf.failed);
    buf_release(&buf);
}

static void
test_buf_printf_appends(void **state)
{
    struct buf buf;
    char wide[700];

    (void)state;
    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    buf_init(&buf, 4096);
    buf_puts(&buf, "a");
    buf_printf(&buf, "%s", "");
    buf_printf(&buf, "-%d-%s", -7, "b");
    buf_puts(&buf, "c");
    assert_holds(&buf, "a--7-bc");
    buf_printf(&buf, "%s", wide);
    assert_int_equal(7 + 699, buf.len);
    assert_memory_equal(wide, buf.data + 7, 699);
    buf_release(&buf);
}

/* "May hold up to cap bytes" is about what it holds, not about what a writer would like to have. */
static void
test_every_writer_fills_a_buffer_to_its_cap(void **state)
{
    struct buf printed, escaped, encoded;

    (void)state;
    buf_init(&printed, 8);
    buf_printf(&printed, "%s", "12345678");
    buf_init(&escaped, 8);
    escape_percent(&escaped, "abcdefgh", 8);
    buf_init(&encoded, 8);
    base64_put(&encoded, "foobar", 6);
    assert_holds(&printed, "12345678");
    assert_holds(&escaped, "abcdefgh");
    assert_holds(&encoded, "Zm9vYmFy");
    buf_release(&printed);
    buf_release(&escaped);
    buf_release(&encoded);
}

static void
test_pool_memory_is_aligned_zeroed_and_apart(void **state)
{
    enum { COUNT = 5000 };
    static char *strings[COUNT];
    static uint64_t *numbers[COUNT];
    struct pool pool;
    char expected[32];
    size_t i;

    (void)state;
    pool_init(&pool);
    for (i = 0; i < COUNT; i++) {
        strings[i] = pool_printf(&pool, "string %zu", i);
        numbers[i] = pool_alloc(&pool, (1 + i % 5) * sizeof(uint64_t));
        assert_non_null(strings[i]);
        assert_non_null(numbers[i]);
        assert_int_equal(0, (uintptr_t)numbers[i] % _Alignof(max_align_t));
        assert_int_equal(0, numbers[i][i % 5]);
        memset(numbers[i], 0xff, (1 + i % 5) * sizeof(uint64_t));
    }
    for (i = 0; i < COUNT; i++) {
        snprintf(expected, sizeof(expected), "string %zu", i);
        assert_string_equal(expected, strings[i]);
    }
    pool_release(&pool);
    pool_release(&pool);
}

static void
test_pool_takes_any_size(void **state)
{
    struct pool pool;
    unsigned char *large;
    char *before, *copy;
    size_t i;

    (void)state;
    pool_init(&pool);
    before = pool_copy(&pool, "before", 6);
    large = pool_alloc(&pool, 300000);
    assert_non_null(large);
    for (i = 0; i < 300000; i++)
        assert_int_equal(0, large[i]);
    memset(large, 0xff, 300000);
    copy = pool_copy(&pool, "a\0b!", 3);
    assert_memory_equal("a\0b", copy, 4);
    assert_string_equal("", pool_copy(&pool, "x", 0));
    assert_non_null(pool_alloc(&pool, 0));
    assert_string_equal("before", before);
    assert_null(pool_alloc(&pool, SIZE_MAX));
    assert_null(pool_alloc(&pool, SIZE_MAX - 64));
    assert_string_equal("after", pool_copy(&pool, "after", 5));
    pool_release(&pool);
}

static void
test_escape_keeps_the_unreserved_only(void **state)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char expected[4], byte;
    struct buf buf;
    int c;

    (void)state;
    buf_init(&buf, 64);
    for (c = 0; c < 256; c++) {
        byte = (char)c;
        if (c != 0 && strchr(unreserved, c) != NULL)
            snprintf(expected, sizeof(expected), "%c", c);
        else
            snprintf(expected, sizeof(expected), "%%%02X", (unsigned)c);
        buf_clear(&buf);
        escape_percent(&buf, &byte, 1);
        assert_holds(&buf, expected);
    }
    buf_clear(&buf);
    buf_puts(&buf, "x=");
    escape_percent(&buf, "a b+c", 5);
    escape_percent(&buf, "", 0);
    escape_percent(&buf, "\xf0\x9f\x87\xa9", 4);
    assert_holds(&buf, "x=a%20b%2Bc%F0%9F%87%A9");
    buf_release(&buf);
}

/* RFC 4648 section 4 by its table, one bit after the other. */
static size_t
encode_slowly(const unsigned char *bytes, size_t len, char *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t bit, n = 0;
    unsigned i, digit;

    for (bit = 0; bit < len * 8; bit += 6) {
        digit = 0;
        for (i = 0; i < 6; i++) {
            digit <<= 1;
            if (bit + i < len * 8)
                digit |= bytes[(bit + i) / 8] >> (7 - (bit + i) % 8) & 1;
        }
        out[n++] = alphabet[digit];
    }
    while (n % 4 != 0)
        out[n++] = '=';
    return n;
}

static void
test_base64_of_rfc_4648(void **state)
{
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
    };
    struct buf buf;
    size_t i;

    (void)state;
    buf_init(&buf, 64);
    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        buf_clear(&buf);
        base64_put(&buf, vectors[i][0], strlen(vectors[i][0]));
        assert_holds(&buf, vectors[i][1]);
    }
    base64_put(&buf, "f", 1);
    assert_holds(&buf, "+/+/Zg==");
    buf_release(&buf);
}

static void
test_base64_of_every_length_is_one_line(void **state)
{
    unsigned char bytes[200];
    char expected[300], *exact;
    struct buf buf;
    size_t len, i;

    (void)state;
    for (i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 167 + 251);
    buf_init(&buf, 4096);
    for (len = 0; len <= sizeof(bytes); len++) {
        /* A block of exactly this size shows the sanitizer a read past it. */
        exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, bytes, len);
        buf_clear(&buf);
        base64_put(&buf, exact, len);
        free(exact);
        assert_false(buf.failed);
        assert_int_equal(encode_slowly(bytes, len, expected), buf.len);
        if (len == 0)
            continue;
        assert_memory_equal(expected, buf.data, buf.len);
        assert_null(memchr(buf.data, '\n', buf.len));
    }
    buf_release(&buf);
}

/*
 * SipHash-1-3 of the bytes 00 01 02 … under the key 00 … 0f, by message length, from another
 * implementation (in Python; it gives the 2-4 variant's vector of the paper, CPython's hash() of
 * bytes and the first vector of Rust's tests).
 */
static void
test_siphash_1_3(void **state)
{
    static const uint64_t vectors[64] = {
        UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93), UINT64_C(0x82cb9b024dc7d44d),
        UINT64_C(0x8bf80ab8e7ddf7fb), UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
        UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140), UINT64_C(0x369095118d299a8e),
        UINT64_C(0x25a48eb36c063de4), UINT64_C(0x79de85ee92ff097f), UINT64_C(0x70c118c1f94dc352),
        UINT64_C(0x78a384b157b4d9a2), UINT64_C(0x306f760c1229ffa7), UINT64_C(0x605aa111c0f95d34),
        UINT64_C(0xd320d86d2a519956), UINT64_C(0xcc4fdd1a7d908b66), UINT64_C(0x9cf2689063dbd80c),
        UINT64_C(0x8ffc389cb473e63e), UINT64_C(0xf21f9de58d297d1c), UINT64_C(0xc0dc2f46a6cce040),
        UINT64_C(0xb992abfe2b45f844), UINT64_C(0x7ffe7b9ba320872e), UINT64_C(0x525a0e7fdae6c123),
        UINT64_C(0xf464aeb267349c8c), UINT64_C(0x45cd5928705b0979), UINT64_C(0x3a3e35e3ca9913a5),
        UINT64_C(0xa91dc74e4ade3b35), UINT64_C(0xfb0bed02ef6cd00d), UINT64_C(0x88d93cb44ab1e1f4),
        UINT64_C(0x540f11d643c5e663), UINT64_C(0x2370dd1f8c21d1bc), UINT64_C(0x81157b6c16a7b60d),
        UINT64_C(0x4d54b9e57a8ff9bf), UINT64_C(0x759f12781f2a753e), UINT64_C(0xcea1a3bebf186b91),
        UINT64_C(0x2cf508d3ada26206), UINT64_C(0xb6101c2da3c33057), UINT64_C(0xb3f47496ae3a36a1),
        UINT64_C(0x626b57547b108392), UINT64_C(0xc1d2363299e41531), UINT64_C(0x667cc1923f1ad944),
        UINT64_C(0x65704ffec8138825), UINT64_C(0x24f280d1c28949a6), UINT64_C(0xc2ca1cedfaf8876b),
        UINT64_C(0xc2164bfc9f042196), UINT64_C(0xa16e9c9368b1d623), UINT64_C(0x49fb169c8b5114fd),
        UINT64_C(0x9f3143f8df074c46), UINT64_C(0xc6fdaf2412cc86b3), UINT64_C(0x7eaf49d10a52098f),
        UINT64_C(0x1cf313559d292f9a), UINT64_C(0xc44a30dda2f41f12), UINT64_C(0x36fae98943a71ed0),
        UINT64_C(0x318fb34c73f0bce6), UINT64_C(0xa27abf3670a7e980), UINT64_C(0xb4bcc0db243c6d75),
        UINT64_C(0x23f8d852fdb71513), UINT64_C(0x8f035f4da67d8a08), UINT64_C(0xd89cd0e5b7e8f148),
        UINT64_C(0xf6f4e6bcf7a644ee), UINT64_C(0xaec59ad80f1837f2), UINT64_C(0xc3b2f6154b6694e0),
        UINT64_C(0x9d199062b7bbb3a8),
    };
    uint8_t key[16], message[64 + 1];
    size_t i, at;

    (void)state;
    for (i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)i;
    for (at = 0; at < 2; at++) {
        for (i = 0; i < 64; i++)
            message[at + i] = (uint8_t)i;
        for (i = 0; i < 64; i++)
            assert_true(siphash(key, message + at, i) == vectors[i]);
    }
    key[15] ^= 1;
    assert_true(siphash(key, message + 1, 63) != vectors[63]);
}

static void
test_bytes_are_little_endian_anywhere(void **state)
{
    uint8_t memory[17];
    size_t at;

    (void)state;
    for (at = 0; at < 8; at++) {
        memset(memory, 0xee, sizeof(memory));
        put_u32(memory + at, UINT32_C(0xf4f3f201));
        assert_memory_equal("\x01\xf2\xf3\xf4\xee", memory + at, 5);
        assert_true(get_u32(memory + at) == UINT32_C(0xf4f3f201));
        put_u64(memory + at, UINT64_C(0xf8f7f6f5f4f3f201));
        assert_memory_equal("\x01\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xee", memory + at, 9);
        assert_true(get_u64(memory + at) == UINT64_C(0xf8f7f6f5f4f3f201));
    }
}

static void
test_error_names_the_place_that_is_known(void **state)
{
    struct error error;
    char text[64], tiny[9];

    (void)state;
    assert_int_equal(-1, error_set_at(&error, 3, 14, "no %s", "good"));
    assert_string_equal("users/7.json:3:14: no good",
                        error_string(&error, "users/7.json", text, sizeof(text)));
    assert_string_equal("users/7.", error_string(&error, "users/7.json", tiny, sizeof(tiny)));
    assert_int_equal(-1, error_set(&error, "bad"));
    assert_int_equal(0, error.line);
    assert_string_equal("users: bad", error_string(&error, "users", text, sizeof(text)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_grows_to_its_cap_and_no_further),
        cmocka_unit_test(test_buf_error_sticks_until_cleared),
        cmocka_unit_test(test_buf_grow_makes_room_or_says_no),
        cmocka_unit_test(test_buf_printf_appends),
        cmocka_unit_test(test_every_writer_fills_a_buffer_to_its_cap),
        cmocka_unit_test(test_pool_memory_is_aligned_zeroed_and_apart),
        cmocka_unit_test(test_pool_takes_any_size),
        cmocka_unit_test(test_escape_keeps_the_unreserved_only),
        cmocka_unit_test(test_base64_of_rfc_4648),
        cmocka_unit_test(test_base64_of_every_length_is_one_line),
        cmocka_unit_test(test_siphash_1_3),
        cmocka_unit_test(test_bytes_are_little_endian_anywhere),
        cmocka_unit_test(test_error_names_the_place_that_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
