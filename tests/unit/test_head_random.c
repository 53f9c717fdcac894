/* head.h on made and mutated requests: never a crash, and the same verdict as by a plain reading.
 */
#include "unit.h"

#include "requests.h"
#include "sample.h"

enum { ROUNDS = 10000 };

/* Large. */
static struct bytes request, pairs;
static uint32_t seed;
static unsigned verdicts[3];

static unsigned
below(unsigned limit)
{
    return sample_random(&seed) % limit;
}

/* Both must agree; a PART is never a full buffer. */
static void
compare(size_t len)
{
    struct head expected = {false, false}, head;
    bool is_open;
    enum head_verdict verdict = check_exactly(request.at, len, &head);
    enum head_verdict right = judge(request.at, len, &expected, &is_open);

    verdicts[verdict]++;
    if (len >= HEAD_PEEK)
        assert_int_not_equal(HEAD_PART, verdict);
    if (is_open)
        return;
    if (verdict != right)
        fail_msg("seed %u, %zu bytes: %d instead of %d", seed, len, verdict, right);
    if (verdict == HEAD_WHOLE) {
        assert_int_equal(expected.is_clean, head.is_clean);
        assert_int_equal(expected.keep_connection, head.keep_connection);
    }
}

static void
make_pairs(void)
{
    static char text[2500];
    unsigned count = below(30) == 0 ? 500 + below(20) : below(20), large = below(10);

    memset(text, 'x', sizeof(text) - 1);
    pairs.len = 0;
    while (count-- > 0 && pairs.len < 40000) {
        size_t lengths[2] = {below(4) == 0 ? below(200) : below(4),
                             below(large + 2) == 0 ? below(sizeof(text)) : below(10)};

        put_length(&pairs, lengths[0], below(3) == 0);
        put_length(&pairs, lengths[1], below(3) == 0);
        put(&pairs, text, lengths[0]);
        put(&pairs, text, lengths[1]);
    }
}

/* A good request of random parts. */
static void
make_request(void)
{
    unsigned id = 1 + below(65535), most;
    size_t at, len;

    make_pairs();
    most = (unsigned)pairs.len / 60 + 1 + below(below(2) ? 10000 : 50);
    request.len = 0;
    put_record(&request, BEGIN, id, below(2) ? "\0\1\0\0\0\0\0" : "\0\1\1\0\0\0\0", 8,
               below(20) ? 0 : below(256));
    for (at = 0; at < pairs.len; at += len) {
        len = 1 + below(most);
        len = len < pairs.len - at ? len : pairs.len - at;
        put_record(&request, PARAMS, id, pairs.at + at, len, below(3) ? 0 : below(16));
    }
    put_record(&request, PARAMS, id, NULL, 0, below(20) ? 0 : below(256));
    len = below(4) == 0 ? below(300) : 0;
    put_record(&request, STDIN, id, pairs.at, len, below(3) ? 0 : below(256));
    if (below(8) == 0)
        put(&request, "\1\5\0\1\0\0\0", 1 + below(8));
}

static void
mutate(void)
{
    size_t at = below((unsigned)request.len), len = 1 + below(16);

    switch (below(6)) {
    case 0:
        request.at[at] = (unsigned char)below(256);
        break;
    case 1:
        request.at[at] ^= (unsigned char)(1 << below(8));
        break;
    case 2: /* near the front, where the heads are */
        request.at[at % 40] = (unsigned char)below(256);
        break;
    case 3:
        len = len < request.len - at ? len : request.len - at;
        memmove(request.at + at, request.at + at + len, request.len - at - len);
        request.len -= len;
        break;
    case 4:
        memmove(request.at + at + len, request.at + at, request.len - at);
        request.len += len;
        break;
    default:
        request.at[at] = (unsigned char)"\0\1\4\5\177\200\377"[below(7)];
        break;
    }
}

static void
test_agrees_on_good_requests(void **state)
{
    size_t good, len, step;
    int round;

    (void)state;
    memset(verdicts, 0, sizeof(verdicts));
    seed = 1;
    for (round = 0; round < ROUNDS / 4; round++) {
        make_request();
        good = request.len;
        for (len = 0; len < good; len += step) {
            step = 1 + below(1 + (unsigned)good / 8);
            compare(len);
        }
        compare(good);
    }
    assert_true(verdicts[HEAD_WHOLE] > ROUNDS / 8);
}

static void
test_agrees_on_mutated_requests(void **state)
{
    int round, n;

    (void)state;
    memset(verdicts, 0, sizeof(verdicts));
    seed = 2;
    for (round = 0; round < ROUNDS; round++) {
        make_request();
        for (n = (int)below(4) + 1; n > 0 && request.len > 0; n--)
            mutate();
        compare(request.len);
        compare(below((unsigned)request.len + 1));
    }
    /* All of it was reached. */
    assert_true(verdicts[HEAD_WHOLE] > ROUNDS / 20);
    assert_true(verdicts[HEAD_PART] > ROUNDS / 20);
    assert_true(verdicts[HEAD_BAD] > ROUNDS / 20);
}

/* Bad stays bad and whole stays whole, whatever comes after. */
static void
test_does_not_change_its_mind(void **state)
{
    enum head_verdict verdict, last;
    struct head head;
    size_t len;
    int round, n;

    (void)state;
    seed = 3;
    for (round = 0; round < 300; round++) {
        do
            make_request();
        while (request.len > 2000);
        for (n = (int)below(4); n > 0 && request.len > 0; n--)
            mutate();
        last = HEAD_PART;
        for (len = 0; len <= request.len; len++) {
            verdict = check_exactly(request.at, len, &head);
            if (last != HEAD_PART)
                assert_int_equal(last, verdict);
            last = verdict;
        }
    }
}

static void
test_survives_noise(void **state)
{
    size_t i, len;
    int round;

    (void)state;
    seed = 4;
    for (round = 0; round < ROUNDS; round++) {
        len = below(round % 100 == 0 ? HEAD_PEEK + 1 : 200);
        for (i = 0; i < len; i++)
            request.at[i] = (unsigned char)sample_random(&seed);
        /* Else the first byte ends it. */
        if (len > 8 && round % 2)
            memcpy(request.at, "\1\1\0\1\0\10\0\0\0\1", 10 < len ? 10 : len);
        compare(len);
    }
}

/* The loop peeks at HEAD_PEEK bytes: those must always be enough. */
static void
test_judges_a_full_peek(void **state)
{
    int round, n;

    (void)state;
    memset(verdicts, 0, sizeof(verdicts));
    seed = 5;
    for (round = 0; round < ROUNDS / 10; round++) {
        make_request();
        while (request.len < HEAD_PEEK)
            switch (round % 4) {
            case 0: /* its own last record again and again */
                put(&request, request.at + request.len - 8, 8);
                break;
            case 1: /* nothing but padding */
                put_record(&request, PARAMS, 1, NULL, 0, 255);
                break;
            default:
                put_byte(&request, below(256));
                break;
            }
        for (n = (int)below(3); n > 0; n--)
            request.at[below(64)] = (unsigned char)below(256);
        compare(HEAD_PEEK);
    }
    /* The longest good head, ended by the longest padding. */
    request.len = 0;
    put_begin(&request, 1, 1, 1);
    for (n = 0; n < 123; n++)
        put_record(&request, PARAMS, 1, "\1\0a", 3, 255);
    put_record(&request, PARAMS, 1, "\1\0a", 3, HEAD_MAX - request.len - 8 - 8 - 3);
    put_record(&request, PARAMS, 1, NULL, 0, 0);
    assert_int_equal(HEAD_MAX, request.len);
    put_record(&request, STDIN, 1, NULL, 0, 255);
    compare(request.len);
    assert_true(request.len < HEAD_PEEK);
    while (request.len < HEAD_PEEK)
        put_byte(&request, 0);
    compare(HEAD_PEEK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_on_good_requests),
        cmocka_unit_test(test_agrees_on_mutated_requests),
        cmocka_unit_test(test_does_not_change_its_mind),
        cmocka_unit_test(test_survives_noise),
        cmocka_unit_test(test_judges_a_full_peek),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
