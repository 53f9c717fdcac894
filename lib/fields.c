#include "fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "text.h"

enum { TOKEN_MAX = 4096, TEXT_MAX = 255, LONG_TEXT_MAX = 1000 };
enum { UNKNOWN_MAX = 20 }; /* that are named; for each the document is read again, for its place */

bool
strings_has(const struct strings *list, const char *string)
{
    size_t i;

    for (i = 0; i < list->count; i++)
        if (strcmp(list->items[i], string) == 0)
            return true;
    return false;
}

bool
strings_share(const struct strings *a, const struct strings *b)
{
    size_t i;

    for (i = 0; i < a->count; i++)
        if (strings_has(b, a->items[i]))
            return true;
    return false;
}

/* Where a key stands, or else the list's item that lacks it. Zeros where that cannot be told. */
static void
locate(const struct fields *fields, const char *key, unsigned *line, unsigned *column)
{
    const struct source *source = fields->source;
    const char *path[5] = {NULL};
    size_t count = 0;

    if (fields->outer != NULL)
        path[count++] = fields->outer;
    if (fields->inside != NULL)
        path[count++] = fields->inside;
    if (fields->item != NULL)
        path[count++] = fields->item;
    path[count] = key;
    if (document_locate(source->bytes, source->len, path, line, column) == 0)
        return;
    path[count] = NULL;
    if (fields->item == NULL ||
        document_locate(source->bytes, source->len, path, line, column) != 0)
        *line = *column = 0;
}

static void
say(const struct fields *fields, enum finding_level level, const char *key, const char *format,
    va_list args)
{
    const struct source *source = fields->source;
    unsigned line = 0, column = 0;
    bool outer = fields->outer != NULL, inside = fields->inside != NULL;
    char text[1024];
    int used = 0;

    if (source->report == NULL)
        return;
    if (key != NULL)
        used = snprintf(text, sizeof(text), "%s%s%s%s%s: ", outer ? fields->outer : "",
                        outer ? "." : "", inside ? fields->inside : "", inside ? "." : "", key);
    if (used < 0 || (size_t)used >= sizeof(text))
        used = 0;
    vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
    if (key != NULL && source->bytes != NULL && level != FINDING_NOTICE)
        locate(fields, key, &line, &column);
    report_add_at(source->report, level, source->path, line, column, text);
}

void
fields_say(const struct fields *fields, enum finding_level level, const char *key,
           const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(fields, level, key, format, args);
    va_end(args);
}

void
fields_fail(struct fields *fields, const char *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(fields, FINDING_ERROR, key, format, args);
    va_end(args);
    fields->failed = true;
}

static const char *
out_of_memory(struct fields *fields)
{
    fields_fail(fields, NULL, "out of memory");
    return NULL;
}

bool
fields_has(const struct fields *fields, const char *key)
{
    const json_t *value = json_object_get(fields->object, key);

    return value != NULL && !json_is_null(value);
}

/* The text of a string or integer value in the pool; NULL when it is neither (a failure). */
static const char *
text_of(struct fields *fields, const char *key, const json_t *value, const char *wanted)
{
    const char *text;

    if (json_is_integer(value))
        text = pool_printf(fields->pool, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_string(value))
        text = pool_copy(fields->pool, json_string_value(value), json_string_length(value));
    else {
        fields_fail(fields, key, "must be %s; put it in quotes", wanted);
        return NULL;
    }
    return text != NULL ? text : out_of_memory(fields);
}

static const char *
token(struct fields *fields, const char *key, const json_t *value)
{
    const char *text = text_of(fields, key, value, "a string"), *p;

    if (text == NULL)
        return NULL;
    if (strlen(text) > TOKEN_MAX) {
        fields_fail(fields, key, "longer than %d bytes", TOKEN_MAX);
        return NULL;
    }
    for (p = text; *p != '\0'; p++) {
        if (text_is_space(p) || text_is_control(p, NULL)) {
            fields_fail(fields, key, "white space and control characters have no place here");
            return NULL;
        }
    }
    return text;
}

const char *
fields_token(struct fields *fields, const char *key)
{
    const char *text;

    if (!fields_has(fields, key))
        return NULL;
    text = token(fields, key, json_object_get(fields->object, key));
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static const char *
text_up_to(struct fields *fields, const char *key, size_t max)
{
    const char *value;
    char *text, *p;
    size_t len;

    if (!fields_has(fields, key))
        return NULL;
    value = text_of(fields, key, json_object_get(fields->object, key), "text");
    if (value == NULL)
        return NULL;
    while (*value == ' ')
        value++;
    len = strlen(value);
    if (len > max) {
        fields_say(fields, FINDING_WARNING, key, "longer than %zu bytes; cut", max);
        len = text_cut(value, max);
    }
    text = pool_copy(fields->pool, value, len);
    if (text == NULL)
        return out_of_memory(fields);
    text_clean(text);
    for (p = text; *p == ' '; p++)
        ;
    len = strlen(p);
    while (len > 0 && p[len - 1] == ' ')
        p[--len] = '\0';
    return len > 0 ? p : NULL;
}

const char *
fields_text(struct fields *fields, const char *key)
{
    return text_up_to(fields, key, TEXT_MAX);
}

const char *
fields_long_text(struct fields *fields, const char *key)
{
    return text_up_to(fields, key, LONG_TEXT_MAX);
}

int64_t
fields_integer(struct fields *fields, const char *key, int64_t otherwise, int64_t min, int64_t max)
{
    const json_t *value = json_object_get(fields->object, key);
    int64_t number;

    if (!fields_has(fields, key))
        return otherwise;
    if (!json_is_integer(value)) {
        fields_fail(fields, key, "must be a whole number");
        return otherwise;
    }
    number = json_integer_value(value);
    if (number < min || number > max) {
        fields_fail(fields, key, "%lld is out of range (%lld to %lld)", (long long)number,
                    (long long)min, (long long)max);
        return otherwise;
    }
    return number;
}

static int
compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
fields_strings(struct fields *fields, const char *key, struct strings *list)
{
    const json_t *value = json_object_get(fields->object, key), *item;
    size_t i;

    *list = (struct strings){NULL, 0};
    if (!fields_has(fields, key))
        return;
    if (!json_is_array(value)) {
        fields_fail(fields, key, "must be a list");
        return;
    }
    if (json_array_size(value) == 0)
        return;
    list->items = pool_alloc(fields->pool, json_array_size(value) * sizeof(*list->items));
    if (list->items == NULL) {
        out_of_memory(fields);
        return;
    }
    /* The first mistake says enough: each costs a look at the whole document. */
    json_array_foreach (value, i, item) {
        const char *text = token(fields, key, item);

        if (text == NULL)
            return;
        if (text[0] == '\0') {
            fields_fail(fields, key, "an empty name in the list");
            return;
        }
        list->items[list->count++] = text;
    }
    strings_sort(list);
}

void
strings_sort(struct strings *list)
{
    size_t i, kept;

    if (list->count == 0)
        return;
    qsort(list->items, list->count, sizeof(*list->items), compare_strings);
    for (i = kept = 1; i < list->count; i++)
        if (strcmp(list->items[i], list->items[kept - 1]) != 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

bool
fields_inner(struct fields *fields, const char *key, struct fields *inner)
{
    const json_t *value = json_object_get(fields->object, key);

    if (!fields_has(fields, key))
        return false;
    if (!json_is_object(value)) {
        fields_fail(fields, key, "must be a mapping");
        return false;
    }
    *inner = (struct fields){.object = value,
                             .source = fields->source,
                             .inside = key,
                             .outer = fields->inside,
                             .pool = fields->pool};
    return true;
}

/* "unknown field; the known ones are a, b, c" */
static void
refuse_unknown(const struct fields *fields, const char *key, const char *const *known)
{
    char text[512];
    int used = snprintf(text, sizeof(text), "an unknown field; known are");
    size_t i;

    for (i = 0; known[i] != NULL && (size_t)used < sizeof(text); i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "%s %s", i > 0 ? "," : "",
                         known[i]);
    fields_say(fields, FINDING_ERROR, key, "%s", text);
}

void
fields_name_unknown(const struct fields *fields, enum finding_level level, const char *const *known)
{
    const char *key;
    const json_t *value;
    size_t i, count = 0;

    /* The macro wants a pointer that is not const; nothing is changed through it. */
    json_object_foreach ((json_t *)(uintptr_t)fields->object, key, value) {
        for (i = 0; known[i] != NULL && strcmp(known[i], key) != 0; i++)
            ;
        if (known[i] != NULL || ++count > UNKNOWN_MAX)
            continue;
        if (level == FINDING_ERROR)
            refuse_unknown(fields, key, known);
        else
            fields_say(fields, level, key, "an unknown field, ignored");
    }
    if (count > UNKNOWN_MAX)
        fields_say(fields, level, NULL, "%zu more unknown fields", count - UNKNOWN_MAX);
}
