/* http2.h against nghttp2's own server, and against what is no server. */
#include "unit.h"

#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include "http2.h"

#define BYTES(text) text, sizeof(text) - 1

/* A server that answers every call by its headers, a body of so many bytes and, maybe, trailers. */
struct server {
    nghttp2_session *session;
    size_t body, given;
    const char *grpc_status; /* NULL: the stream stays open */
    char path[64], authority[64], type[64], te[64], agent[64], method[64];
    char message[300000];
    size_t len;
    bool has_end; /* of the call's own stream */
};

static struct server server;
static struct http2 http2;
static struct buf out;
static size_t got;
static char large[300000];

static int
set_up(void **state)
{
    (void)state;
    memset(&server, 0, sizeof(server));
    memset(&http2, 0, sizeof(http2));
    buf_init(&out, 1 << 20);
    got = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    nghttp2_session_del(server.session);
    http2_release(&http2);
    buf_release(&out);
    return 0;
}

static void
count(void *context, const void *bytes, size_t len)
{
    (void)context;
    assert_true(len > 0);
    assert_memory_equal(large, bytes, 1);
    got += len;
}

static ssize_t
give(nghttp2_session *session, int32_t stream, uint8_t *bytes, size_t size, uint32_t *flags,
     nghttp2_data_source *source, void *context)
{
    size_t n = server.body - server.given;
    const nghttp2_nv trailer = {
        (uint8_t *)(uintptr_t) "grpc-status", (uint8_t *)(uintptr_t)server.grpc_status, 11,
        server.grpc_status != NULL ? strlen(server.grpc_status) : 0, NGHTTP2_NV_FLAG_NONE};

    (void)source;
    (void)context;
    if (n > size)
        n = size;
    memset(bytes, 0, n);
    server.given += n;
    if (server.given < server.body)
        return (ssize_t)n;
    if (server.grpc_status == NULL)
        return n > 0 ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session, stream, &trailer, 1);
    return (ssize_t)n;
}

static int
take_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
            size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *context)
{
    const struct {
        const char *name;
        char *text;
    } known[] = {{":path", server.path},     {":authority", server.authority},
                 {"te", server.te},          {"content-type", server.type},
                 {":method", server.method}, {"user-agent", server.agent}};
    size_t i;

    (void)session, (void)frame, (void)name_len, (void)flags, (void)context;
    assert_true(len < sizeof(server.path));
    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp((const char *)name, known[i].name) == 0)
            memcpy(known[i].text, value, len + 1);
    return 0;
}

static int
take_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    static const nghttp2_nv headers[] = {
        {(uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "200", 7, 3, 0},
        {(uint8_t *)(uintptr_t) "content-type", (uint8_t *)(uintptr_t) "application/grpc", 12, 16,
         0}};
    const nghttp2_data_provider provider = {.read_callback = give};

    (void)context;
    if (frame->hd.type == NGHTTP2_HEADERS)
        assert_int_equal(
            0, nghttp2_submit_response(session, frame->hd.stream_id, headers, 2, &provider));
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && frame->hd.type <= NGHTTP2_HEADERS)
        server.has_end = true;
    return 0;
}

static int
take_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t len,
          void *context)
{
    (void)session, (void)flags, (void)stream, (void)context;
    assert_true(server.len + len <= sizeof(server.message));
    memcpy(server.message + server.len, bytes, len);
    server.len += len;
    return 0;
}

static void
start_server(void)
{
    nghttp2_session_callbacks *callbacks;

    assert_int_equal(0, nghttp2_session_callbacks_new(&callbacks));
    nghttp2_session_callbacks_set_on_header_callback(callbacks, take_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, take_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, take_data);
    assert_int_equal(0, nghttp2_session_server_new(&server.session, callbacks, NULL));
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(0, nghttp2_submit_settings(server.session, 0, NULL, 0));
}

static void
start_call(const void *message, size_t len)
{
    const struct http2_call call = {"https", "a.example", "/s/Tun", "agent", message, len};

    assert_int_equal(0, http2_init(&http2, &call, count, NULL, &out));
    assert_true(out.len > 24);
    assert_memory_equal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", out.data, 24);
}

/* Carries bytes both ways, in pieces of this size, until nobody has any. */
static int
talk(size_t piece)
{
    const uint8_t *bytes;
    ssize_t n, at;
    int rc = 0;

    do {
        assert_int_equal(out.len,
                         nghttp2_session_mem_recv(server.session, (uint8_t *)out.data, out.len));
        buf_clear(&out);
        while ((n = nghttp2_session_mem_send(server.session, &bytes)) > 0)
            for (at = 0; at < n; at += (ssize_t)piece) {
                size_t len = (size_t)(n - at) < piece ? (size_t)(n - at) : piece;
                char *block = malloc(len);

                assert_non_null(block);
                memcpy(block, bytes + at, len);
                if (rc == 0)
                    rc = http2_take(&http2, block, len, &out);
                free(block);
            }
    } while (out.len > 0);
    return rc;
}

static void
test_a_call(void **state)
{
    (void)state;
    start_server();
    server.body = 5;
    start_call("hello", 5);
    assert_int_equal(0, talk(1));
    assert_string_equal("/s/Tun", server.path);
    assert_string_equal("a.example", server.authority);
    assert_string_equal("POST", server.method);
    assert_string_equal("application/grpc", server.type);
    assert_string_equal("trailers", server.te);
    assert_string_equal("agent", server.agent);
    assert_int_equal(5, server.len);
    assert_memory_equal("hello", server.message, 5);
    /* An end would end what comes back, too. */
    assert_false(server.has_end);
    assert_true(http2.is_http2);
    assert_false(http2.is_closed);
    assert_int_equal(200, http2.status);
    assert_string_equal("application/grpc", http2.type);
    assert_int_equal(-1, http2.grpc_status);
    assert_int_equal(5, got);
}

/* More than the windows, both ways. */
static void
test_a_large_call(void **state)
{
    (void)state;
    start_server();
    server.body = sizeof(large);
    server.grpc_status = "0";
    start_call(large, sizeof(large));
    assert_int_equal(0, talk(1000));
    assert_int_equal(sizeof(large), server.len);
    assert_int_equal(sizeof(large), got);
    assert_int_equal(0, http2.grpc_status);
    assert_true(http2.is_closed);
}

static void
check_status(const char *text, int expected)
{
    set_up(NULL);
    start_server();
    server.grpc_status = text;
    start_call("x", 1);
    talk(7);
    assert_int_equal(expected, http2.grpc_status);
    assert_true(http2.is_closed);
    tear_down(NULL);
    set_up(NULL);
}

static void
test_trailers(void **state)
{
    (void)state;
    check_status("12", 12);
    check_status("999", 999);
    check_status("1000", -1);
    check_status("99999999999999999999", -1);
    check_status("", -1);
    check_status("-1", -1);
    check_status("1x", -1);
}

static void
test_no_servers(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } hostile[] = {
        {BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")},
        {BYTES("SSH-2.0-OpenSSH_9.2\r\n")},
        {BYTES("\x15\3\1\0\2\2\x46 and some more")},
        /* Other frames before SETTINGS; SETTINGS of a wrong length. */
        {BYTES("\0\0\x08\6\0\0\0\0\0"
               "12345678")},
        {BYTES("\0\0\1\1\4\0\0\0\1\x88")},
        {BYTES("\0\0\5\4\0\0\0\0\0"
               "12345")},
        {BYTES("\xff\xff\xff\4\0\0\0\0\0")},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        set_up(NULL);
        start_call("x", 1);
        if (http2_take(&http2, hostile[i].bytes, hostile[i].len, &out) != -1)
            fail_msg("%zu is taken", i);
        assert_false(http2.is_http2);
        assert_int_equal(0, http2.status);
        tear_down(NULL);
    }
    set_up(NULL);
}

/* Headers that are long or of other streams. */
static void
test_odd_headers(void **state)
{
    static const char settings[] = "\0\0\0\4\0\0\0\0\0";
    char frame[9 + 1 + 2 + 1 + 90] = "\0\0\x5e\1\4\0\0\0\1\x88\x5f\x5a";

    (void)state;
    start_call("x", 1);
    assert_int_equal(0, http2_take(&http2, BYTES(settings), &out));
    memset(frame + 12, 'a', 90);
    frame[2] = 1 + 1 + 1 + 90;
    assert_int_equal(0, http2_take(&http2, frame, 12 + 90, &out));
    assert_int_equal(200, http2.status);
    assert_int_equal(HTTP2_TYPE - 1, strlen(http2.type));
    /* DATA of a stream that is none. */
    assert_int_equal(-1, http2_take(&http2, BYTES("\0\0\1\0\0\0\0\0\3x"), &out));
    assert_int_equal(0, got);
}

static void
test_reset_and_farewell(void **state)
{
    static const char settings[] = "\0\0\0\4\0\0\0\0\0";

    (void)state;
    start_call("x", 1);
    assert_int_equal(0, http2_take(&http2, BYTES(settings), &out));
    http2_take(&http2, BYTES("\0\0\4\3\0\0\0\0\1\0\0\0\7"), &out); /* refused */
    assert_true(http2.is_closed);
    http2_release(&http2);
    start_call("x", 1);
    assert_int_equal(0, http2_take(&http2, BYTES(settings), &out));
    http2_take(&http2, BYTES("\0\0\x08\7\0\0\0\0\0\0\0\0\0\0\0\0\0"), &out);
    assert_true(http2.is_closed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_large_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_trailers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_servers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_odd_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reset_and_farewell, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
