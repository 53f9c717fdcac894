/* records_out.h: CGI output -> FastCGI records, read back as a web server would. */
#include "unit.h"

#include <stdlib.h>

#include "records_out.h"

enum { TYPE_END = 3, TYPE_STDOUT = 6, CAP = 1024 * 1024 };

struct answer {
    size_t content; /* bytes of FCGI_STDOUT */
    int closes;     /* empty FCGI_STDOUT records */
    int ends;       /* FCGI_END_REQUEST records */
};

static char
pattern(size_t i)
{
    return (char)(i * 7 + i / 251);
}

/* Walks the records and checks every byte that the specification fixes. */
static struct answer
read_back(const struct buf *buf, unsigned id)
{
    struct answer answer = {0, 0, 0};
    size_t at = 0, i;

    while (at < buf->len) {
        const unsigned char *p = (const unsigned char *)buf->data + at;
        size_t content, padding;

        assert_true(buf->len - at >= 8);
        content = (size_t)p[4] << 8 | p[5];
        padding = p[6];
        assert_int_equal(1, p[0]);
        assert_int_equal(id, (unsigned)p[2] << 8 | p[3]);
        assert_true(buf->len - at >= 8 + content + padding);
        assert_int_equal(0, answer.ends);
        if (p[1] == TYPE_END) {
            assert_int_equal(8, content);
            for (i = 0; i < 8; i++)
                assert_int_equal(0, p[8 + i]);
            answer.ends++;
        } else {
            assert_int_equal(TYPE_STDOUT, p[1]);
            /* After the close of the stream nothing of it may come. */
            if (content > 0)
                assert_int_equal(0, answer.closes);
            for (i = 0; i < content; i++)
                assert_int_equal((unsigned char)pattern(answer.content + i), p[8 + i]);
            answer.content += content;
            answer.closes += content == 0;
        }
        at += 8 + content + padding;
    }
    return answer;
}

static void
fill(struct buf *buf, size_t size)
{
    size_t i;

    records_begin(buf);
    for (i = 0; i < size; i++)
        buf_putc(buf, pattern(i));
}

static void
check(size_t size, unsigned id)
{
    struct answer answer;
    struct buf buf;

    buf_init(&buf, CAP);
    fill(&buf, size);
    records_end(&buf, id);
    assert_false(buf.failed);
    answer = read_back(&buf, id);
    assert_int_equal(size, answer.content);
    assert_true(answer.closes >= 1);
    assert_int_equal(1, answer.ends);
    assert_int_equal(0, buf.len % 8); /* aligned records, as the specification recommends */
    buf_release(&buf);
}

static void
test_frames_output_of_any_size(void **state)
{
    static const size_t sizes[] = {0,     1,     2,     7,      8,      9,      255,
                                   256,   65519, 65520, 65521,  65527,  65528,  65529,
                                   65535, 65536, 65537, 131055, 131056, 131057, 200000};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check(sizes[i], 1);
    for (i = 0; i < 600; i++)
        check(i, 1);
}

static void
test_says_any_request_id(void **state)
{
    static const unsigned ids[] = {1, 127, 128, 255, 256, 257, 0x1234, 0xff00, 65535};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        check(100000, ids[i]);
}

/* Section 3.3: a stream is closed by one empty record. */
static void
test_closes_the_stream_once(void **state)
{
    static const size_t sizes[] = {1, 8, 65528, 200000, 0};
    struct buf buf;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct answer answer;

        buf_init(&buf, CAP);
        fill(&buf, sizes[i]);
        records_end(&buf, 1);
        answer = read_back(&buf, 1);
        buf_release(&buf);
        assert_int_equal(1, answer.closes);
    }
}

/* A buffer is used again and again; what was in it does not show. */
static void
test_begins_anew(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, CAP);
    fill(&buf, 100000);
    records_end(&buf, 300);
    fill(&buf, 13);
    records_end(&buf, 2);
    assert_int_equal(13, read_back(&buf, 2).content);
    buf_release(&buf);
}

/* Whatever part of it did not fit, the buffer says so, and recovers. */
static void
test_fails_when_it_does_not_fit(void **state)
{
    size_t cap, whole;
    struct buf buf;

    (void)state;
    buf_init(&buf, CAP);
    fill(&buf, 70001);
    records_end(&buf, 1);
    whole = buf.len;
    buf_release(&buf);
    for (cap = 0; cap < whole; cap += cap < 65520 ? 4095 : 1) {
        buf_init(&buf, cap);
        fill(&buf, 70001);
        records_end(&buf, 1);
        assert_true(buf.failed);
        assert_true(buf.len <= cap);
        buf_release(&buf);
    }
    buf_init(&buf, whole);
    fill(&buf, 80000);
    records_end(&buf, 1);
    assert_true(buf.failed);
    fill(&buf, 70001);
    records_end(&buf, 1);
    assert_false(buf.failed);
    assert_int_equal(70001, read_back(&buf, 1).content);
    buf_release(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_output_of_any_size),
        cmocka_unit_test(test_says_any_request_id),
        cmocka_unit_test(test_closes_the_stream_once),
        cmocka_unit_test(test_begins_anew),
        cmocka_unit_test(test_fails_when_it_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
