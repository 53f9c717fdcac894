/* head.h: looking at a FastCGI request before libfcgi reads it. */
#include "unit.h"

#include "requests.h"

/* Large. */
static struct bytes request, pairs;
static struct head head;

static enum head_verdict
check(void)
{
    return check_exactly(request.at, request.len, &head);
}

/* What is there is judged as such, and nothing that may follow changes it. */
static void
check_bad(void)
{
    assert_int_equal(HEAD_BAD, check());
    put_ends(&request, 1);
    assert_int_equal(HEAD_BAD, check());
}

static void
test_is_part_until_it_is_whole(void **state)
{
    size_t len;

    (void)state;
    put_example(&request);
    for (len = 0; len < request.len; len++)
        assert_int_equal(HEAD_PART, check_exactly(request.at, len, &head));
    assert_int_equal(HEAD_WHOLE, check());
    assert_true(head.keep_connection);
    assert_true(head.is_clean);
}

static void
test_tells_the_keep_flag(void **state)
{
    static const unsigned flags[] = {0, 1, 2, 3, 0xfe, 0xff};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        request.len = 0;
        put_begin(&request, 1, 1, flags[i]);
        put_ends(&request, 1);
        assert_int_equal(HEAD_WHOLE, check());
        assert_int_equal(flags[i] & 1, head.keep_connection);
    }
}

static void
test_takes_any_id_but_zero_and_only_one(void **state)
{
    static const unsigned ids[] = {1, 2, 255, 256, 257, 65535};
    size_t i, at;

    (void)state;
    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        request.len = 0;
        put_begin(&request, ids[i], 1, 0);
        put_record(&request, PARAMS, ids[i], "\1\1ab", 4, 4);
        put_ends(&request, ids[i]);
        assert_int_equal(HEAD_WHOLE, check());
        assert_false(head.keep_connection);
        assert_true(head.is_clean);
        /* Either byte of the id in any record but the first. */
        for (at = 16; at < request.len; at += at == 16 ? 16 : 8) {
            request.at[at + 2] ^= 1;
            assert_int_equal(HEAD_BAD, check());
            request.at[at + 2] ^= 1;
            request.at[at + 3] ^= 1;
            assert_int_equal(HEAD_BAD, check());
            request.at[at + 3] ^= 1;
        }
    }
    request.len = 0;
    put_begin(&request, 0, 1, 0);
    put_ends(&request, 0);
    assert_int_equal(HEAD_BAD, check());
}

static void
test_skips_padding(void **state)
{
    static const size_t paddings[] = {0, 1, 7, 8, 255};
    size_t i, len;

    (void)state;
    for (i = 0; i < sizeof(paddings) / sizeof(paddings[0]); i++) {
        size_t padding = paddings[i];

        request.len = 0;
        put_begin(&request, 1, 1, 1);
        put_record(&request, PARAMS, 1, "\1\1a", 3, padding);
        put_record(&request, PARAMS, 1, "b", 1, padding);
        put_record(&request, PARAMS, 1, NULL, 0, 0);
        put_record(&request, STDIN, 1, NULL, 0, padding);
        assert_int_equal(HEAD_WHOLE, check());
        for (len = 0; len < request.len; len++)
            assert_int_equal(HEAD_PART, check_exactly(request.at, len, &head));
        /* What stands in padding is nobody's business. */
        memset(request.at + request.len - padding, 0xff, padding);
        assert_int_equal(HEAD_WHOLE, check());
    }
}

/* The stream of pairs, cut into two records at every place and into records of every size. */
static void
test_follows_pairs_across_records(void **state)
{
    size_t cut, at, len;

    (void)state;
    pairs.len = 0;
    put_pair(&pairs, "A", "b", false);
    put_pair(&pairs, "NAME", "value", true);
    put_pair(&pairs, "", "", false);
    put_pair(&pairs, "", "", true);
    put_pair(&pairs, "X", "", false);
    put_pair(&pairs, "", "y", true);
    for (cut = 1; cut < pairs.len; cut++) {
        request.len = 0;
        put_begin(&request, 1, 1, 1);
        put_record(&request, PARAMS, 1, pairs.at, cut, 0);
        put_record(&request, PARAMS, 1, pairs.at + cut, pairs.len - cut, 3);
        put_ends(&request, 1);
        assert_int_equal(HEAD_WHOLE, check());
        request.len = 0;
        put_begin(&request, 1, 1, 1);
        for (at = 0; at < pairs.len; at += len) {
            len = pairs.len - at < cut ? pairs.len - at : cut;
            put_record(&request, PARAMS, 1, pairs.at + at, len, 0);
        }
        put_ends(&request, 1);
        assert_int_equal(HEAD_WHOLE, check());
    }
}

static void
test_wants_pairs_that_end_with_the_stream(void **state)
{
    bool is_whole[64] = {false};
    size_t len;

    (void)state;
    pairs.len = 0;
    is_whole[0] = true;
    put_pair(&pairs, "NAME", "value", true);
    is_whole[pairs.len] = true;
    put_pair(&pairs, "A", "b", false);
    is_whole[pairs.len] = true;
    put_pair(&pairs, "", "", false);
    is_whole[pairs.len] = true;
    for (len = pairs.len + 1; len-- > 0;) {
        pairs.len = len;
        put_request(&request, &pairs);
        assert_int_equal(is_whole[len] ? HEAD_WHOLE : HEAD_BAD, check());
    }
}

static void
test_refuses_nul_in_names_and_values(void **state)
{
    size_t at, i;

    (void)state;
    pairs.len = 0;
    put_pair(&pairs, "NAME", "value", false);
    put_pair(&pairs, "OTHER", "", false);
    for (i = 2; i < pairs.len; i++) {
        unsigned char was = pairs.at[i];

        if (i == 11 || i == 12)
            continue; /* lengths */
        pairs.at[i] = 0;
        for (at = 1; at < pairs.len; at++) {
            request.len = 0;
            put_begin(&request, 1, 1, 1);
            put_record(&request, PARAMS, 1, pairs.at, at, 0);
            put_record(&request, PARAMS, 1, pairs.at + at, pairs.len - at, 0);
            check_bad();
        }
        pairs.at[i] = was;
    }
    put_request(&request, &pairs);
    assert_int_equal(HEAD_WHOLE, check());
}

/* libfcgi adds them up in an int and aborts. */
static void
test_refuses_lengths_that_cannot_be(void **state)
{
    static const size_t lengths[] = {0x7fffffff, 0x7ffffffe, 0x7fffff00,
                                     0x40000000, 0x20000,    HEAD_MAX + 1};
    size_t i, cut;
    int which;

    (void)state;
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (which = 0; which < 4; which++) {
            pairs.len = 0;
            if (which >= 2)
                put_pair(&pairs, "A", "b", false);
            put_length(&pairs, which % 2 ? 1 : lengths[i], true);
            put_length(&pairs, lengths[i], true);
            for (cut = 1; cut < pairs.len; cut++) {
                request.len = 0;
                put_begin(&request, 1, 1, 1);
                put_record(&request, PARAMS, 1, pairs.at, cut, 0);
                put_record(&request, PARAMS, 1, pairs.at + cut, pairs.len - cut, 0);
                check_bad();
            }
        }
    }
}

static void
test_counts_pairs(void **state)
{
    int count;

    (void)state;
    for (count = HEAD_PAIRS_MAX - 1; count <= HEAD_PAIRS_MAX + 1; count++) {
        pairs.len = 0;
        while (pairs.len < (size_t)count * 4)
            put_pair(&pairs, "A", "b", false);
        put_request(&request, &pairs);
        assert_int_equal(count <= HEAD_PAIRS_MAX ? HEAD_WHOLE : HEAD_BAD, check());
        memset(pairs.at, 0, pairs.len);
        pairs.len = (size_t)count * 2; /* empty ones count too */
        put_request(&request, &pairs);
        assert_int_equal(count <= HEAD_PAIRS_MAX ? HEAD_WHOLE : HEAD_BAD, check());
    }
}

/* Up to the end of the parameters: HEAD_MAX bytes and not one more. */
static void
test_limits_the_size(void **state)
{
    static char value[HEAD_MAX + 1];
    /* Begin, a record's head, the lengths in four bytes each, the name, the empty record. */
    size_t fits = HEAD_MAX - 16 - 8 - 8 - 1 - 8, len, cut;
    size_t extra;

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    for (extra = 0; extra < 3; extra++) {
        len = fits + extra - 1;
        pairs.len = 0;
        put_length(&pairs, 1, true);
        put_length(&pairs, len, true);
        put(&pairs, "A", 1);
        put(&pairs, value, len);
        put_request(&request, &pairs);
        assert_int_equal(extra < 2 ? HEAD_WHOLE : HEAD_BAD, check());
        for (cut = request.len - 40; cut < request.len; cut++)
            assert_int_not_equal(HEAD_WHOLE, check_exactly(request.at, cut, &head));
    }
    /* A head that says more is refused before the rest is there. */
    request.len = 0;
    put_begin(&request, 1, 1, 1);
    put_record(&request, PARAMS, 1, value, HEAD_MAX - 24 + 1, 0);
    assert_int_equal(HEAD_PART, check_exactly(request.at, 23, &head));
    assert_int_equal(HEAD_BAD, check_exactly(request.at, 24, &head));
    /* So is a drip of records that hold nothing but padding. */
    request.len = 0;
    put_begin(&request, 1, 1, 1);
    while (request.len < HEAD_MAX)
        put_record(&request, PARAMS, 1, "\1\0a", 3, 255);
    assert_int_equal(HEAD_BAD, check());
}

/* A body, or anything behind the request: answer, but do not keep the connection. */
static void
test_is_clean_only_when_nothing_follows(void **state)
{
    size_t empty, len;

    (void)state;
    put_example(&request);
    empty = request.len;
    for (len = 1; len < 20; len++) {
        put_byte(&request, 1);
        assert_int_equal(HEAD_WHOLE, check());
        assert_false(head.is_clean);
    }
    request.len = empty - 8;
    put_record(&request, STDIN, 1, "x", 1, 0);
    put_record(&request, STDIN, 1, NULL, 0, 0);
    for (len = empty - 8; len < empty; len++)
        assert_int_equal(HEAD_PART, check_exactly(request.at, len, &head));
    /* The body itself need not be there. */
    for (; len <= request.len; len++) {
        assert_int_equal(HEAD_WHOLE, check_exactly(request.at, len, &head));
        assert_false(head.is_clean);
    }
    /* Two requests at once. */
    put_example(&request);
    put(&request, request.at, request.len);
    assert_int_equal(HEAD_WHOLE, check());
    assert_false(head.is_clean);
}

static void
test_refuses_other_versions_types_and_roles(void **state)
{
    static const size_t heads[] = {0, 16};
    unsigned value;
    size_t i;

    (void)state;
    for (value = 0; value < 256; value++) {
        for (i = 0; i < 2; i++) {
            put_example(&request);
            request.at[heads[i]] = (unsigned char)value;
            assert_int_equal(value == 1 ? HEAD_WHOLE : HEAD_BAD, check());
            put_example(&request);
            request.at[heads[i] + 1] = (unsigned char)value;
            assert_int_equal(value == (i == 0 ? BEGIN : PARAMS) ? HEAD_WHOLE : HEAD_BAD, check());
        }
        put_example(&request);
        request.at[request.len - 8] = (unsigned char)value;
        assert_int_equal(value == 1 ? HEAD_WHOLE : HEAD_BAD, check());
        put_example(&request);
        request.at[request.len - 7] = (unsigned char)value;
        assert_int_equal(value == STDIN ? HEAD_WHOLE : HEAD_BAD, check());
        put_example(&request);
        request.at[8] = (unsigned char)value;
        assert_int_equal(value == 0 ? HEAD_WHOLE : HEAD_BAD, check());
        put_example(&request);
        request.at[9] = (unsigned char)value;
        assert_int_equal(value == 1 ? HEAD_WHOLE : HEAD_BAD, check());
    }
}

static void
test_refuses_other_lengths_of_begin(void **state)
{
    static const size_t lengths[] = {0, 1, 7, 9, 16, 65535};
    static unsigned char body[65535] = {0, 1, 1};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        request.len = 0;
        put_record(&request, BEGIN, 1, body, lengths[i], 0);
        check_bad();
    }
    /* Begun twice. */
    request.len = 0;
    put_begin(&request, 1, 1, 1);
    put_begin(&request, 1, 1, 1);
    check_bad();
}

/* Management records: FCGI_GET_VALUES overruns libfcgi's stack. */
static void
test_refuses_management_records(void **state)
{
    static const char values[] = "\017\0FCGI_MPXS_CONNS";
    static const unsigned types[] = {GET_VALUES, 10, 11, ABORT, DATA, 6, 7, 3};
    unsigned id;
    size_t i;

    (void)state;
    for (i = 0; i < 2 * sizeof(types) / sizeof(types[0]); i++) {
        id = i % 2;
        request.len = 0;
        put_record(&request, types[i / 2], id, values, sizeof(values) - 1, 0);
        check_bad();
        request.len = 0;
        put_begin(&request, 1, 1, 1);
        put_record(&request, types[i / 2], id, values, sizeof(values) - 1, 0);
        check_bad();
        request.len = 0;
        put_begin(&request, 1, 1, 1);
        put_record(&request, PARAMS, 1, NULL, 0, 0);
        put_record(&request, types[i / 2], id, values, sizeof(values) - 1, 0);
        check_bad();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_part_until_it_is_whole),
        cmocka_unit_test(test_tells_the_keep_flag),
        cmocka_unit_test(test_takes_any_id_but_zero_and_only_one),
        cmocka_unit_test(test_skips_padding),
        cmocka_unit_test(test_follows_pairs_across_records),
        cmocka_unit_test(test_wants_pairs_that_end_with_the_stream),
        cmocka_unit_test(test_refuses_nul_in_names_and_values),
        cmocka_unit_test(test_refuses_lengths_that_cannot_be),
        cmocka_unit_test(test_counts_pairs),
        cmocka_unit_test(test_limits_the_size),
        cmocka_unit_test(test_is_clean_only_when_nothing_follows),
        cmocka_unit_test(test_refuses_other_versions_types_and_roles),
        cmocka_unit_test(test_refuses_other_lengths_of_begin),
        cmocka_unit_test(test_refuses_management_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
