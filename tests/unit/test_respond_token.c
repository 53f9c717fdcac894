/* respond.h: a device that is asked for by a token. */
#include "unit.h"

#include "respond.h"
#include "sample.h"

#define TOKEN   "AbCdEfGhIjKlMnOpQrSt_-"
#define OTHER   "other-panels-token_1"
#define ENDS    "Ends0000000000000000_-"
#define SHARED  "Shared00000000000000_-"
#define SECOND  "8f3c5d1e-6324-4d53-ad4f-8cda48b30813"
#define ENDS_AT 1772323200 /* 2026-03-01 */
#define NOW     1000

#define TOKENS                                                                                    \
    "\"tokens\": [\"" TOKEN "\", {\"token\": \"" OTHER "\"}, \"" SHARED "\", {\"token\": \"" ENDS \
    "\", \"until\": \"2026-03-01T00:00:00Z\"}]"
#define DEVICE_FILE(more)                                                                        \
    {                                                                                            \
        KIND_DEVICE, DEVICE ".json", ACTIVE ", \"user_id\": 7, \"device\": \"phone\", " more "}" \
    }

static struct snapshot snapshot;
static const char *const url = "https://example.org/api";
static struct config config = {.policy = {.urls = {(const char **)(uintptr_t)&url, 1}}};
static struct site site; /* large */
static struct response response;

static void
serve(const struct sample_file *changes, bool by_token_only)
{
    struct policy_options options = {.by_token_only = by_token_only};
    struct registry registry;

    snapshot_close(&snapshot);
    sample_registry(&registry, changes);
    sample_open(&registry, &options, &snapshot);
    registry_release(&registry);
    site.snapshot = &snapshot;
}

static int
setup(void **state)
{
    (void)state;
    snapshot_init(&snapshot);
    site_init(&site, &config);
    serve(FILES(DEVICE_FILE(TOKENS), {KIND_DEVICE, SECOND ".json",
                                      ACTIVE ", \"user_id\": 7, \"tokens\": [\"" SHARED "\"]}"}),
          false);
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

/* The CGI output for a path and a query. The caller frees it. */
static char *
ask(const char *method, const char *path, const char *query, int64_t now)
{
    struct request request = {.method = method, .path = path, .query = query};
    struct buf out;

    buf_init(&out, 4 * 1024 * 1024);
    respond(&request, &site, now, &response);
    response_put(&out, &response);
    buf_putc(&out, '\0');
    assert_false(out.failed);
    return out.data;
}

static int
status_at(const char *path, int64_t now)
{
    free(ask("GET", path, "", now));
    return response.status;
}

/* Takes every occurrence of a word out of a text. */
static void
drop(char *text, const char *word)
{
    char *at;

    while ((at = strstr(text, word)) != NULL)
        memmove(at, at + strlen(word), strlen(at + strlen(word)) + 1);
}

static void
test_a_token_is_answered_as_the_uuid(void **state)
{
    static const char *const queries[] = {
        "", "format=base64", "format=links", "format=clash", "format=sing-box", "format=xray"};
    static const char *const methods[] = {"GET", "HEAD"};
    char *by_uuid, *by_token;
    size_t i;

    (void)state;
    for (i = 0; i < 12; i++) {
        by_uuid = ask(methods[i % 2], "/api/" DEVICE, queries[i / 2], NOW);
        assert_int_equal(200, response.status);
        by_token = ask(methods[i % 2], "/api/" TOKEN, queries[i / 2], NOW);
        /* It differs in the address that is told back, and in nothing else. */
        assert_non_null(strstr(by_uuid, "profile-web-page-url: https://example.org/api/" DEVICE));
        assert_non_null(strstr(by_token, "profile-web-page-url: https://example.org/api/" TOKEN));
        drop(by_uuid, DEVICE);
        drop(by_token, DEVICE);
        drop(by_token, TOKEN);
        assert_string_equal(by_uuid, by_token);
        free(by_uuid);
        free(by_token);
    }
}

static void
test_every_way_to_write_it(void **state)
{
    (void)state;
    assert_int_equal(200, status_at("/" TOKEN, NOW));
    assert_int_equal(200, status_at("/api/" OTHER, NOW));
    assert_int_equal(200, status_at("/" TOKEN "/clash", NOW));
    assert_int_equal(200, status_at("/api/" TOKEN "/links", NOW));
    assert_int_equal(404, status_at("/api/" TOKEN "/x", NOW));
    assert_int_equal(404, status_at("/api/" TOKEN "x", NOW));
    assert_int_equal(404, status_at("/api/" TOKEN ".", NOW));
    assert_int_equal(404, status_at("/api/abCdEfGhIjKlMnOpQrSt_-", NOW));
    assert_int_equal(404, status_at("/api/AbCdEfGhIjKlMnOpQrSt_", NOW));
    assert_int_equal(404, status_at("/api/api/" TOKEN, NOW));
}

static void
test_the_page_tells_the_address_that_was_asked_for(void **state)
{
    char *page;

    (void)state;
    page = ask("GET", "/api/" TOKEN, "format=page", NOW);
    assert_int_equal(200, response.status);
    assert_non_null(strstr(page, "https://example.org/api/" TOKEN));
    assert_null(strstr(page, "https://example.org/api/" DEVICE));
    free(page);
    /* From the pages that are kept, each gets its own. */
    page = ask("GET", "/api/" DEVICE, "format=page", NOW);
    assert_non_null(strstr(page, "https://example.org/api/" DEVICE));
    assert_null(strstr(page, "https://example.org/api/" TOKEN));
    free(page);
}

static void
test_it_ends_at_the_second(void **state)
{
    (void)state;
    assert_int_equal(200, status_at("/" ENDS, ENDS_AT - 1));
    assert_int_equal(404, status_at("/" ENDS, ENDS_AT));
    assert_int_equal(REFUSAL_ADDRESS, response.refusal);
    assert_int_equal(200, status_at("/" TOKEN, INT64_MAX - 1));
    assert_int_equal(200, status_at("/" DEVICE, ENDS_AT));
}

static void
test_one_of_two_devices_is_nobodys(void **state)
{
    (void)state;
    assert_int_equal(404, status_at("/" SHARED, NOW));
    assert_int_equal(REFUSAL_UNKNOWN, response.refusal);
    assert_int_equal(200, status_at("/" SECOND, NOW));
}

static void
test_without_uuid_addresses(void **state)
{
    char *miss, *other;

    (void)state;
    serve(FILES(DEVICE_FILE(TOKENS)), true);
    assert_int_equal(200, status_at("/" TOKEN, NOW));
    miss = ask("GET", "/" DEVICE, "", NOW);
    assert_int_equal(REFUSAL_ADDRESS, response.refusal);
    other = ask("GET", "/" UNKNOWN, "", NOW);
    assert_string_equal(other, miss);
    free(miss);
    free(other);
    /* A device may say otherwise, either way. */
    serve(FILES(DEVICE_FILE("\"uuid_addresses\": \"on\"")), true);
    assert_int_equal(200, status_at("/" DEVICE, NOW));
    serve(FILES(DEVICE_FILE("\"uuid_addresses\": \"off\", " TOKENS)), false);
    assert_int_equal(404, status_at("/" DEVICE, NOW));
    assert_int_equal(200, status_at("/" TOKEN, NOW));
    /* What nothing leads to is not in the snapshot. */
    serve(FILES(DEVICE_FILE("\"uuid_addresses\": \"off\"")), false);
    assert_int_equal(404, status_at("/" DEVICE, NOW));
    assert_int_equal(REFUSAL_UNKNOWN, response.refusal);
}

static void
test_a_token_lives_no_longer_than_its_device(void **state)
{
    (void)state;
    serve(FILES({KIND_DEVICE, DEVICE ".json",
                 "{\"status\": \"blocked\", \"user_id\": 7, " TOKENS "}"}),
          false);
    assert_int_equal(404, status_at("/" TOKEN, NOW));
    serve(FILES(DEVICE_FILE(TOKENS),
                {KIND_USER, "7.json", USER ", \"expires\": \"2026-03-01T00:00:00Z\"}"}),
          false);
    assert_int_equal(200, status_at("/" TOKEN, ENDS_AT - 1));
    assert_int_equal(404, status_at("/" TOKEN, ENDS_AT));
    assert_int_equal(REFUSAL_EXPIRED, response.refusal);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_token_is_answered_as_the_uuid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_way_to_write_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_page_tells_the_address_that_was_asked_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_it_ends_at_the_second, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_of_two_devices_is_nobodys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_uuid_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_token_lives_no_longer_than_its_device, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
