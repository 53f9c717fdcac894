/* http_ask.h and target.h: what is asked of an entry's HTTP server, and of the target. */
#include "unit.h"

#include "clients.h"
#include "http_ask.h"
#include "target.h"

static struct buf buf;

static int
setup(void **state)
{
    (void)state;
    buf_init(&buf, 1 << 16);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    buf_release(&buf);
    return 0;
}

static const char *
text(void)
{
    buf_putc(&buf, '\0');
    assert_false(buf.failed);
    return buf.data;
}

static void
test_a_whole_upgrade(void **state)
{
    struct client client = client_of(TRANSPORT_WS, SECURITY_TLS);

    (void)state;
    http_ask_upgrade(&buf, &client, "a2V5");
    assert_string_equal("GET /p HTTP/1.1\r\nHost: sni.example\r\nUser-Agent: " HTTP_ASK_AGENT
                        "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a2V5\r\n\r\n",
                        text());
    buf_clear(&buf);
    client.type = TRANSPORT_HTTPUPGRADE;
    client.host = "front.example";
    http_ask_upgrade(&buf, &client, "a2V5");
    assert_string_equal("GET /p HTTP/1.1\r\nHost: front.example\r\nUser-Agent: " HTTP_ASK_AGENT
                        "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                        text());
}

static void
check_line(enum transport type, const char *path, const char *expected)
{
    struct client client = client_of(type, SECURITY_NONE);
    char *line;

    client.path = path;
    buf_clear(&buf);
    http_ask_upgrade(&buf, &client, "");
    text();
    line = strstr(buf.data, " HTTP/1.1\r\n");
    assert_non_null(line);
    *line = '\0';
    assert_memory_equal("GET ", buf.data, 4);
    assert_string_equal(expected, buf.data + 4);
}

static void
test_paths_of_ws(void **state)
{
    (void)state;
    check_line(TRANSPORT_WS, NULL, "/");
    check_line(TRANSPORT_WS, "", "/");
    check_line(TRANSPORT_WS, "/ws", "/ws");
    check_line(TRANSPORT_WS, "/ws?ed=2048", "/ws");
    check_line(TRANSPORT_WS, "/ws?ed", "/ws");
    check_line(TRANSPORT_WS, "/ws?ed=2048&a=b", "/ws?a=b");
    check_line(TRANSPORT_WS, "/ws?a=b&ed=2048", "/ws?a=b");
    check_line(TRANSPORT_WS, "/ws?a=b&ed=2048&c=d", "/ws?a=b&c=d");
    check_line(TRANSPORT_WS, "/ws?edge=1&ed=1", "/ws?edge=1");
    check_line(TRANSPORT_WS, "/ws?", "/ws");
    check_line(TRANSPORT_WS, "/a%20b", "/a%20b");
    check_line(TRANSPORT_WS, "/a b#\r\né", "/a%20b%23%0D%0A%C3%A9");
    check_line(TRANSPORT_WS, "/a?b c\r\n", "/a?b%20c%0D%0A");
}

static void
test_paths_of_httpupgrade(void **state)
{
    (void)state;
    check_line(TRANSPORT_HTTPUPGRADE, NULL, "/");
    check_line(TRANSPORT_HTTPUPGRADE, "/hu?ed=2048", "/hu");
    check_line(TRANSPORT_HTTPUPGRADE, "/hu?a=b&ed=1&c", "/hu%3Fa=b&c");
    check_line(TRANSPORT_HTTPUPGRADE, "/a%20b", "/a%2520b");
    check_line(TRANSPORT_HTTPUPGRADE, "/a b\r\n", "/a%20b%0D%0A");
}

static void
test_hosts(void **state)
{
    struct client client = client_of(TRANSPORT_WS, SECURITY_NONE);

    (void)state;
    client.address = "2001:db8::1";
    http_ask_upgrade(&buf, &client, "");
    assert_non_null(strstr(text(), "\r\nHost: [2001:db8::1]\r\n"));
    buf_clear(&buf);
    client.address = "203.0.113.1";
    client.sni = "not.used";
    http_ask_upgrade(&buf, &client, "");
    assert_non_null(strstr(text(), "\r\nHost: 203.0.113.1\r\n"));
}

static void
check_connect(const char *host, unsigned port, const char *user, const char *expected)
{
    buf_clear(&buf);
    http_ask_connect(&buf, host, port, user);
    assert_string_equal(expected, text());
}

static void
test_connect(void **state)
{
    (void)state;
    check_connect("a.example", 80, "n0",
                  "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n"
                  "Proxy-Authorization: Basic bjA6bg==\r\n\r\n");
    check_connect("203.0.113.1", 8080, "n12",
                  "CONNECT 203.0.113.1:8080 HTTP/1.1\r\nHost: 203.0.113.1:8080\r\n"
                  "Proxy-Authorization: Basic bjEyOm4=\r\n\r\n");
    check_connect("2001:db8::1", 65535, "n18446744073709551615",
                  "CONNECT [2001:db8::1]:65535 HTTP/1.1\r\nHost: [2001:db8::1]:65535\r\n"
                  "Proxy-Authorization: Basic bjE4NDQ2NzQ0MDczNzA5NTUxNjE1Om4=\r\n\r\n");
}

static void
check_grpc(const char *service, const char *mode, const char *expected)
{
    struct client client = client_of(TRANSPORT_GRPC, SECURITY_TLS);

    client.service = service;
    client.mode = mode;
    buf_clear(&buf);
    http_ask_grpc_path(&buf, &client);
    assert_string_equal(expected, text());
}

/* As Xray's own tests of its configuration have them. */
static void
test_grpc_paths(void **state)
{
    (void)state;
    check_grpc("api.v2.rpc.0123", NULL, "/api.v2.rpc.0123/Tun");
    check_grpc("api.v2.rpc.0123", "gun", "/api.v2.rpc.0123/Tun");
    check_grpc("api.v2.rpc.0123", "multi", "/api.v2.rpc.0123/TunMulti");
    check_grpc(NULL, NULL, "//Tun");
    check_grpc("hello/world!", NULL, "/hello%2Fworld%21/Tun");
    check_grpc("a b,c;d?e%\r\n", NULL, "/a%20b%2Cc%3Bd%3Fe%25%0D%0A/Tun");
    check_grpc("a$&+=:@b", NULL, "/a$&+=:@b/Tun");
    check_grpc("/my/sample/path1|path2", NULL, "/my/sample/path1");
    check_grpc("/my/sample/path1|path2", "multi", "/my/sample/path2");
    check_grpc("/my/sample/path1", "multi", "/my/sample/path1");
    check_grpc("/hello world/a/b c|d", NULL, "/hello%20world/a/b%20c");
    check_grpc("/a//b", NULL, "/a//b");
    check_grpc("/a/", NULL, "/a/");
}

static void
check_authority(const struct client *client, const char *expected)
{
    buf_clear(&buf);
    http_ask_grpc_authority(&buf, client);
    assert_string_equal(expected, text());
}

static void
test_grpc_authority(void **state)
{
    struct client client = client_of(TRANSPORT_GRPC, SECURITY_TLS);

    (void)state;
    client.authority = "authority.example";
    check_authority(&client, "authority.example");
    client.authority = NULL;
    check_authority(&client, "sni.example");
    client.sni = NULL;
    check_authority(&client, "a.example");
    client.address = "2001:db8::1";
    check_authority(&client, "[2001:db8::1]:443");
    client.address = "203.0.113.1";
    check_authority(&client, "203.0.113.1:443");
    client.address = "1.2.3.4.example";
    check_authority(&client, "1.2.3.4.example");
}

static void
check_target(const char *url, const char *request)
{
    struct target target = {.host = NULL};
    struct error error = {.text = ""};
    struct pool pool;

    pool_init(&pool);
    if (target_parse(&target, url, 204, 7, &pool, &error) == 0) {
        assert_int_equal(204, target.status);
        assert_int_equal(7, target.body);
        buf_clear(&buf);
        target_put_request(&buf, &target);
        text();
        *strstr(buf.data, "User-Agent") = '\0';
        if (request == NULL)
            fail_msg("taken: %s", url);
        assert_string_equal(request, buf.data);
    } else {
        assert_true(error.text[0] != '\0');
        assert_null(target.host);
        if (request != NULL)
            fail_msg("refused: %s: %s", url, error.text);
    }
    pool_release(&pool);
}

static void
test_targets(void **state)
{
    (void)state;
    check_target("http://a.example/generate_204",
                 "GET /generate_204 HTTP/1.1\r\nHost: a.example\r\n");
    check_target("http://A.example", "GET / HTTP/1.1\r\nHost: a.example\r\n");
    check_target("http://a.example?x", "GET /?x HTTP/1.1\r\nHost: a.example\r\n");
    check_target("http://203.0.113.1:8080/", "GET / HTTP/1.1\r\nHost: 203.0.113.1:8080\r\n");
    check_target("http://[2001:db8::1]:8080/a:b?c",
                 "GET /a:b?c HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n");
    check_target("http://[2001:db8::1]", "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n");
}

static void
test_no_targets(void **state)
{
    static const char *const urls[] = {
        "",
        "a.example",
        "https://a.example/",
        "HTTP://a.example/",
        "http:/a.example/",
        "http://",
        "http:///",
        "http://:80/",
        "http://a.example:/",
        "http://a.example:0/",
        "http://a.example:65536/",
        "http://a.example:080000/",
        "http://a.example:8x/",
        "http://user@a.example/",
        "http://user:pass@a.example/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[a.example]/",
        "http://::1/",
        "http://a_b/",
        "http://a.example/a b",
        "http://a.example/a\r\nHost: b",
        "http://a.example/\x7f",
        "http://a.example/é",
        "http://a.example/#x",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        check_target(urls[i], NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_whole_upgrade, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths_of_ws, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths_of_httpupgrade, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connect, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grpc_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grpc_authority, setup, teardown),
        cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_targets, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
