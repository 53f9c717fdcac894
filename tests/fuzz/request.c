/*
 * A request, from the parameters to the response. An input is up to seven lines: method, path,
 * query, If-None-Match, User-Agent, Accept, Accept-Language; "-" for one that is not there. A
 * vertical tab stands for a newline.
 */
#include "records.h"

#include "answer.h"
#include "base64.h"
#include "document.h"

enum { METHOD, PATH, QUERY, NONE_MATCH, USER_AGENT, ACCEPT, LANGUAGE, LINES };

#define EXPIRED "11111111-2222-4333-8444-555555555555"
#define BLOCKED "22222222-2222-4333-8444-555555555555"
#define PROBES  "33333333-2222-4333-8444-555555555555"
#define HOSTILE "abcdefab-cdef-4abc-8def-abcdefabcdef"

static const struct sample_file changes[] = {
    {KIND_USER, "8.json",
     "{\"status\": \"active\", \"core_nodes\": [\"" CORE "\"], \"expires\": \"2001-01-01\"}"},
    {KIND_USER, "9.json",
     "{\"username\": \"{uuid}\\\"\\\\; \\u0451 </script>\", \"status\": \"active\", "
     "\"core_nodes\": [\"" CORE "\", \"" CORE_2 "\"], \"traffic_limit\": 5}"},
    {KIND_DEVICE, EXPIRED ".json", "{\"user_id\": 8, \"status\": \"active\"}"},
    {KIND_DEVICE, BLOCKED ".json", "{\"user_id\": 7, \"status\": \"blocked\"}"},
    {KIND_DEVICE, PROBES ".json", "{\"user_id\": 7, \"status\": \"active\"}"},
    {KIND_DEVICE, HOSTILE ".json",
     "{\"user_id\": 9, \"device\": \"\\\"'>{{name}}\\\\ # \\ud83d\\ude00: \\u2028\", "
     "\"status\": \"active\"}"},
    {KIND_ENDPOINT, "one.json",
     "{\"status\": \"active\", \"name\": \"a\\\"b\\\\c\", \"type\": \"ws\", \"path\": \"/?ed=5\", "
     "\"address\": \"one.example\"}"},
    {KIND_ENDPOINT, "two.json",
     "{\"status\": \"active\", \"address\": \"2001:db8::9\", \"type\": \"xhttp\", "
     "\"sni\": \"a.example\", \"extra\": {\"a\": [1, null]}}"},
    {KIND_USER, NULL, NULL},
};
/* Who gets something. */
static const char *const served[] = {DEVICE, HOSTILE};
static const char *const urls[] = {"https://sub.example/api", "http://192.0.2.1:8080"};

static struct config config = {
    .policy = {.urls = {(const char **)(uintptr_t)urls, 2}, .with_user = true},
    .profile = {.title = "{device} {user}",
                .filename = "{device}.txt",
                .announce = "{user}",
                .support_url = "https://a.example/",
                .web_page_url = "https://a.example/{uuid}",
                .routing = "happ://routing/onadd/e30=",
                .update_interval = 12},
    .health = {.has_uuid = true},
};
static struct snapshot snapshot;
static struct site site;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct registry registry;
    struct error error;

    (void)argc;
    (void)argv;
    sample_registry(&registry, changes);
    sample_open(&registry, &config.policy, &snapshot);
    registry_release(&registry);
    config.health.uuid = sample_uuid(PROBES);
    site_init(&site, &config);
    require(liveness_init(&site.liveness, "/nonexistent", &config.health, &error) == 0);
    return 0;
}

/* Asks with copies of its own. Returns the answer's bytes, which the caller releases. */
static struct buf
ask(char *const lines[LINES], struct response *response)
{
    char *copies[LINES];
    struct request request;
    struct buf out;
    int i;

    for (i = 0; i < LINES; i++)
        copies[i] = lines[i] != NULL ? fuzz_string(lines[i], strlen(lines[i])) : NULL;
    request = (struct request){copies[METHOD],     copies[PATH],       copies[QUERY],
                               copies[NONE_MATCH], copies[USER_AGENT], copies[ACCEPT],
                               copies[LANGUAGE]};
    buf_init(&out, 16 * 1024 * 1024);
    memset(response, 0xff, sizeof(*response));
    respond(&request, &site, 1700000000, response);
    response_put(&out, response);
    for (i = 0; i < LINES; i++)
        free(copies[i]);
    require(!out.failed);
    return out;
}

/* The UUID in the path of somebody who gets something, by another reader than respond.c's. */
static const char *
served_by(const char *path)
{
    size_t i;

    if (path == NULL)
        return NULL;
    if (strncmp(path, "/api/", 5) == 0)
        path += 4;
    for (i = 0; i < sizeof(served) / sizeof(served[0]); i++)
        if (path[0] == '/' && strncasecmp(path + 1, served[i], UUID_TEXT) == 0 &&
            (path[1 + UUID_TEXT] == '\0' || path[1 + UUID_TEXT] == '/'))
            return served[i];
    return NULL;
}

static void
check_links(const char *text, size_t len, const char *uuid)
{
    const char *p = text, *end = text + len;
    char start[10 + UUID_TEXT + 1];

    snprintf(start, sizeof(start), "vless://%s@", uuid);
    require(len > 0);
    for (; p < end; p++) {
        require((size_t)(end - p) > strlen(start) && strncmp(p, start, strlen(start)) == 0);
        for (; p < end && *p != '\n'; p++)
            require(*p > ' ' && *p < 0x7f);
    }
}

/* base64 of text, and nothing else. */
static void
check_base64(const char *body, size_t len, const char *uuid)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc(len), *p = text;
    struct buf again;
    size_t i, n;

    require(text != NULL && len > 0 && len % 4 == 0);
    for (i = 0; i < len; i += 4) {
        unsigned bits = 0;

        for (n = 0; n < 4; n++) {
            const char *digit = strchr(digits, body[i + n]);

            require(body[i + n] != '\0' && (digit != NULL || body[i + n] == '='));
            bits = bits << 6 | (digit != NULL ? (unsigned)(digit - digits) : 0);
        }
        *p++ = (char)(bits >> 16);
        *p++ = (char)(bits >> 8);
        *p++ = (char)bits;
    }
    n = (size_t)(p - text) - (body[len - 1] == '=') - (body[len - 2] == '=');
    check_links(text, n, uuid);
    buf_init(&again, 2 * len + 4);
    base64_put(&again, text, n);
    require(again.len == len && memcmp(again.data, body, len) == 0);
    buf_release(&again);
    free(text);
}

static void
check_body(const struct response *response, const char *body, size_t len, const char *uuid)
{
    struct error error;
    json_t *tree = NULL;

    switch (response->format) {
    case FORMAT_BASE64:
        check_base64(body, len, uuid);
        return;
    case FORMAT_LINKS:
        check_links(body, len, uuid);
        return;
    case FORMAT_PAGE:
        require(memchr(body, '\0', len) == NULL);
        /* As the hostile user is called. */
        require(memmem(body, len, "\xd1\x91 </script>", 12) == NULL);
        require(len > 15 && strncasecmp(body, "<!doctype html>", 15) == 0);
        return;
    case FORMAT_CLASH:
        tree = document_parse(body, len, SYNTAX_YAML, &error);
        break;
    default:
        require(response->format == FORMAT_SING_BOX || response->format == FORMAT_XRAY);
        tree = document_parse(body, len, SYNTAX_JSON, &error);
        break;
    }
    require(tree != NULL && memmem(body, len, uuid, UUID_TEXT) != NULL);
    json_decref(tree);
}

/* With what is known now, there is nothing new; with anything else, there is. */
static void
check_revalidated(char *const lines[LINES], const char *etag)
{
    char *asking[LINES], tag[ETAG_SIZE + 8];
    struct response response;
    struct buf out;
    size_t at;

    memcpy(asking, lines, sizeof(asking));
    asking[NONE_MATCH] = tag;
    snprintf(tag, sizeof(tag), "\"a\", W/%s", etag);
    out = ask(asking, &response);
    require(response.status == 304 && strcmp(response.etag, etag) == 0);
    answer_check(&response, &out);
    buf_release(&out);
    snprintf(tag, sizeof(tag), "%s", etag);
    at = 1 + (size_t)(etag[1] + etag[2] + etag[3]) % 16; /* one digit or another */
    tag[at] = tag[at] == '0' ? '1' : '0';
    out = ask(asking, &response);
    require(response.status == 200);
    buf_release(&out);
}

/* HEAD says what GET does, but for the body. */
static void
check_other_method(char *const lines[LINES], const struct buf *out, size_t head)
{
    static char get[] = "GET", head_method[] = "HEAD";
    char *asking[LINES];
    struct response response;
    struct buf other;

    memcpy(asking, lines, sizeof(asking));
    asking[METHOD] = strcmp(lines[METHOD], "GET") == 0 ? head_method : get;
    other = ask(asking, &response);
    require(other.len >= head && memcmp(other.data, out->data, head) == 0);
    buf_release(&other);
}

static void
check_found(char *const lines[LINES], const struct response *response, const struct buf *out)
{
    const char *uuid = served_by(lines[PATH]), *body = answer_check(response, out);
    const char *none_match = lines[NONE_MATCH];
    size_t head = (size_t)(body - out->data);

    require(uuid != NULL && lines[METHOD] != NULL);
    require(strcmp(lines[METHOD], "GET") == 0 || strcmp(lines[METHOD], "HEAD") == 0);
    require(memmem(out->data, head, response->etag, ETAG_SIZE - 1) != NULL);
    if (response->status == 304)
        require(none_match != NULL &&
                (strstr(none_match, response->etag) != NULL || strchr(none_match, '*') != NULL));
    else
        require(none_match == NULL ||
                (strcmp(none_match, response->etag) != 0 && strcmp(none_match, "*") != 0));
    if (response->status == 200 && !response->is_head)
        check_body(response, body, out->len - head, uuid);
    check_other_method(lines, out, head);
    check_revalidated(lines, response->etag);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct response response, second;
    char *lines[LINES], *p;
    struct buf out, again;
    int i;

    fuzz_lines(data, size, lines, LINES);
    for (i = 0; i < LINES; i++)
        for (p = lines[i]; p != NULL && *p != '\0'; p++)
            if (*p == '\v')
                *p = '\n';
    site.snapshot = &snapshot;
    out = ask(lines, &response);
    again = ask(lines, &second);
    require(out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
    require(response.status == 404 || response.status == 200 || response.status == 304);
    if (response.status == 404)
        answer_check_miss(&out);
    else
        check_found(lines, &response, &out);
    buf_release(&again);
    buf_release(&out);
    site.snapshot = NULL;
    out = ask(lines, &response);
    answer_check_outage(&out);
    buf_release(&out);
    for (i = 0; i < LINES; i++)
        free(lines[i]);
    return 0;
}
