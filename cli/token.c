/* signpost token, rekey: new addresses of a device. Nothing is written but to the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli.h"
#include "date.h"
#include "qr.h"
#include "records.h"
#include "token.h"
#include "token_parts.h"
#include "uuid.h"

static const char token_help[] =
    "usage: signpost token [-c FILE] [--json] [--until DATE] UUID\n"
    "\n"
    "Makes a token, an address for this device that can be taken back, and prints what\n"
    "its record needs, the address and its QR code. Nothing is written: the address works\n"
    "once the record is changed and compiled. The record holds only the token's SHA-256, so\n"
    "that the address is told nowhere again.\n"
    "\n"
    "  -c FILE        settings\n"
    "  --until DATE   it ends then: 2026-12-31 (that day's end, UTC), or an RFC 3339 time\n"
    "  --json         for programs: the whole new record\n"
    "\n"
    "Exit status: 0 made, 2 not.\n";

static const char rekey_help[] =
    "usage: signpost rekey [-c FILE] [--json] UUID\n"
    "\n"
    "For a device whose links or address others may know: makes a new UUID and a new token,\n"
    "and prints the new record, the change of the old one, the new address and its QR code.\n"
    "Nothing is written. The nodes must let the new UUID in, and the old one no more.\n"
    "\n"
    "  -c FILE   settings\n"
    "  --json    for programs: both records whole\n"
    "\n"
    "Exit status: 0 made, 2 not.\n";

enum { QR_TEXT_MAX = 1024 * 1024 };

/* What is made: records by path, as they shall be, and the address. */
struct made {
    char token[TOKEN_TEXT + 1];
    json_t *item;    /* of the list `tokens` */
    json_t *records; /* whole ones by path, the new one first */
};

static int
random_bytes(void *bytes, size_t len)
{
    if (getrandom(bytes, len, 0) != (ssize_t)len)
        return trouble("no random bytes: %s", strerror(errno)), -1;
    return 0;
}

static int
make_token(struct made *made, const char *until)
{
    uint8_t bytes[TOKEN_BYTES], hash[TOKEN_HASH];
    char text[TOKEN_HASH_TEXT + 1];

    if (random_bytes(bytes, sizeof(bytes)) != 0)
        return -1;
    token_write(bytes, made->token);
    token_hash(made->token, TOKEN_TEXT, hash);
    token_write_hash(hash, text);
    made->item = json_pack("{s:s}", "sha256", text);
    if (until != NULL)
        json_object_set_new(made->item, "until", json_string(until));
    return 0;
}

static json_t *
add_token(json_t *record, const json_t *item)
{
    json_t *list = json_object_get(record, "tokens");

    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(record, "tokens", list);
    }
    json_array_append_new(list, json_deep_copy(item));
    return record;
}

/* A UUID by chance alone (RFC 9562 section 5.4). */
static int
make_uuid(char out[UUID_TEXT + 1])
{
    struct uuid uuid;

    if (random_bytes(uuid.bytes, sizeof(uuid.bytes)) != 0)
        return -1;
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40);
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
    uuid_format(&uuid, out);
    return 0;
}

/* The same device under another UUID, and the old one out of service. */
static int
make_rekeyed(struct made *made, const char *path, json_t *old)
{
    char uuid[UUID_TEXT + 1], name[UUID_TEXT + 32];
    json_t *fresh = json_deep_copy(old);

    if (make_uuid(uuid) != 0) {
        json_decref(fresh);
        return -1;
    }
    snprintf(name, sizeof(name), "devices/%s.json", uuid);
    json_object_set_new(fresh, "uuid", json_string(uuid));
    json_object_del(fresh, "tokens");
    add_token(fresh, made->item);
    json_object_set_new(old, "status", json_string("archived"));
    json_object_del(old, "tokens");
    json_object_set_new(made->records, name, fresh);
    json_object_set(made->records, path, old);
    return 0;
}

static void
print_json(const char *before, const json_t *value, size_t flags, const char *after)
{
    char *text = json_dumps(value, flags);

    printf("%s%s%s\n", before, text != NULL ? text : "", after);
    free(text);
}

/* The change of the records, for people. */
static void
print_change(const struct made *made, const char *path, bool is_rekey, bool has_tokens)
{
    const json_t *record;
    const char *name;

    if (!is_rekey) {
        printf("%s: to add to %s\n\n", path, has_tokens ? "the list \"tokens\"" : "the record");
        if (has_tokens)
            print_json("  ", made->item, 0, "");
        else
            print_json("  \"tokens\": [", made->item, 0, "]");
        return;
    }
    json_object_foreach ((json_t *)(uintptr_t)made->records, name, record) {
        if (strcmp(name, path) == 0)
            continue;
        printf("%s: a new record\n\n", name);
        print_json("", record, JSON_INDENT(2), "");
    }
    printf(
        "\n%s: to change, and to drop \"tokens\" if there are any\n\n  \"status\": \"archived\"\n",
        path);
}

/* The addresses, and the first as a QR code. */
static int
print_address(const struct config *config, const struct made *made)
{
    const struct strings *urls = &config->policy.urls;
    char *first = NULL;
    struct buf buf;
    size_t i;

    putchar('\n');
    if (urls->count == 0) {
        printf("token %s\n", made->token);
        return trouble("no public_urls in the settings: no address to show");
    }
    for (i = 0; i < urls->count; i++)
        printf("address %s/%s\n", urls->items[i], made->token);
    putchar('\n');
    buf_init(&buf, QR_TEXT_MAX);
    if (asprintf(&first, "%s/%s", urls->items[0], made->token) >= 0 &&
        qr_put_text(&buf, first, strlen(first), isatty(STDOUT_FILENO)) && !buf.failed)
        fwrite(buf.data, 1, buf.len, stdout);
    free(first);
    buf_release(&buf);
    return EXIT_OK;
}

static int
print_for_programs(const struct config *config, const struct made *made)
{
    json_t *addresses = json_array(), *out;
    size_t i;

    for (i = 0; i < config->policy.urls.count; i++)
        json_array_append_new(addresses,
                              json_sprintf("%s/%s", config->policy.urls.items[i], made->token));
    out = json_pack("{s:O, s:s, s:o}", "records", made->records, "token", made->token, "addresses",
                    addresses);
    print_json("", out, JSON_INDENT(2), "");
    json_decref(out);
    return EXIT_OK;
}

struct options {
    const char *file, *until;
    bool is_rekey, as_json;
};

/* Whether one more address would be of any use. Says so otherwise. */
static bool
can_have_one(const json_t *record, const char *path, const struct options *options)
{
    const char *status = json_string_value(json_object_get(record, "status"));

    if (!options->is_rekey && json_array_size(json_object_get(record, "tokens")) >= TOKENS_MAX) {
        trouble("%s: has %d tokens, which is the most; take one out first", path, TOKENS_MAX);
        return false;
    }
    if (status == NULL || strcmp(status, "active") != 0)
        fprintf(stderr,
                "signpost: %s: the device is not active: the address is a miss until it is\n",
                path);
    return true;
}

static int
run(const struct config *config, const struct options *options, const struct uuid *uuid)
{
    struct made made = {.item = NULL};
    char path[PATH_MAX];
    json_t *record = token_read_record(config->data, uuid, path, sizeof(path));
    bool has_tokens = json_is_array(json_object_get(record, "tokens"));
    int rc = EXIT_TROUBLE;

    made.records = json_object();
    if (record != NULL && can_have_one(record, path, options) &&
        make_token(&made, options->until) == 0) {
        if (!options->is_rekey)
            json_object_set(made.records, path, add_token(record, made.item));
        if (!options->is_rekey || make_rekeyed(&made, path, record) == 0)
            rc = EXIT_OK;
    }
    if (rc == EXIT_OK && options->as_json) {
        rc = print_for_programs(config, &made);
    } else if (rc == EXIT_OK) {
        print_change(&made, path, options->is_rekey, has_tokens);
        rc = print_address(config, &made);
    }
    json_decref(record);
    json_decref(made.item);
    json_decref(made.records);
    return rc;
}

static int
read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {"until", required_argument, NULL, 'u'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        if (c == 'c')
            options->file = optarg;
        else if (c == 'j')
            options->as_json = true;
        else if (c == 'u' && !options->is_rekey)
            options->until = optarg;
        else if (c == 'h')
            return 1;
        else
            return -1;
    }
    return argc - optind == 1 ? 0 : -1;
}

static int
begin(int argc, char **argv, bool is_rekey)
{
    struct options options = {.is_rekey = is_rekey};
    struct config config;
    struct uuid uuid;
    int64_t ignored;
    int rc = read_options(argc, argv, &options);

    if (rc > 0) {
        fputs(is_rekey ? rekey_help : token_help, stdout);
        return EXIT_OK;
    }
    if (rc < 0)
        return usage_trouble(argv[0]);
    if (uuid_parse(argv[optind], strlen(argv[optind]), &uuid) != 0)
        return trouble("'%s' is not a UUID (8-4-4-4-12 hexadecimal digits)", argv[optind]);
    if (options.until != NULL && date_parse(options.until, &ignored) != 0)
        return trouble("'%s' is neither a date (2026-12-31) nor an RFC 3339 time "
                       "(2026-12-31T18:00:00Z)",
                       options.until);
    if (load_settings(&config, options.file, NULL) != 0)
        return EXIT_TROUBLE;
    rc = config.data == NULL ? no_data() : run(&config, &options, &uuid);
    config_release(&config);
    return rc;
}

int
token_main(int argc, char **argv)
{
    return begin(argc, argv, false);
}

int
rekey_main(int argc, char **argv)
{
    return begin(argc, argv, true);
}
