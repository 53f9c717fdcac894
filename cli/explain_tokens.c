/* explain_parts.h: no more of a token than its first characters. */
#include <stdio.h>
#include <string.h>

#include "date.h"
#include "explain_parts.h"

json_t *
explain_tokens(const struct token_owners *owners, const struct device *device, int64_t now)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; device->addresses != NULL && i < device->addresses->count; i++) {
        const struct token *token = &device->addresses->tokens[i];
        char until[DATE_TEXT] = "";

        if (token->until != EXPIRES_NEVER)
            date_format(token->until, until);
        json_array_append_new(array, json_pack("{s:s?, s:s?, s:s}", "start",
                                               token->start[0] != '\0' ? token->start : NULL,
                                               "until", until[0] != '\0' ? until : NULL, "state",
                                               !token_owners_have(owners, token, device) ? "shared"
                                               : token->until <= now                     ? "expired"
                                                                     : "active"));
    }
    return array;
}

static bool
has(const struct device *device, const uint8_t hash[TOKEN_HASH])
{
    size_t i;

    for (i = 0; device->addresses != NULL && i < device->addresses->count; i++)
        if (memcmp(device->addresses->tokens[i].hash, hash, TOKEN_HASH) == 0)
            return true;
    return false;
}

bool
explain_find_token(const struct registry *registry, const char *token, struct uuid *uuid)
{
    const struct device *device;
    uint8_t hash[TOKEN_HASH];
    size_t i;

    token_hash(token, strlen(token), hash);
    for (i = 0; (device = registry_at(registry, KIND_DEVICE, i)) != NULL; i++)
        if (has(device, hash)) {
            *uuid = device->uuid;
            return true;
        }
    return false;
}

bool
explain_has_token(const json_t *device)
{
    const json_t *token;
    size_t i;

    json_array_foreach (json_object_get(device, "tokens"), i, token)
        if (strcmp(json_string_value(json_object_get(token, "state")), "active") == 0)
            return true;
    return false;
}

void
explain_print_tokens(const json_t *tokens)
{
    const json_t *token;
    size_t i;

    json_array_foreach (tokens, i, token) {
        const char *start = json_string_value(json_object_get(token, "start"));
        const char *until = json_string_value(json_object_get(token, "until"));
        const char *state = json_string_value(json_object_get(token, "state"));

        printf("token   %s%s, %s%s%s\n", start != NULL ? start : "(by its SHA-256)",
               start != NULL ? "…" : "",
               strcmp(state, "shared") == 0 ? "nobody's: another device has it too" : state,
               until != NULL ? ", until " : "", until != NULL ? until : "");
    }
}
