/* respond.h: all of HTTP behaviour, as a web server sees it. */
#include "unit.h"

#include "respond.h"
#include "sample.h"

#define PATH  "/" DEVICE
#define BASIC "Content-Type: text/plain; charset=utf-8"
#define LINK                                                                                 \
    "vless://" DEVICE "@shop.example.org:443?type=grpc&encryption=none&serviceName=" SERVICE \
    "&security=tls&sni=shop.example.org&fp=chrome&alpn=h2#phone"
#define MISS   "Status: 404 Not Found\r\nContent-Type: text/html\r\n\r\n"
#define OUTAGE "Status: 503 Service Unavailable\r\n"

static struct snapshot snapshot;
static struct config config;
static struct site site; /* large */
static struct response response;

/* Opens the base registry with changes; the last snapshot is closed. */
static void
serve(const struct sample_file *changes)
{
    struct registry registry;

    snapshot_close(&snapshot);
    sample_registry(&registry, changes);
    sample_open(&registry, NULL, &snapshot);
    registry_release(&registry);
    site.snapshot = &snapshot;
}

static int
setup(void **state)
{
    (void)state;
    snapshot_init(&snapshot);
    site_init(&site, &config);
    serve(sample_base);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    snapshot_close(&snapshot);
    site_release(&site);
    return 0;
}

/* The CGI output for a request, terminated; good until the next. */
static const char *
answer_at(int64_t now, const struct request *request)
{
    static char text[8192];
    struct buf out;

    buf_init(&out, sizeof(text));
    respond(request, &site, now, &response);
    response_put(&out, &response);
    assert_false(out.failed);
    assert_true(out.len < sizeof(text));
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    assert_int_equal(out.len, strlen(text));
    buf_release(&out);
    return text;
}

static const char *
answer(const char *method, const char *path, const char *query, const char *if_none_match)
{
    struct request request = {method, path, query, if_none_match, NULL, NULL, NULL};

    return answer_at(1000, &request);
}

/* A header field's value in an answer: "" when it is not there or there twice. */
static const char *
field(const char *text, const char *name)
{
    static char value[256];
    const char *end = strstr(text, "\r\n\r\n"), *line = text, *next;
    int found = 0;

    value[0] = '\0';
    assert_non_null(end);
    for (; line < end; line = next + 2) {
        next = strstr(line, "\r\n");
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            line += strlen(name);
            assert_memory_equal(": ", line, 2);
            snprintf(value, sizeof(value), "%.*s", (int)(next - line - 2), line + 2);
            found++;
        }
    }
    return found == 1 ? value : "";
}

static int
count_fields(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    int count = 0;

    assert_non_null(end);
    for (; text < end + 2; text = strstr(text, "\r\n") + 2)
        count++;
    return count;
}

static const char *
body_of(const char *text)
{
    return strstr(text, "\r\n\r\n") + 4;
}

/* The tag that a plain GET of the links gets. */
static const char *
etag_of(const char *query)
{
    static char etag[64];

    snprintf(etag, sizeof(etag), "%s", field(answer("GET", PATH, query, NULL), "ETag"));
    return etag;
}

static void
test_gives_links(void **state)
{
    const char *text = answer("GET", PATH, "format=links", NULL), *etag;
    char length[24];

    (void)state;
    assert_int_equal(200, response.status);
    assert_string_equal(LINK, body_of(text));
    assert_int_equal(7, count_fields(text));
    assert_memory_equal("Status: 200 OK\r\n", text, 16);
    assert_string_equal("text/plain; charset=utf-8", field(text, "Content-Type"));
    snprintf(length, sizeof(length), "%zu", strlen(LINK));
    assert_string_equal(length, field(text, "Content-Length"));
    assert_string_equal("private, no-cache", field(text, "Cache-Control"));
    assert_string_equal("User-Agent, Accept", field(text, "Vary"));
    /* A strong tag: opaque characters in quotes. */
    etag = field(text, "ETag");
    assert_true(strlen(etag) > 10 && etag[0] == '"' && etag[strlen(etag) - 1] == '"');
    assert_int_equal(strlen(etag) - 2, strspn(etag + 1, "0123456789abcdef"));
}

static void
test_gives_base64_unless_asked(void **state)
{
    static const char head[] = "dmxlc3M6Ly84ZjNjNWQxZS02MzI0LTRkNTMtYWQ0Zi04Y2RhNDhiMzA4MTF";
    static const char *const queries[] = {NULL,          "",       "a=b", "format=base64",
                                          "format=what", "format="};
    char first[2048];
    size_t i;

    (void)state;
    snprintf(first, sizeof(first), "%s", answer("GET", PATH, NULL, NULL));
    assert_memory_equal(head, body_of(first), sizeof(head) - 1);
    assert_int_equal((strlen(LINK) + 2) / 3 * 4, strlen(body_of(first)));
    assert_null(strpbrk(body_of(first), "\r\n-_ "));
    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        assert_string_equal(first, answer("GET", PATH, queries[i], NULL));
}

static void
test_takes_two_forms_of_path_in_either_case(void **state)
{
    static const char *const good[] = {PATH, "/api" PATH, "/8F3C5D1E-6324-4D53-AD4F-8CDA48B30811",
                                       "/api/8F3C5D1E-6324-4D53-AD4F-8CDA48B30811"};
    static const char *const wrong[] = {
        NULL,
        "",
        "/",
        DEVICE,
        "/api",
        "/api/",
        "/api/api" PATH,
        PATH "/",
        "/" PATH,
        "//api" PATH,
        "/api/" PATH,
        "/api" PATH "/",
        "/API" PATH,
        "/apis" PATH,
        "/x" PATH,
        "api" PATH,
        PATH " ",
        " " PATH,
        PATH "0",
        PATH "\n",
        PATH "%00",
        PATH "?format=links",
        PATH ".txt",
        "/{" DEVICE "}",
        "/urn:uuid:" DEVICE,
        PATH PATH,
        "/./" DEVICE,
        "/../" DEVICE,
        "/api/../" DEVICE,
        "/8f3c5d1e63244d53ad4f8cda48b30811",
        /* What limits requests by address would count each of these apart. */
        "/8f3C5d1E-6324-4d53-AD4f-8cda48b30811",
        "/api/8F3C5D1E-6324-4D53-AD4F-8cDA48B30811",
        "/api/8f3c5d1e-6324-4d53-ad4f-8cdA48b30811",
        "/" UNKNOWN,
        "/api/" UNKNOWN,
        "/api/8f3c5d1e",
        "\\" DEVICE,
        "*",
        "/00000000-0000-0000-0000-000000000000",
    };
    char first[2048];
    size_t i;

    (void)state;
    snprintf(first, sizeof(first), "%s", answer("GET", PATH, NULL, NULL));
    assert_int_equal(200, response.status);
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_string_equal(first, answer("GET", good[i], NULL, NULL));
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (strcmp(answer("GET", wrong[i], "format=links", NULL), MISS) != 0)
            fail_msg("'%s' is answered", wrong[i]);
}

/* Whatever is missing, and by whatever method: the same bytes. */
static void
test_misses_are_all_the_same(void **state)
{
    static const char *const methods[] = {"POST",  "PUT", "DELETE", "OPTIONS", "PATCH",
                                          "TRACE", "get", "head",   "CONNECT", "GETX",
                                          "HEADX", "",    " GET",   NULL};
    static const struct sample_file refused[] = {
        {KIND_DEVICE, DEVICE ".json", "{\"status\": \"inactive\", \"user_id\": 7}"},
        {KIND_DEVICE, DEVICE ".json", "{\"status\": \"blocked\", \"user_id\": 7}"},
        {KIND_DEVICE, DEVICE ".json", ACTIVE ", \"user_id\": 8}"},
        {KIND_USER, "7.json", "{\"status\": \"archived\", \"core_nodes\": [\"" CORE "\"]}"},
        {KIND_USER, "7.json", USER ", \"expires\": \"1970-01-01T00:00:01Z\"}"},
        {KIND_USER, "7.json", ACTIVE "}"},
        {KIND_ROUTE, ROUTE ".json", NULL},
    };
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        assert_string_equal(MISS, answer(methods[i], PATH, NULL, NULL));
        assert_string_equal(MISS, answer(methods[i], "/x", NULL, "*"));
    }
    assert_string_equal(MISS, answer("HEAD", "/" UNKNOWN, NULL, NULL));
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        serve(FILES(refused[i]));
        assert_string_equal(MISS, answer("GET", PATH, NULL, NULL));
        assert_string_equal(MISS, answer("GET", PATH, "format=links", "*"));
        assert_string_equal(MISS, answer("HEAD", PATH, NULL, NULL));
        for (n = 0; n < sizeof(methods) / sizeof(methods[0]); n++)
            assert_string_equal(MISS, answer(methods[n], PATH, NULL, NULL));
    }
}

static void
test_head_is_get_without_body(void **state)
{
    static const char *const queries[] = {NULL, "format=links"};
    char get[4096];
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        snprintf(get, sizeof(get), "%s", answer("GET", PATH, queries[i], NULL));
        *(strstr(get, "\r\n\r\n") + 4) = '\0';
        assert_string_equal(get, answer("HEAD", PATH, queries[i], NULL));
    }
}

/* Asks with an If-None-Match that is the pattern with the tag in place of each @. */
static void
check_match(const char *pattern, const char *etag, bool matches)
{
    char header[512] = "";
    const char *p;

    for (p = pattern; *p != '\0'; p++)
        strncat(header, *p == '@' ? etag : p, *p == '@' ? strlen(etag) : 1);
    (void)answer("GET", PATH, NULL, header);
    if (response.status != (matches ? 304 : 200))
        fail_msg("If-None-Match: %s: %d", header, response.status);
    (void)answer("HEAD", PATH, NULL, header);
    assert_int_equal(matches ? 304 : 200, response.status);
}

static void
test_compares_tags_weakly_and_in_lists(void **state)
{
    static const char *const same[] = {
        "@",           "W/@",          " @ ",        "\"a\", @", "@, \"a\"",   "\"a\",@",
        "\"a\" , W/@", "W/\"a\", W/@", ", ,@",       "@,",       "\"a,b\", @", "\t@",
        "\"\", @",     "\"W/\", @",    "@, garbage", "*",        " * ",        "\"*\", @",
    };
    static const char *const other[] = {
        "",     " ",   ",",    "\"\"",    "W/",    "W/\"\"", "\"a\"",      "garbage", "\"",
        "W/\"", "\"a", "a, b", "w/\"a\"", "\"*\"", "W/*",    "\"a\", \"b", "W",       "/\"a\"",
    };
    char etag[64], cut[64];
    size_t i;

    (void)state;
    snprintf(etag, sizeof(etag), "%s", etag_of(NULL));
    for (i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        check_match(same[i], etag, true);
    for (i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        check_match(other[i], etag, false);
    /* Every cut of the tag, its inside, and more than it. */
    for (i = 0; i < strlen(etag); i++) {
        snprintf(cut, sizeof(cut), "%.*s", (int)i, etag);
        check_match("@", cut, false);
        check_match("@,\"", cut, false);
        check_match("\"@", cut, false);
        check_match("W/@", cut, false);
    }
    snprintf(cut, sizeof(cut), "%.*s", (int)strlen(etag) - 2, etag + 1);
    check_match("@", cut, false);
    check_match("\"@x\"", cut, false);
    check_match("\"x@\"", cut, false);
    check_match("\"W/@\"", cut, false);
    /* A quote that is not closed does not lead past the end. */
    memcpy(cut, "\"a\0", 3);
    memcpy(cut + 3, etag, strlen(etag) + 1);
    (void)answer("GET", PATH, NULL, cut);
    assert_int_equal(200, response.status);
}

static void
test_says_not_modified(void **state)
{
    char etag[64];
    const char *text;

    (void)state;
    snprintf(etag, sizeof(etag), "%s", etag_of(NULL));
    text = answer("GET", PATH, NULL, etag);
    assert_memory_equal("Status: 304 Not Modified\r\n", text, 26);
    assert_string_equal("", body_of(text));
    assert_int_equal(5, count_fields(text));
    /* RFC 9110 section 15.4.5: what a 200 would have said. */
    assert_string_equal(etag, field(text, "ETag"));
    assert_string_equal("private, no-cache", field(text, "Cache-Control"));
    assert_string_equal("User-Agent, Accept", field(text, "Vary"));
    /* The tag of another format is another tag. */
    (void)answer("GET", PATH, "format=links", etag);
    assert_int_equal(200, response.status);
}

static void
test_tags_the_content(void **state)
{
    char links[64], base64[64];

    (void)state;
    snprintf(links, sizeof(links), "%s", etag_of("format=links"));
    snprintf(base64, sizeof(base64), "%s", etag_of(NULL));
    assert_string_not_equal(links, base64);
    /* Another snapshot of the same records, and then with more of no consequence. */
    serve(sample_base);
    assert_string_equal(links, etag_of("format=links"));
    serve(FILES({KIND_DEVICE, UNKNOWN ".json", ACTIVE ", \"user_id\": 7}"},
                {KIND_USER, "7.json", USER ", \"expires\": \"2030-01-01\"}"}));
    assert_string_equal(links, etag_of("format=links"));
    assert_string_equal(base64, etag_of("a=b&format=base64"));
    /* A rotated path, another name. */
    serve(FILES({KIND_ROUTE, ROUTE ".json", ACTIVE ", \"client_service_name\": \"other\"}"}));
    assert_string_not_equal(links, etag_of("format=links"));
    assert_string_not_equal(base64, etag_of(NULL));
    serve(FILES({KIND_DEVICE, DEVICE ".json", ACTIVE ", \"user_id\": 7, \"device\": \"tablet\"}"}));
    assert_string_not_equal(links, etag_of("format=links"));
}

static void
test_is_an_outage_without_snapshot(void **state)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "", NULL};
    static const char *const paths[] = {PATH, "/api" PATH, "/" UNKNOWN, "/", "/x", "", NULL};
    const char *text;
    size_t i;

    (void)state;
    site.snapshot = NULL;
    for (i = 0; i < 5 * 7; i++) {
        text = answer(methods[i / 7], paths[i % 7], i % 2 ? "format=links" : NULL,
                      i % 3 ? "*" : NULL);
        assert_int_equal(503, response.status);
        assert_false(response.is_damaged);
        assert_memory_equal(OUTAGE, text, sizeof(OUTAGE) - 1);
        assert_true(atoi(field(text, "Retry-After")) > 0);
        assert_string_equal("", body_of(text));
        assert_string_equal("", field(text, "ETag"));
        assert_string_equal("", field(text, "Cache-Control"));
    }
    site.snapshot = &snapshot;
    (void)answer("GET", PATH, NULL, NULL);
    assert_int_equal(200, response.status);
}

/* A snapshot that cannot be trusted is an outage too, for those who ask for what is damaged. */
static void
test_is_an_outage_on_damage(void **state)
{
    struct snapshot closed;

    (void)state;
    snapshot_init(&closed);
    site.snapshot = &closed;
    assert_memory_equal(OUTAGE, answer("GET", PATH, NULL, NULL), sizeof(OUTAGE) - 1);
    assert_true(response.is_damaged);
    assert_string_equal(MISS, answer("GET", "/x", NULL, NULL));
}

static void
test_expires_at_the_second(void **state)
{
    struct request request = {"GET", PATH, "format=links", NULL, NULL, NULL, NULL};

    (void)state;
    serve(FILES({KIND_USER, "7.json", USER ", \"expires\": \"1970-01-01T00:16:40Z\"}"}));
    assert_string_equal(LINK, body_of(answer_at(999, &request)));
    assert_string_equal(MISS, answer_at(1000, &request));
    assert_int_equal(REFUSAL_EXPIRED, response.refusal);
    request.if_none_match = "*";
    request.method = "HEAD";
    assert_string_equal(MISS, answer_at(1001, &request));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gives_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gives_base64_unless_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_takes_two_forms_of_path_in_either_case, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_misses_are_all_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_is_get_without_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compares_tags_weakly_and_in_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_says_not_modified, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tags_the_content, setup, teardown),
        cmocka_unit_test_setup_teardown(test_is_an_outage_without_snapshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_is_an_outage_on_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expires_at_the_second, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
