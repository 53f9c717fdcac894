/* signpost explain: what a device gets and why, step by step along the policy. */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cli.h"
#include "explain_parts.h"
#include "date.h"
#include "document.h"
#include "format.h"
#include "negotiate.h"
#include "policy.h"
#include "snapshot.h"
#include "state.h"
#include "subscription.h"

static const char help[] =
    "usage: signpost explain [-c FILE] [--json] [--user-agent UA] UUID|TOKEN\n"
    "\n"
    "Says what the registry gives this device and why, or at which step it is\n"
    "refused: the device, its user, the core, each route and endpoint. Then whether\n"
    "the snapshot in service gives the same.\n"
    "\n"
    "  -c FILE   settings\n"
    "  --json    for programs\n"
    "  --user-agent UA\n"
    "            for the app that calls itself so: its form, and what it cannot use\n"
    "\n"
    "Exit status: 0 it gets links, 1 it is refused, 2 nothing could be told.\n";

enum { LINKS_MAX = 2 * 1024 * 1024 };

/* Everything that an explanation is made from. */
struct explain {
    const struct config *config;
    struct registry registry;
    struct policy policy;
    struct token_owners tokens;
    struct uuid uuid;
    const char *token; /* what it is asked by instead; NULL: by the UUID */
    const struct device *device;
    const struct user *user;
    enum refusal refusal;
    struct subscription *subscription;
    const char *user_agent; /* NULL: of nobody in particular */
    struct choice choice;
    struct liveness liveness;
    int64_t now;
    json_t *out;
};

static json_t *
json_strings(const struct strings *list)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < list->count; i++)
        json_array_append_new(array, json_string(list->items[i]));
    return array;
}

static void
add_people(struct explain *explain)
{
    const struct device *device = explain->device;
    const struct user *user = explain->user;
    char expires[DATE_TEXT] = "";

    if (device != NULL) {
        json_t *facts = json_pack("{s:s?, s:s, s:s}", "name", device->name, "status",
                                  status_name(device->record.status), "path", device->record.path);

        if (device->addresses != NULL && device->addresses->count > 0)
            json_object_set_new(facts, "tokens",
                                explain_tokens(&explain->tokens, device, explain->now));
        json_object_set_new(explain->out, "device", facts);
    }
    if (user == NULL)
        return;
    if (user->expires != EXPIRES_NEVER)
        date_format(user->expires, expires);
    json_object_set_new(
        explain->out, "user",
        json_pack("{s:I, s:s?, s:s, s:s, s:s?, s:o, s:o}", "id", (json_int_t)user->id, "name",
                  user->username, "status", status_name(user->record.status), "path",
                  user->record.path, "expires", expires[0] != '\0' ? expires : NULL, "core_nodes",
                  json_strings(&user->cores), "groups", json_strings(&user->groups)));
}

/* What an endpoint asks for and the app does not know, in words; NULL: nothing. */
static char *
unknown_features(const struct explain *explain, const struct endpoint *endpoint)
{
    uint32_t unknown = features_of(&endpoint->client) & ~explain->choice.known;
    struct buf words;
    int i;

    if (unknown == 0 || explain->choice.format == FORMAT_NONE)
        return NULL;
    buf_init(&words, 4096);
    buf_printf(&words, "%s as %s does not know",
               explain->choice.app != NULL ? explain->choice.app : "the app",
               format_name(explain->choice.format));
    for (i = 0; i < FEATURES; i++)
        if ((unknown & FEATURE_BIT(i)) != 0)
            buf_printf(&words, " %s%s", feature_name((enum feature)i),
                       unknown >> (i + 1) != 0 ? "," : "");
    buf_putc(&words, '\0');
    return words.data;
}

/* What is known of the endpoint's node, in a word. */
static const char *
health_of(const struct explain *explain, const struct endpoint *endpoint)
{
    struct set_entry entry = {.id = 0};

    if (endpoint->refusal != REFUSAL_NONE || endpoint->client.address == NULL)
        return NULL;
    set_identify(endpoint, &entry);
    if (drained_has(&explain->liveness.drained, entry.node))
        return "drained";
    return health_state_word(liveness_of(&explain->liveness, explain->now, &entry));
}

/* Every route and endpoint with its verdict for this user; returns how many he gets. */
static size_t
add_endpoints(struct explain *explain)
{
    json_t *array = json_array();
    size_t i, served = 0;

    for (i = 0; i < explain->policy.count; i++) {
        const struct endpoint *endpoint = &explain->policy.endpoints[i];
        enum refusal refusal = policy_endpoint(&explain->policy, explain->user, endpoint);
        char *unknown = NULL;

        served += refusal == REFUSAL_NONE;
        if (refusal == REFUSAL_NONE && (unknown = unknown_features(explain, endpoint)) != NULL)
            refusal = REFUSAL_CLIENT;
        json_array_append_new(
            array,
            json_pack("{s:s, s:s, s:s?, s:s, s:s?, s:i, s:o, s:s?, s:s?}", "id", endpoint->id,
                      "path", endpoint->path, "address", endpoint->client.address, "status",
                      status_name(endpoint->status), "health", health_of(explain, endpoint),
                      "priority", endpoint->priority, "groups", json_strings(endpoint->groups),
                      "refusal", refusal == REFUSAL_NONE ? NULL : refusal_token(refusal), "reason",
                      refusal == REFUSAL_NONE ? NULL
                      : unknown != NULL       ? unknown
                                              : refusal_text(refusal)));
        free(unknown);
    }
    json_object_set_new(explain->out, "endpoints", array);
    return served;
}

/* A profile holds fewer than a list may. */
static void
cap(struct explain *explain)
{
    if (format_is_profile(explain->choice.format) && explain->subscription->count > PROFILE_MAX)
        explain->subscription->count = PROFILE_MAX;
}

/* The links by the very steps that the responder takes, from a set that is encoded here. */
static int
make_links(struct explain *explain, struct buf set[SET_FORMS], struct buf *links)
{
    const struct endpoint **list = calloc(explain->policy.count + 1, sizeof(*list));
    struct subscription *subscription = explain->subscription;
    struct error error;
    size_t count, encoded;
    int rc = -1;

    if (list != NULL) {
        count = policy_select(&explain->policy, explain->user, list);
        rc = set_encode(set, list, count, &explain->policy.options,
                        policy_is_wide(&explain->policy, explain->user), &encoded, &error);
    }
    free(list);
    if (rc != 0 || set_decode(set[SET_LINKS].data, set[SET_LINKS].len, &subscription->set) != 0)
        return -1;
    subscription->uuid = explain->uuid;
    subscription->device.name = policy_device_name(explain->device, explain->user);
    subscription->device.name_len = strlen(subscription->device.name);
    subscription_order(subscription, explain->choice.known, &explain->liveness, explain->now);
    cap(explain);
    if (subscription->count == 0)
        explain->refusal = REFUSAL_CLIENT;
    else
        format_links(links, subscription);
    return 0;
}

static json_t *
split_lines(const struct buf *links)
{
    json_t *array = json_array();
    const char *p = links->data, *end = p + links->len;

    while (p != NULL && p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((newline != NULL ? newline : end) - p);

        json_array_append_new(array, json_stringn(p, len));
        p += len + 1;
    }
    return array;
}

/* What the responder would answer now, against what the registry says. */
static void
add_service(struct explain *explain, const struct buf *expected)
{
    const char *word = "no snapshot";
    struct snapshot snapshot;
    char path[PATH_MAX];
    struct error error;
    struct buf links;

    snapshot_init(&snapshot);
    buf_init(&links, LINKS_MAX);
    if (state_snapshot_path(explain->config->state, path, sizeof(path), &error) == 0 &&
        snapshot_open(&snapshot, path, &error) == 0) {
        if (subscription_find(&snapshot, &explain->uuid, explain->now, explain->choice.known,
                              &explain->liveness, explain->subscription) != 0) {
            word = "damaged snapshot";
        } else {
            if (explain->subscription->refusal == REFUSAL_NONE &&
                explain->choice.format != FORMAT_NONE && explain->refusal != REFUSAL_ADDRESS) {
                cap(explain);
                format_links(&links, explain->subscription);
            }
            word = links.len == expected->len &&
                           (links.len == 0 || memcmp(links.data, expected->data, links.len) == 0)
                       ? "the same"
                       : "differs";
        }
    }
    json_object_set_new(explain->out, "in_service", json_string(word));
    buf_release(&links);
    snapshot_close(&snapshot);
}

static int
explain_device(struct explain *explain)
{
    struct buf set[SET_FORMS], links;
    size_t served;
    int rc = 0, i;

    for (i = 0; i < SET_FORMS; i++)
        buf_init(&set[i], 2 * SET_BYTES_MAX);
    buf_init(&links, LINKS_MAX);
    explain->device = registry_device(&explain->registry, &explain->uuid);
    explain->refusal = policy_device(&explain->policy, explain->device, explain->now,
                                     &explain->user);
    add_people(explain);
    if (explain->refusal == REFUSAL_NONE &&
        policy_is_by_token_only(&explain->policy, explain->device) &&
        !explain_has_token(json_object_get(explain->out, "device")))
        explain->refusal = REFUSAL_ADDRESS;
    served = explain->user != NULL ? add_endpoints(explain) : 0;
    if (explain->refusal == REFUSAL_NONE && served == 0)
        explain->refusal = policy_nothing(explain->user);
    if (explain->refusal == REFUSAL_NONE && liveness_is_probe(&explain->liveness, &explain->uuid))
        explain->refusal = REFUSAL_PROBE;
    if (explain->refusal == REFUSAL_NONE && explain->choice.format == FORMAT_NONE)
        explain->refusal = REFUSAL_ROBOT;
    if (explain->refusal == REFUSAL_NONE)
        rc = make_links(explain, set, &links);
    if (explain->refusal != REFUSAL_NONE) {
        json_object_set_new(explain->out, "refusal", json_string(refusal_token(explain->refusal)));
        json_object_set_new(explain->out, "reason", json_string(refusal_text(explain->refusal)));
    }
    json_object_set_new(explain->out, "links", split_lines(&links));
    add_service(explain, &links);
    for (i = 0; i < SET_FORMS; i++)
        buf_release(&set[i]);
    buf_release(&links);
    return rc == 0 ? EXIT_OK : trouble("out of memory");
}

static void
print_list(const char *title, const json_t *list)
{
    const json_t *item;
    size_t i;

    if (json_array_size(list) == 0)
        return;
    printf("  %s:", title);
    json_array_foreach (list, i, item)
        printf(" %s", json_string_value(item));
    putchar('\n');
}

static const char *
text_or(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : otherwise;
}

static void
print_endpoint(const json_t *endpoint)
{
    const char *reason = text_or(endpoint, "reason", NULL);

    const char *health = text_or(endpoint, "health", "unknown");

    printf("%s %s (%s)%s%s%s%s\n", reason == NULL ? "yes    " : "no     ",
           text_or(endpoint, "path", ""), text_or(endpoint, "address", "no address"),
           reason != NULL ? ": " : "", reason != NULL ? reason : "",
           strcmp(health, "unknown") != 0 ? ", " : "",
           strcmp(health, "unknown") != 0 ? health : "");
}

static void
print_text(const json_t *out)
{
    const json_t *device = json_object_get(out, "device"), *user = json_object_get(out, "user");
    const json_t *list, *item;
    const char *reason = text_or(out, "reason", NULL);
    size_t i;

    if (json_object_get(out, "app") != NULL)
        printf("app     %s, gets %s\n", text_or(out, "app", ""), text_or(out, "format", ""));
    if (device != NULL)
        printf("device  %s: \"%s\", %s\n", text_or(device, "path", ""), text_or(device, "name", ""),
               text_or(device, "status", ""));
    explain_print_tokens(json_object_get(device, "tokens"));
    if (user != NULL) {
        printf("user    %s: \"%s\", %s, expires %s\n", text_or(user, "path", ""),
               text_or(user, "name", ""), text_or(user, "status", ""),
               text_or(user, "expires", "never"));
        print_list("core_nodes", json_object_get(user, "core_nodes"));
        print_list("groups", json_object_get(user, "groups"));
    }
    list = json_object_get(out, "endpoints");
    json_array_foreach (list, i, item)
        print_endpoint(item);
    if (reason != NULL)
        printf("answer  404: %s\n", reason);
    else
        printf("answer  200, %zu links\n", json_array_size(json_object_get(out, "links")));
    json_array_foreach (json_object_get(out, "links"), i, item)
        printf("  %s\n", json_string_value(item));
    json_array_foreach (json_object_get(out, "addresses"), i, item)
        printf("address %s\n", json_string_value(item));
    printf("in service: %s\n", text_or(out, "in_service", ""));
}

/* How the app is answered. */
static void
add_client(struct explain *explain)
{
    struct hints hints = {.user_agent = explain->user_agent};

    (void)negotiate(&hints, &explain->config->agents, &explain->choice);
    if (explain->user_agent == NULL)
        return;
    json_object_set_new(
        explain->out, "app",
        json_text(explain->choice.app != NULL ? explain->choice.app : "an unknown app"));
    json_object_set_new(explain->out, "format",
                        json_string(explain->choice.format == FORMAT_NONE
                                        ? "none"
                                        : format_name(explain->choice.format)));
}

static void
add_addresses(struct explain *explain, const char *uuid)
{
    const struct strings none = {NULL, 0}, *urls = &explain->config->policy.urls;
    json_t *array = json_array();
    size_t i;

    if (explain->device != NULL && policy_is_by_token_only(&explain->policy, explain->device))
        urls = &none;
    for (i = 0; i < urls->count; i++)
        json_array_append_new(array, json_sprintf("%s/%s", urls->items[i], uuid));
    json_object_set_new(explain->out, "addresses", array);
}

static int
run(struct explain *explain, bool as_json)
{
    char uuid[UUID_TEXT + 1];
    struct error error;
    char *text;
    int rc;

    if (load_served(explain->config, &explain->registry) != 0)
        return EXIT_TROUBLE;
    if (explain->token != NULL &&
        !explain_find_token(&explain->registry, explain->token, &explain->uuid)) {
        trouble("it is no UUID, and no device has it as a token");
        return EXIT_FOUND;
    }
    uuid_format(&explain->uuid, uuid);
    explain->out = json_pack("{s:s}", "uuid", uuid);
    explain->subscription = calloc(1, sizeof(*explain->subscription));
    if (explain->out == NULL || explain->subscription == NULL)
        return trouble("out of memory");
    if (policy_init(&explain->policy, &explain->registry, &explain->config->policy, &error) != 0)
        return trouble("%s", error.text);
    if (liveness_init(&explain->liveness, explain->config->state, &explain->config->health,
                      &error) != 0)
        return trouble("%s", error.text);
    liveness_look(&explain->liveness);
    if (registry_tokens(&explain->registry, &explain->tokens, NULL) != 0)
        return trouble("out of memory");
    explain->now = time(NULL);
    add_client(explain);
    rc = explain_device(explain);
    if (rc != EXIT_OK)
        return rc;
    add_addresses(explain, uuid);
    if (as_json) {
        text = document_text(explain->out, JSON_INDENT(2));
        printf("%s\n", text != NULL ? text : "");
        free(text);
    } else {
        print_text(explain->out);
    }
    return explain->refusal == REFUSAL_NONE ? EXIT_OK : EXIT_FOUND;
}

int
explain_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {"user-agent", required_argument, NULL, 'u'},
        {NULL, 0, NULL, 0},
    };
    struct explain explain = {.refusal = REFUSAL_UNKNOWN};
    struct config config;
    const char *file = NULL;
    bool as_json = false;
    int c, rc;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'j':
            as_json = true;
            break;
        case 'u':
            explain.user_agent = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_OK;
        default:
            return usage_trouble("explain");
        }
    }
    if (argc - optind != 1)
        return usage_trouble("explain");
    if (uuid_parse(argv[optind], strlen(argv[optind]), &explain.uuid) != 0)
        explain.token = argv[optind];
    if (explain.token != NULL && !token_is_form(explain.token, strlen(explain.token)))
        return trouble("'%s' is neither a UUID (8-4-4-4-12 hexadecimal digits) nor a token (8 to "
                       "128 of A-Z a-z 0-9 - _)",
                       argv[optind]);
    if (load_settings(&config, file, NULL) != 0)
        return EXIT_TROUBLE;
    explain.config = &config;
    registry_init(&explain.registry);
    rc = config.data == NULL ? no_data() : run(&explain, as_json);
    liveness_release(&explain.liveness);
    policy_release(&explain.policy);
    token_owners_release(&explain.tokens);
    registry_release(&explain.registry);
    json_decref(explain.out);
    free(explain.subscription);
    config_release(&config);
    return rc;
}
