/* The addresses of a device: device_read_addresses of records_parts.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "records_parts.h"

static const char form[] = "must be 8 to 128 of A-Z a-z 0-9 - _ and no UUID; "
                           "`signpost token UUID` makes one";

/* Says what is wrong with an item of the list, at its place. The item is no token then. */
static bool
refuse(const struct fields *item, const char *key, const char *text)
{
    fields_say(item, FINDING_ERROR, key, "%s; not taken", text);
    return false;
}

static bool
take_text(const struct fields *item, const char *text, size_t len, struct token *token)
{
    if (!token_is_form(text, len))
        return refuse(item, "token", form);
    token_hash(text, len, token->hash);
    memcpy(token->start, text, TOKEN_START);
    return true;
}

/* A token by itself: a string, or digits that YAML takes for a number. */
static bool
read_plain(const struct fields *item, const json_t *value, struct token *token)
{
    uint8_t ignored[TOKEN_HASH];
    char digits[24];

    if (json_is_integer(value)) {
        int len = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT,
                           json_integer_value(value));

        return take_text(item, digits, (size_t)len, token);
    }
    if (!json_is_string(value))
        return refuse(item, "token", "must be a string, or a mapping of token or sha256 and until");
    if (token_read_hash(json_string_value(value), json_string_length(value), ignored) == 0)
        return refuse(item, "token",
                      "64 hexadecimal digits look like a SHA-256; write "
                      "{sha256: …}, or {token: …} if they are none");
    return take_text(item, json_string_value(value), json_string_length(value), token);
}

static bool
has_others(const struct fields *item)
{
    size_t known = (json_object_get(item->object, "token") != NULL) +
                   (json_object_get(item->object, "sha256") != NULL) +
                   (json_object_get(item->object, "until") != NULL);

    return json_object_size(item->object) != known;
}

static bool
read_mapping(struct fields *item, struct token *token)
{
    const char *text = fields_token(item, "token"), *hash = fields_token(item, "sha256");
    const char *until = fields_text(item, "until");

    if (item->failed)
        return false;
    /* Not by its name, which may be a token in the wrong place. */
    if (has_others(item))
        return refuse(item, "token", "an unknown field beside it; known are token, sha256, until");
    if ((text != NULL) == (hash != NULL))
        return refuse(item, "token", "must have one of token and sha256");
    if (until != NULL && date_parse(until, &token->until) != 0)
        return refuse(item, "until",
                      "neither a date (2026-12-31) nor an RFC 3339 time (2026-12-31T18:00:00Z)");
    if (text != NULL)
        return take_text(item, text, strlen(text), token);
    if (token_read_hash(hash, strlen(hash), token->hash) != 0)
        return refuse(item, "sha256", "must be 64 hexadecimal digits, as sha256sum prints them");
    return true;
}

static bool
read_token(const struct fields *fields, const json_t *value, size_t index, struct token *token)
{
    char number[24];
    struct fields item = {.object = value,
                          .source = fields->source,
                          .inside = "tokens",
                          .item = number,
                          .pool = fields->pool};

    snprintf(number, sizeof(number), "%zu", index);
    memset(token, 0, sizeof(*token));
    token->until = EXPIRES_NEVER;
    return json_is_object(value) ? read_mapping(&item, token) : read_plain(&item, value, token);
}

/* By hash, then the one that ends first. */
static int
compare_tokens(const void *a, const void *b)
{
    const struct token *x = a, *y = b;
    int order = memcmp(x->hash, y->hash, TOKEN_HASH);

    return order != 0 ? order : (x->until > y->until) - (x->until < y->until);
}

static void
sort_tokens(struct fields *fields, struct token *tokens, size_t *count)
{
    size_t i, kept;

    if (*count == 0)
        return;
    qsort(tokens, *count, sizeof(*tokens), compare_tokens);
    for (i = kept = 1; i < *count; i++) {
        if (memcmp(tokens[i].hash, tokens[kept - 1].hash, TOKEN_HASH) != 0)
            tokens[kept++] = tokens[i];
        else
            fields_say(fields, FINDING_ERROR, "tokens",
                       "one stands there twice; the one that ends first counts");
    }
    *count = kept;
}

static void
read_tokens(struct fields *fields, struct device_addresses *addresses)
{
    const json_t *list = json_object_get(fields->object, "tokens");
    struct token *tokens;
    size_t count = json_array_size(list), i;

    if (!fields_has(fields, "tokens"))
        return;
    if (!json_is_array(list)) {
        fields_say(fields, FINDING_ERROR, "tokens", "must be a list; none is taken");
        return;
    }
    if (count > TOKENS_MAX) {
        fields_say(fields, FINDING_ERROR, "tokens", "at most %d; the others are not taken",
                   TOKENS_MAX);
        count = TOKENS_MAX;
    }
    tokens = pool_alloc(fields->pool, (count + 1) * sizeof(*tokens));
    if (tokens == NULL) {
        fields_fail(fields, NULL, "out of memory");
        return;
    }
    for (i = 0; i < count; i++)
        if (read_token(fields, json_array_get(list, i), i, &tokens[addresses->count]))
            addresses->count++;
    sort_tokens(fields, tokens, &addresses->count);
    addresses->tokens = tokens;
}

/* on or off, also as YAML's booleans. What is neither was hardly written to leave it on. */
static enum uuid_address
read_switch(const struct fields *fields)
{
    const json_t *value = json_object_get(fields->object, "uuid_addresses");
    const char *word = json_string_value(value);

    if (!fields_has(fields, "uuid_addresses"))
        return UUID_ADDRESS_DEFAULT;
    if (json_is_true(value) || (word != NULL && strcmp(word, "on") == 0))
        return UUID_ADDRESS_ON;
    if (!json_is_false(value) && (word == NULL || strcmp(word, "off") != 0))
        fields_say(fields, FINDING_ERROR, "uuid_addresses", "must be on or off; taken as off");
    return UUID_ADDRESS_OFF;
}

void
device_read_addresses(struct fields *fields, struct device *device)
{
    static const struct device_addresses none;
    struct device_addresses *addresses;

    if (!fields_has(fields, "tokens") && !fields_has(fields, "uuid_addresses")) {
        /* That nothing is said is obeyed, too, whatever else is wrong. */
        if (fields->failed)
            device->addresses = &none;
        return;
    }
    addresses = pool_alloc(fields->pool, sizeof(*addresses));
    if (addresses == NULL) {
        fields_fail(fields, NULL, "out of memory");
        return;
    }
    memset(addresses, 0, sizeof(*addresses));
    addresses->uuid = read_switch(fields);
    read_tokens(fields, addresses);
    device->addresses = addresses;
    if (device->record.status == STATUS_ACTIVE && addresses->uuid == UUID_ADDRESS_OFF &&
        addresses->count == 0)
        fields_say(fields, FINDING_WARNING, "uuid_addresses",
                   "off, and there is no token: nobody can ask for this device");
}
