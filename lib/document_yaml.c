#include "document_yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    const char *bytes;
    size_t len;
    struct error *error;
};

static int
fail_at(struct reader *reader, yaml_mark_t mark, const char *what)
{
    return error_set_at(reader->error, (unsigned)mark.line + 1, (unsigned)mark.column + 1, "%s",
                        what);
}

/* libyaml's reader knows only the byte offset of what it refuses (its mark stays 0:0). */
static void
place_of_offset(const struct reader *reader, size_t offset, unsigned *line, unsigned *column)
{
    size_t i;

    *line = 1;
    *column = 1;
    for (i = 0; i < offset && i < reader->len; i++) {
        if (reader->bytes[i] == '\n') {
            (*line)++;
            *column = 1;
        } else if (((unsigned char)reader->bytes[i] & 0xc0) != 0x80) {
            (*column)++;
        }
    }
}

static int
fail_by_parser(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    unsigned line, column;

    switch (parser->error) {
    case YAML_READER_ERROR:
        place_of_offset(reader, parser->problem_offset, &line, &column);
        if (parser->problem_value >= 0)
            return error_set_at(reader->error, line, column, "%s (0x%02X)", parser->problem,
                                (unsigned)parser->problem_value);
        return error_set_at(reader->error, line, column, "%s", parser->problem);
    case YAML_SCANNER_ERROR:
    case YAML_PARSER_ERROR:
        line = (unsigned)parser->problem_mark.line + 1;
        column = (unsigned)parser->problem_mark.column + 1;
        /* "did not find expected ',' or ']'" is noticed far from the bracket that is open. */
        if (parser->context != NULL)
            return error_set_at(reader->error, line, column, "%s (%s that starts at %lu:%lu)",
                                parser->problem, parser->context,
                                (unsigned long)parser->context_mark.line + 1,
                                (unsigned long)parser->context_mark.column + 1);
        return error_set_at(reader->error, line, column, "%s", parser->problem);
    case YAML_MEMORY_ERROR:
        return error_no_memory(reader->error);
    default:
        return error_set(reader->error, "cannot be parsed as YAML");
    }
}

static int
next_event(struct reader *reader, yaml_event_t *event)
{
    if (!yaml_parser_parse(&reader->parser, event))
        return fail_by_parser(reader);
    return 0;
}

static int
start(struct reader *reader, const char *bytes, size_t len, struct error *error)
{
    *reader = (struct reader){.bytes = bytes, .len = len, .error = error};
    if (!yaml_parser_initialize(&reader->parser))
        return error_no_memory(error);
    /* Otherwise libyaml would take a file for UTF-16 by its first bytes. */
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)bytes, len);
    return 0;
}

/* 0, or digits without a leading zero, with a sign only if it is a minus; within int64. */
static bool
is_integer(const char *text, size_t len, json_int_t *value)
{
    size_t i = len > 0 && text[0] == '-' ? 1 : 0, first = i;

    if (i == len || (text[i] == '0' && len > 1) || strspn(text + i, "0123456789") != len - first)
        return false;
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno == 0;
}

static json_t *
scalar(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    json_int_t number;

    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (len == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0)
            return json_null();
        if (strcmp(text, "true") == 0)
            return json_true();
        if (strcmp(text, "false") == 0)
            return json_false();
        if (is_integer(text, len, &number))
            return json_integer(number);
    }
    return json_stringn(text, len);
}

/* Anchors could build trees larger than memory, tags change what a value is; both are refused. */
static int
check_plain(struct reader *reader, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;

    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(reader, event->start_mark, "aliases are not accepted; write the value out");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor != NULL)
        return fail_at(reader, event->start_mark, "anchors are not accepted; write the value out");
    if (tag != NULL)
        return fail_at(reader, event->start_mark, "tags are not accepted; quote the value instead");
    return 0;
}

static json_t *node(struct reader *reader, const yaml_event_t *event, int depth);

/* Adds the pair that starts with the key event to the mapping. */
static int
pair(struct reader *reader, json_t *mapping, const yaml_event_t *key_event, int depth)
{
    yaml_event_t value_event;
    json_t *value;
    const char *key;

    if (check_plain(reader, key_event) != 0)
        return -1;
    if (key_event->type != YAML_SCALAR_EVENT)
        return fail_at(reader, key_event->start_mark, "a key must be plain text");
    key = (const char *)key_event->data.scalar.value;
    if (key[0] == '\0' && key_event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail_at(reader, key_event->start_mark, "a key is missing");
    if (strlen(key) != key_event->data.scalar.length)
        return fail_at(reader, key_event->start_mark, "a NUL character in a key");
    if (json_object_get(mapping, key) != NULL)
        return error_set_at(reader->error, (unsigned)key_event->start_mark.line + 1,
                            (unsigned)key_event->start_mark.column + 1, "duplicate key '%s'", key);
    if (next_event(reader, &value_event) != 0)
        return -1;
    value = node(reader, &value_event, depth);
    yaml_event_delete(&value_event);
    if (value == NULL)
        return -1;
    if (json_object_set_new_nocheck(mapping, key, value) != 0)
        return error_no_memory(reader->error);
    return 0;
}

/* Reads the rest of a mapping or sequence, up to its end event. */
static json_t *
collection(struct reader *reader, json_t *into, yaml_event_type_t end, int depth)
{
    yaml_event_t event;
    int rc = 0;

    while (rc == 0) {
        if (next_event(reader, &event) != 0)
            break;
        if (event.type == end) {
            yaml_event_delete(&event);
            return into;
        }
        if (end == YAML_MAPPING_END_EVENT) {
            rc = pair(reader, into, &event, depth);
        } else {
            json_t *item = node(reader, &event, depth);

            rc = item == NULL ? -1 : 0;
            if (item != NULL && json_array_append_new(into, item) != 0)
                rc = error_no_memory(reader->error);
        }
        yaml_event_delete(&event);
    }
    json_decref(into);
    return NULL;
}

/* The tree of the node that an event starts, or NULL with the error set. depth counts it. */
static json_t *
node(struct reader *reader, const yaml_event_t *event, int depth)
{
    bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
    json_t *made;

    if (check_plain(reader, event) != 0)
        return NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        /* A quoted "\0"; what reads the tree takes strings as terminated. */
        if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length) {
            fail_at(reader, event->start_mark, "a NUL character in a value");
            return NULL;
        }
        made = scalar(event);
        if (made == NULL)
            error_no_memory(reader->error);
        return made;
    }
    if (depth >= DOCUMENT_DEPTH) {
        error_set_at(reader->error, (unsigned)event->start_mark.line + 1,
                     (unsigned)event->start_mark.column + 1, "nested more than %d deep",
                     DOCUMENT_DEPTH);
        return NULL;
    }
    made = is_mapping ? json_object() : json_array();
    if (made == NULL) {
        error_no_memory(reader->error);
        return NULL;
    }
    return collection(reader, made, is_mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT,
                      depth + 1);
}

/* Reads events up to and including the first of the wanted type. */
static int
expect(struct reader *reader, yaml_event_type_t wanted, const char *otherwise)
{
    yaml_event_t event;
    yaml_event_type_t got;
    yaml_mark_t mark;

    if (next_event(reader, &event) != 0)
        return -1;
    got = event.type;
    mark = event.start_mark;
    yaml_event_delete(&event);
    return got == wanted ? 0 : fail_at(reader, mark, otherwise);
}

/*
 * Tags are refused, so nothing is lost with %TAG; and libyaml takes time by the square of how many
 * there are.
 */
static int
check_directives(const char *bytes, size_t len, struct error *error)
{
    const char *p = bytes, *end = bytes + len;
    unsigned line = 1;

    for (;;) {
        if ((size_t)(end - p) > 4 && memcmp(p, "%TAG", 4) == 0)
            return error_set_at(error, line, 1, "tags are not accepted");
        p = memchr(p, '\n', (size_t)(end - p));
        if (p == NULL)
            return 0;
        p++;
        line++;
    }
}

json_t *
document_parse_yaml(const char *bytes, size_t len, struct error *error)
{
    struct reader reader;
    yaml_event_t event;
    json_t *tree = NULL;

    if (check_directives(bytes, len, error) != 0)
        return NULL;
    if (start(&reader, bytes, len, error) != 0)
        return NULL;
    if (expect(&reader, YAML_STREAM_START_EVENT, "not a YAML stream") == 0 &&
        expect(&reader, YAML_DOCUMENT_START_EVENT, "the document is empty") == 0 &&
        next_event(&reader, &event) == 0) {
        tree = node(&reader, &event, 0);
        yaml_event_delete(&event);
    }
    if (tree != NULL && (expect(&reader, YAML_DOCUMENT_END_EVENT,
                                "the document goes on where it should end") != 0 ||
                         expect(&reader, YAML_STREAM_END_EVENT,
                                "a second document starts here; only one is read") != 0)) {
        json_decref(tree);
        tree = NULL;
    }
    yaml_parser_delete(&reader.parser);
    return tree;
}

/* Moves over the node that an event starts; deletes the event. */
static int
skip_node(struct reader *reader, yaml_event_t *event)
{
    int open = 0;

    for (;;) {
        if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
            open++;
        else if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
            open--;
        yaml_event_delete(event);
        if (open == 0)
            return 0;
        if (next_event(reader, event) != 0)
            return -1;
    }
}

/* Inside a mapping: moves to the value of a key; its mark is the key's. */
static int
find_key(struct reader *reader, const char *key, yaml_mark_t *mark)
{
    yaml_event_t event;
    bool found;

    for (;;) {
        if (next_event(reader, &event) != 0)
            return -1;
        if (event.type != YAML_SCALAR_EVENT) {
            yaml_event_delete(&event);
            return -1;
        }
        found = strcmp((const char *)event.data.scalar.value, key) == 0;
        *mark = event.start_mark;
        yaml_event_delete(&event);
        if (found)
            return 0;
        if (next_event(reader, &event) != 0 || skip_node(reader, &event) != 0)
            return -1;
    }
}

/* Inside a list: moves to an item, whose first event is left in event. */
static int
find_item(struct reader *reader, const char *number, yaml_event_t *event)
{
    char *end;
    long left = strtol(number, &end, 10);

    if (end == number || *end != '\0' || left < 0)
        return -1;
    for (;; left--) {
        if (next_event(reader, event) != 0)
            return -1;
        if (event->type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(event);
            return -1;
        }
        if (left == 0)
            return 0;
        if (skip_node(reader, event) != 0)
            return -1;
    }
}

/* One step of a path, from the node that event starts to the one that it starts then. */
static int
step(struct reader *reader, const char *word, yaml_event_t *event, yaml_mark_t *mark)
{
    yaml_event_type_t type = event->type;

    yaml_event_delete(event);
    if (type == YAML_SEQUENCE_START_EVENT) {
        if (find_item(reader, word, event) != 0)
            return -1;
        *mark = event->start_mark;
        return 0;
    }
    if (type != YAML_MAPPING_START_EVENT || find_key(reader, word, mark) != 0)
        return -1;
    return next_event(reader, event);
}

int
document_locate(const char *bytes, size_t len, const char *const *path, unsigned *line,
                unsigned *column)
{
    struct reader reader;
    struct error ignored;
    yaml_event_t event;
    yaml_mark_t mark = {0};
    int rc;

    /* JSON is YAML but for a few strings; where it is not, there is no place to tell. */
    if (path[0] == NULL || start(&reader, bytes, len, &ignored) != 0)
        return -1;
    if (expect(&reader, YAML_STREAM_START_EVENT, "") != 0 ||
        expect(&reader, YAML_DOCUMENT_START_EVENT, "") != 0 || next_event(&reader, &event) != 0) {
        yaml_parser_delete(&reader.parser);
        return -1;
    }
    for (rc = 0; rc == 0 && *path != NULL; path++)
        rc = step(&reader, *path, &event, &mark);
    if (rc == 0)
        yaml_event_delete(&event);
    yaml_parser_delete(&reader.parser);
    *line = (unsigned)mark.line + 1;
    *column = (unsigned)mark.column + 1;
    return rc;
}
