/* carrier.h: WebSocket and gRPC, what is sent and what a server may send. */
#include "unit.h"

#include <stdlib.h>

#include "carrier.h"

/* A string with NULs in it. */
#define BYTES(text) text, sizeof(text) - 1

enum kind { WEBSOCKET, GRPC };

struct taken {
    char data[70000];
    size_t len;
    enum carrier_event end; /* CARRIER_MORE: all was taken */
    unsigned close;
};

static struct taken got;

/* Takes one piece, from a block of its own; returns whether there is to be another. */
static bool
take_piece(enum kind kind, struct websocket *websocket, struct grpc *grpc, const char *bytes,
           size_t len)
{
    uint8_t *block = malloc(len);
    const uint8_t *at = block, *end = block + len;
    struct carried data;

    assert_non_null(block);
    memcpy(block, bytes, len);
    do {
        got.end = kind == WEBSOCKET ? websocket_take(websocket, &at, end, &data)
                                    : grpc_take(grpc, &at, end, &data);
        assert_true(at >= block && at <= end);
        if (got.end == CARRIER_DATA) {
            assert_true(data.len > 0 && got.len + data.len <= sizeof(got.data));
            assert_true(data.bytes >= block && data.bytes + data.len <= end);
            memcpy(got.data + got.len, data.bytes, data.len);
            got.len += data.len;
        }
    } while (got.end == CARRIER_DATA);
    if (got.end == CARRIER_MORE)
        assert_ptr_equal(end, at);
    free(block);
    return got.end == CARRIER_MORE;
}

static void
take(enum kind kind, const char *bytes, size_t len, size_t piece)
{
    struct websocket websocket = {.head_len = 0};
    struct grpc grpc = {.head_len = 0};
    size_t at, n;

    got.len = 0;
    got.end = CARRIER_MORE;
    for (at = 0; at < len; at += n) {
        n = len - at < piece ? len - at : piece;
        if (!take_piece(kind, &websocket, &grpc, bytes + at, n))
            break;
    }
    got.close = websocket.close;
}

static const struct {
    enum kind kind;
    const char *bytes;
    size_t len;
    enum carrier_event end;
    const char *data;
    unsigned close;
} streams[] = {
    {WEBSOCKET, BYTES("\x82\3abc"), CARRIER_MORE, "abc", 0},
    {WEBSOCKET, BYTES("\x82\2ab\x82\1c"), CARRIER_MORE, "abc", 0},
    {WEBSOCKET, BYTES("\x81\2ab\x82\1c"), CARRIER_MORE, "abc", 0},
    {WEBSOCKET, BYTES("\x82\x7e\0\3abc"), CARRIER_MORE, "abc", 0},
    {WEBSOCKET, BYTES("\x82\x7f\0\0\0\0\0\0\0\3abc"), CARRIER_MORE, "abc", 0},
    {WEBSOCKET, BYTES("\x82\3ab"), CARRIER_MORE, "ab", 0},
    {WEBSOCKET, BYTES("\x82"), CARRIER_MORE, "", 0},
    {WEBSOCKET, BYTES("\x82\0\x82\0\x82\1a"), CARRIER_MORE, "a", 0},
    /* In fragments, with a ping between them. */
    {WEBSOCKET, BYTES("\2\1a\0\1b\x89\2xy\x80\1c\x8a\0"), CARRIER_MORE, "abc", 0},
    {WEBSOCKET, BYTES("\x82\1a\x88\2\3\xe8"), CARRIER_CLOSE, "a", 1000},
    {WEBSOCKET, BYTES("\x88\0\x82\1a"), CARRIER_CLOSE, "", 0},
    {WEBSOCKET, BYTES("\x88\1\3"), CARRIER_CLOSE, "", 3},
    {WEBSOCKET,
     BYTES("\x88\5\3\xea"
           "bye"),
     CARRIER_CLOSE, "", 1002},
    {WEBSOCKET, BYTES("\x88\2\3"), CARRIER_MORE, "", 3},
    /* Masked, reserved bits, unknown opcodes, controls that are long or in fragments. */
    {WEBSOCKET, BYTES("\x82\x83mask"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\xc2\1a"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\xa2\1a"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x92\1a"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x83\1a"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x8b\1a"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x8f\1a"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x09\1a"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x89\x7e\0\x7e"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x88\x7f\0\0\0\0\0\1\0\0"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x82\x7f\x80\0\0\0\0\0\0\0"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), CARRIER_BAD, "", 0},
    /* Continuations of nothing, and messages within a message. */
    {WEBSOCKET, BYTES("\x80\1a"), CARRIER_BAD, "", 0},
    {WEBSOCKET, BYTES("\x82\1a\0\1b"), CARRIER_BAD, "a", 0},
    {WEBSOCKET, BYTES("\2\1a\x82\1b"), CARRIER_BAD, "a", 0},
    {WEBSOCKET, BYTES("HTTP/1.1 200 OK"), CARRIER_BAD, "", 0},

    {GRPC, BYTES("\0\0\0\0\5\x0a\3abc"), CARRIER_MORE, "abc", 0},
    {GRPC, BYTES("\0\0\0\0\4\x0a\2ab\0\0\0\0\3\x0a\1c"), CARRIER_MORE, "abc", 0},
    /* A MultiHunk, empty messages, empty Hunks, lengths in more bytes than they need. */
    {GRPC, BYTES("\0\0\0\0\7\x0a\2ab\x0a\1c"), CARRIER_MORE, "abc", 0},
    {GRPC, BYTES("\0\0\0\0\0\0\0\0\0\2\x0a\0\0\0\0\0\5\x0a\0\x0a\1a"), CARRIER_MORE, "a", 0},
    {GRPC, BYTES("\0\0\0\0\4\x0a\x81\0a"), CARRIER_MORE, "a", 0},
    {GRPC, BYTES("\0\0\0\0\7\x0a\x81\x80\x80\x80\0a"), CARRIER_MORE, "a", 0},
    {GRPC,
     BYTES("\0\xff\xff\xff\xff\x0a\xf9\xff\xff\xff\x0f"
           "a"),
     CARRIER_MORE, "a", 0},
    {GRPC, BYTES("\0\0\0"), CARRIER_MORE, "", 0},
    /* Compressed, other fields, lengths past the message or past 32 bits, a cut field. */
    {GRPC, BYTES("\1\0\0\0\5\x0a\3abc"), CARRIER_BAD, "", 0},
    {GRPC, BYTES("\0\0\0\0\5\x12\3abc"), CARRIER_BAD, "", 0},
    {GRPC, BYTES("\0\0\0\0\2\x08\1"), CARRIER_BAD, "", 0},
    {GRPC, BYTES("\0\0\0\0\5\x0a\4abcd"), CARRIER_BAD, "", 0},
    {GRPC, BYTES("\0\0\0\0\1\x0a\0"), CARRIER_BAD, "", 0},
    {GRPC, BYTES("\0\0\0\0\2\x0a\x80\0"), CARRIER_BAD, "", 0},
    {GRPC, BYTES("\0\0\0\1\0\x0a\x80\x80\x80\x80\x10"), CARRIER_BAD, "", 0},
    {GRPC, BYTES("\0\0\0\1\0\x0a\x80\x80\x80\x80\x80\0"), CARRIER_BAD, "", 0},
    {GRPC, BYTES("\0\xff\xff\xff\xff\x0a\xff\xff\xff\xff\x0f"), CARRIER_BAD, "", 0},
    {GRPC, BYTES("HTTP"), CARRIER_BAD, "", 0},
};

static void
test_streams_in_pieces_of_every_size(void **state)
{
    size_t i, piece;

    (void)state;
    for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
        for (piece = 1; piece <= streams[i].len; piece++) {
            take(streams[i].kind, streams[i].bytes, streams[i].len, piece);
            if (got.end != streams[i].end || got.len != strlen(streams[i].data) ||
                memcmp(got.data, streams[i].data, got.len) != 0 || got.close != streams[i].close)
                fail_msg("%zu by %zu: %d, %zu bytes", i, piece, (int)got.end, got.len);
        }
}

static char large[70000];

/* What is written for a server is what a server writes, but for the mask. */
static void
test_websocket_there_and_back(void **state)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 69999};
    static const uint8_t mask[4] = {0x12, 0, 0xff, 0x80};
    struct buf buf;
    size_t i, j, head;

    (void)state;
    for (i = 0; i < sizeof(large); i++)
        large[i] = (char)(i * 7 + i / 256);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        buf_init(&buf, 1 << 20);
        websocket_put(&buf, large, sizes[i], mask);
        assert_false(buf.failed);
        head = sizes[i] < 126 ? 2 : sizes[i] < 65536 ? 4 : 10;
        assert_int_equal(head + 4 + sizes[i], buf.len);
        assert_int_equal(0x82, (uint8_t)buf.data[0]);
        assert_true((buf.data[1] & 0x80) != 0);
        assert_memory_equal(mask, buf.data + head, 4);
        buf.data[1] &= 0x7f;
        for (j = 0; j < sizes[i]; j++)
            buf.data[head + j] = (char)(buf.data[head + 4 + j] ^ mask[j % 4]);
        take(WEBSOCKET, buf.data, head + sizes[i], 4096);
        assert_int_equal(CARRIER_MORE, got.end);
        assert_int_equal(sizes[i], got.len);
        assert_memory_equal(large, got.data, sizes[i]);
        buf_release(&buf);
    }
}

static void
test_grpc_there_and_back(void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 16383, 16384, 65535, 69999};
    struct buf buf;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        buf_init(&buf, 1 << 20);
        grpc_put(&buf, large, sizes[i]);
        assert_false(buf.failed);
        take(GRPC, buf.data, buf.len, 1000);
        assert_int_equal(CARRIER_MORE, got.end);
        assert_int_equal(sizes[i], got.len);
        assert_memory_equal(large, got.data, sizes[i]);
        buf_release(&buf);
    }
    buf_init(&buf, 1 << 20);
    grpc_put(&buf, "abc", 3);
    assert_int_equal(10, buf.len);
    assert_memory_equal("\0\0\0\0\5\x0a\3abc", buf.data, 10);
    buf_release(&buf);
}

/* A stream of random bytes ends somewhere, the same way in whatever pieces. */
static void
test_noise(void **state)
{
    static char noise[256];
    struct taken whole;
    unsigned seed = 1, round;
    size_t i;

    (void)state;
    for (round = 0; round < 4000; round++) {
        enum kind kind = round % 2 ? WEBSOCKET : GRPC;

        for (i = 0; i < sizeof(noise); i++) {
            seed = seed * 1103515245 + 12345;
            /* Mostly small numbers: those are the lengths and the opcodes. */
            noise[i] = (char)(seed >> 28 > 3 ? seed >> 16 & 0x0f : seed >> 16);
        }
        noise[0] = (char)(kind == WEBSOCKET ? 0x82 : 0);
        take(kind, noise, sizeof(noise), sizeof(noise));
        whole = got;
        take(kind, noise, sizeof(noise), 1 + round % 17);
        assert_int_equal(whole.end, got.end);
        assert_int_equal(whole.len, got.len);
        assert_memory_equal(whole.data, got.data, got.len);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_in_pieces_of_every_size),
        cmocka_unit_test(test_websocket_there_and_back),
        cmocka_unit_test(test_grpc_there_and_back),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
