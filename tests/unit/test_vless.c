/* vless.h and http_head.h: the request byte by byte, and what a server may say to it. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "vless.h"

static const struct uuid uuid = {{0x8f, 0x3c, 0x5d, 0x1e, 0x63, 0x24, 0x4d, 0x53, 0xad, 0x4f, 0x8c,
                                  0xda, 0x48, 0xb3, 0x08, 0x11}};
#define UUID "\x8f\x3c\x5d\x1e\x63\x24\x4d\x53\xad\x4f\x8c\xda\x48\xb3\x08\x11"

/* A string with NULs in it. */
#define BYTES(text) text, sizeof(text) - 1

static void
check_request(const char *host, unsigned port, const char *expected, size_t len)
{
    struct buf buf;

    buf_init(&buf, 4096);
    vless_put_request(&buf, &uuid, host, port);
    assert_false(buf.failed);
    assert_int_equal(len, buf.len);
    assert_memory_equal(expected, buf.data, len);
    buf_release(&buf);
}

static void
test_request(void **state)
{
    char name[254], expected[300];

    (void)state;
    check_request("203.0.113.9", 80, BYTES("\0" UUID "\0\1\0\x50\1\xcb\0\x71\x09"));
    check_request("a.example", 65535,
                  BYTES("\0" UUID "\0\1\xff\xff\2\x09"
                        "a.example"));
    check_request("2001:db8::1", 443,
                  BYTES("\0" UUID "\0\1\1\xbb\3\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"));
    memset(name, 'a', 253);
    name[63] = name[127] = name[191] = '.';
    name[253] = '\0';
    memcpy(expected, "\0" UUID "\0\1\0\1\2\xfd", 23);
    memcpy(expected + 23, name, 253);
    check_request(name, 1, expected, 23 + 253);
}

static void
test_request_to_no_host(void **state)
{
    static const char *const hosts[] = {"", " ", "a b", "a_b", "1.2.3", "[::1", "a\r\nb"};
    struct buf buf;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        buf_init(&buf, 4096);
        vless_put_request(&buf, &uuid, hosts[i], 80);
        assert_true(buf.failed);
        buf_release(&buf);
    }
}

/* Takes the bytes in pieces of this size, each in a block of its own. */
static enum vless_state
take(struct vless_reply *reply, const char *bytes, size_t len, size_t piece)
{
    enum vless_state state = VLESS_MORE;
    size_t at, n;

    for (at = 0; at < len && state == VLESS_MORE; at += n) {
        char *block;

        n = len - at < piece ? len - at : piece;
        block = malloc(n);
        assert_non_null(block);
        memcpy(block, bytes + at, n);
        state = vless_reply_take(reply, block, n);
        free(block);
    }
    return state;
}

#define HTTP_204 "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n"
#define HTTP_200 "HTTP/1.0 200 OK\nContent-Length: 4\n\n"

static const struct {
    const char *bytes;
    size_t len;
    enum vless_state state;
    unsigned status;
} replies[] = {
    /* What is no answer, or not yet. */
    {BYTES(""), VLESS_MORE, 0},
    {BYTES("\0"), VLESS_MORE, 0},
    {BYTES("\0\0"), VLESS_MORE, 0},
    {BYTES("\0\0HTTP/1.1 20"), VLESS_MORE, 0},
    {BYTES("\0\0HTTP/1.1 204"), VLESS_MORE, 0},
    {BYTES("\0\xff"), VLESS_MORE, 0},
    {BYTES("\0\5" HTTP_204), VLESS_NO_HTTP, 0},
    {BYTES("\1\0" HTTP_204), VLESS_FOREIGN, 0},
    {BYTES("\xff\0" HTTP_204), VLESS_FOREIGN, 0},
    {BYTES(HTTP_204), VLESS_FOREIGN, 0},
    {BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), VLESS_FOREIGN, 0},
    {BYTES("SSH-2.0-OpenSSH_9.2\r\n"), VLESS_FOREIGN, 0},
    {BYTES("\x15\3\1\0\2\2\x46"), VLESS_FOREIGN, 0},
    {BYTES("\r\n"), VLESS_FOREIGN, 0},
    /* HTTP/2's SETTINGS begin like VLESS. */
    {BYTES("\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0\0HTTP/1.1 204 x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0http/1.1 204 x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0 HTTP/1.1 204 x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0HTTP/2 204 x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0HTTP/1. 204 x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0HTTP/1.1  204"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0HTTP/1.1 2040 x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0HTTP/1.1 20 x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0HTTP/1.1 +20 x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0HTTP/1.1 004 x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0HTTP/1.1 204\0x"), VLESS_NO_HTTP, 0},
    {BYTES("\0\0<html>HTTP/1.1 204 x"), VLESS_NO_HTTP, 0},
    /* Answers. */
    {BYTES("\0\0" HTTP_204), VLESS_DONE, 204},
    {BYTES("\0\0HTTP/1.1 204\r"), VLESS_DONE, 204},
    {BYTES("\0\0HTTP/1.0 204\n"), VLESS_DONE, 204},
    {BYTES("\0\2xx" HTTP_204), VLESS_DONE, 204},
    {BYTES("\0\2\0\0" HTTP_204), VLESS_DONE, 204},
    {BYTES("\0\0HTTP/1.1 302 Found\r\n"), VLESS_DONE, 302},
    {BYTES("\0\0HTTP/1.1 403 \r\n"), VLESS_DONE, 403},
    {BYTES("\0\0HTTP/1.1 999 \r\n"), VLESS_DONE, 999},
};

static void
test_replies_in_pieces_of_every_size(void **state)
{
    struct vless_reply reply;
    size_t i, piece;

    (void)state;
    for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
        for (piece = 1; piece <= replies[i].len + 1; piece++) {
            vless_reply_init(&reply, 204, 0);
            if (take(&reply, replies[i].bytes, replies[i].len, piece) != replies[i].state ||
                reply.http.status != replies[i].status)
                fail_msg("%zu by %zu", i, piece);
        }
}

/* Not one byte less of it is right. */
static void
test_every_beginning_of_a_right_reply(void **state)
{
    static const char right[] = "\0\3abcHTTP/1.1 204 No Content\r\n\r\n";
    struct vless_reply reply;
    size_t len;

    (void)state;
    for (len = 0; len < sizeof(right) - 1; len++) {
        vless_reply_init(&reply, 204, 0);
        assert_int_equal(len < 5 + 13 ? VLESS_MORE : VLESS_DONE, take(&reply, right, len, 7));
    }
}

static void
test_long_addons(void **state)
{
    char bytes[2 + 255 + 64];
    struct vless_reply reply;
    size_t piece;

    (void)state;
    memset(bytes, 'H', sizeof(bytes));
    memcpy(bytes, "\0\xff", 2);
    memcpy(bytes + 2 + 255, BYTES(HTTP_204));
    for (piece = 1; piece < 300; piece += 13) {
        vless_reply_init(&reply, 204, 0);
        assert_int_equal(VLESS_DONE, take(&reply, bytes, 2 + 255 + sizeof(HTTP_204) - 1, piece));
    }
}

static void
test_a_body_is_counted(void **state)
{
    static const char bytes[] = "\0\0" HTTP_200 "\n\nab";
    struct vless_reply reply;
    size_t piece;

    (void)state;
    for (piece = 1; piece < sizeof(bytes); piece++) {
        vless_reply_init(&reply, 200, 4);
        assert_int_equal(VLESS_DONE, take(&reply, BYTES(bytes), piece));
        assert_int_equal(4, reply.body);
        vless_reply_init(&reply, 200, 5);
        assert_int_equal(VLESS_MORE, take(&reply, BYTES(bytes), piece));
        assert_int_equal(4, reply.body);
        assert_int_equal(sizeof(bytes) - 1, reply.len);
        /* A wrong status is known at once. */
        vless_reply_init(&reply, 206, 5);
        assert_int_equal(VLESS_DONE, take(&reply, BYTES(bytes), piece));
        assert_int_equal(200, reply.http.status);
    }
}

/* A head without an end is not read for ever. */
static void
test_a_head_without_end(void **state)
{
    char block[1024];
    struct vless_reply reply;
    enum vless_state got = VLESS_MORE;
    int i;

    (void)state;
    memset(block, 'a', sizeof(block));
    vless_reply_init(&reply, 200, 1);
    assert_int_equal(VLESS_MORE, vless_reply_take(&reply, BYTES("\0\0HTTP/1.1 200 OK\r\n")));
    for (i = 0; i < 64 && got == VLESS_MORE; i++)
        got = vless_reply_take(&reply, block, sizeof(block));
    assert_int_equal(VLESS_NO_HTTP, got);
    assert_int_equal(0, reply.body);
}

/* Without VLESS around it. */
static void
test_bare_replies(void **state)
{
    struct vless_reply reply;
    size_t piece;

    (void)state;
    for (piece = 1; piece < 40; piece++) {
        vless_reply_init(&reply, 204, 0);
        reply.is_bare = true;
        assert_int_equal(VLESS_DONE, take(&reply, BYTES(HTTP_204), piece));
        vless_reply_init(&reply, 204, 0);
        reply.is_bare = true;
        assert_int_equal(VLESS_FOREIGN, take(&reply, BYTES("\0\0" HTTP_204), piece));
    }
}

static void
check_guess(const char *bytes, size_t len, const char *expected)
{
    char text[VLESS_FIRST];
    struct vless_reply reply;
    const char *guess;

    vless_reply_init(&reply, 204, 0);
    take(&reply, bytes, len, len);
    guess = vless_guess(reply.first, reply.first_len, text);
    if (expected == NULL)
        assert_null(guess);
    else
        assert_string_equal(expected, guess);
}

static void
test_guesses(void **state)
{
    (void)state;
    check_guess(BYTES("HTTP/1.1 400 Bad Request\r\n"), "HTTP 400");
    check_guess(BYTES("HTTP/1.1 40"), "HTTP");
    check_guess(BYTES("HTTP/2"), "HTTP");
    check_guess(BYTES("\x15\3\1\0\2\2\x46"), "TLS");
    check_guess(BYTES("\x16\3\3"), "TLS");
    check_guess(BYTES("SSH-2.0-x"), "SSH");
    check_guess(BYTES("\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80"), "HTTP/2");
    check_guess(BYTES("\0\0\x12\4\0\0\0\0"), NULL);
    check_guess(BYTES("\0\0\x12\4\0\0\0\0\1"), NULL);
    check_guess(BYTES("H"), NULL);
    check_guess(BYTES("\x15"), NULL);
    check_guess(BYTES("220 mail\r\n"), NULL);
    check_guess(BYTES("\1"), NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_request_to_no_host),
        cmocka_unit_test(test_replies_in_pieces_of_every_size),
        cmocka_unit_test(test_every_beginning_of_a_right_reply),
        cmocka_unit_test(test_long_addons),
        cmocka_unit_test(test_a_body_is_counted),
        cmocka_unit_test(test_a_head_without_end),
        cmocka_unit_test(test_bare_replies),
        cmocka_unit_test(test_guesses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
