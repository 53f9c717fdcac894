#include "document.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "document_yaml.h"

enum document_syntax
document_syntax(const char *name, size_t *stem)
{
    static const struct {
        const char *end;
        enum document_syntax syntax;
    } ends[] = {{".json", SYNTAX_JSON}, {".yaml", SYNTAX_YAML}, {".yml", SYNTAX_YAML}};
    size_t i, len = strlen(name), end_len;

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        end_len = strlen(ends[i].end);
        if (len > end_len && strcmp(name + len - end_len, ends[i].end) == 0) {
            if (stem != NULL)
                *stem = len - end_len;
            return ends[i].syntax;
        }
    }
    if (stem != NULL)
        *stem = len;
    return SYNTAX_NONE;
}

/*
 * jansson recurses up to 2048 deep; our limit is found before it starts, and has a place.
 * Counts brackets outside strings; whether they match is jansson's business.
 */
static int
check_json_depth(const char *bytes, size_t len, struct error *error)
{
    unsigned line = 1, column = 0, depth = 0;
    bool in_string = false;
    size_t i;

    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if ((c & 0xc0) != 0x80)
            column++;
        if (c == '\n') {
            line++;
            column = 0;
        } else if (in_string) {
            if (c == '\\' && i + 1 < len && (unsigned char)bytes[i + 1] < 0x80 &&
                bytes[i + 1] != '\n') {
                i++;
                column++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if ((c == '[' || c == '{') && ++depth > DOCUMENT_DEPTH) {
            return error_set_at(error, line, column, "nested more than %d deep", DOCUMENT_DEPTH);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

/*
 * Without memory jansson may blame the input, or even go on with a text that is cut short. So it is
 * watched.
 */
static _Thread_local bool has_no_memory;

static void *
watched_malloc(size_t size)
{
    void *memory = malloc(size);

    has_no_memory |= memory == NULL;
    return memory;
}

static json_t *
load_json(const char *bytes, size_t len, json_error_t *json_error)
{
    json_t *tree;

    has_no_memory = false;
    json_set_alloc_funcs(watched_malloc, free);
    tree = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, json_error);
    json_set_alloc_funcs(malloc, free);
    if (!has_no_memory)
        return tree;
    json_decref(tree);
    return NULL;
}

static json_t *
parse_json(const char *bytes, size_t len, struct error *error)
{
    json_error_t json_error;
    json_t *tree;
    char *near;

    if (check_json_depth(bytes, len, error) != 0)
        return NULL;
    tree = load_json(bytes, len, &json_error);
    if (has_no_memory) {
        error_no_memory(error);
        return NULL;
    }
    /* What stands there may be nobody's business; the place says where to look. */
    if (tree == NULL && (near = strstr(json_error.text, " near '")) != NULL)
        *near = '\0';
    if (tree == NULL && json_error.line > 0)
        /* jansson counts the column from 0 at the start of a line. */
        error_set_at(error, (unsigned)json_error.line,
                     json_error.column > 0 ? (unsigned)json_error.column : 1, "%s",
                     json_error.text);
    else if (tree == NULL)
        error_set(error, "%s", json_error.text);
    return tree;
}

json_t *
document_parse(const char *bytes, size_t len, enum document_syntax syntax, struct error *error)
{
    if (len > DOCUMENT_MAX) {
        error_set(error, "larger than %d bytes", DOCUMENT_MAX);
        return NULL;
    }
    if (len == 0) {
        error_set(error, "the file is empty");
        return NULL;
    }
    if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        error_set_at(error, 1, 1, "starts with a byte order mark; save it as UTF-8 without one");
        return NULL;
    }
    return syntax == SYNTAX_JSON ? parse_json(bytes, len, error)
                                 : document_parse_yaml(bytes, len, error);
}

static int
put_text(const char *bytes, size_t len, void *buf)
{
    buf_put(buf, bytes, len);
    return 0; /* a failed buffer remembers it, jansson may not */
}

char *
document_text(const json_t *tree, size_t flags)
{
    struct buf text;
    int rc;

    buf_init(&text, SIZE_MAX / 4);
    rc = json_dump_callback(tree, put_text, &text, flags);
    buf_putc(&text, '\0');
    if (rc == 0 && !text.failed)
        return text.data;
    buf_release(&text);
    return NULL;
}
