#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "document.h"

#define HOSTILE TESTS_DIR "/hostile/documents/"

/* A block of exactly the file's size: the sanitizer sees a read past its end. */
static char *
read_file(const char *name, size_t *len)
{
    char path[400], *bytes;
    FILE *file;
    long size;

    snprintf(path, sizeof(path), HOSTILE "%s", name);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s is not there", path);
    assert_int_equal(0, fseek(file, 0, SEEK_END));
    size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    *len = (size_t)size;
    bytes = malloc(*len > 0 ? *len : 1);
    assert_non_null(bytes);
    assert_int_equal(*len, fread(bytes, 1, *len, file));
    fclose(file);
    return bytes;
}

struct hostile {
    const char *name;
    unsigned line, column; /* 0: no place */
    const char *part;      /* of the message */
};

static void
check_refused(const struct hostile *cases, size_t count)
{
    struct error error;
    char *bytes;
    json_t *tree;
    size_t i, len;
    int wrong = 0;

    for (i = 0; i < count; i++) {
        bytes = read_file(cases[i].name, &len);
        error = (struct error){0};
        tree = document_parse(bytes, len, document_syntax(cases[i].name, NULL), &error);
        free(bytes);
        if (tree != NULL) {
            print_error("%s was accepted\n", cases[i].name);
            json_decref(tree);
            wrong++;
        } else if (error.line != cases[i].line || error.column != cases[i].column ||
                   strstr(error.text, cases[i].part) == NULL) {
            print_error("%s: %u:%u %s, not %u:%u …%s…\n", cases[i].name, error.line, error.column,
                        error.text, cases[i].line, cases[i].column, cases[i].part);
            wrong++;
        }
    }
    assert_int_equal(0, wrong);
}

static void
test_hostile_json(void **state)
{
    static const struct hostile cases[] = {
        {"empty.json", 0, 0, "empty"},
        {"word.json", 1, 6, "expected"},
        {"string.json", 1, 8, "expected"},
        {"number.json", 1, 1, "expected"},
        {"yaml-in.json", 1, 2, "'[' or '{' expected"},
        {"bom.json", 1, 1, "byte order mark"},
        {"utf-16.json", 1, 1, "0xff"},
        {"bad-utf8.json", 2, 14, "0xff"},
        {"cut-utf8.json", 2, 13, "0xf0"},
        {"overlong-utf8.json", 1, 12, "0xc0"},
        {"surrogate-utf8.json", 1, 12, "0xed"},
        {"lone-surrogate.json", 1, 19, "Unicode"},
        {"control-character.json", 2, 14, "control character 0x1"},
        {"raw-newline.json", 2, 14, "newline"},
        {"nul.json", 2, 14, "control character 0x0"},
        {"escaped-nul.json", 2, 22, "\\u0000"},
        {"escaped-nul-key.json", 2, 13, "NUL"},
        {"trailing-nul.json", 2, 1, "end of file expected"},
        {"trailing-junk.json", 2, 1, "end of file expected"},
        {"trailing-comma.json", 3, 1, "expected"},
        {"comment.json", 2, 3, "expected"},
        {"single-quotes.json", 1, 2, "expected"},
        {"unclosed-bracket.json", 3, 1, "']' expected"},
        {"wrong-bracket.json", 1, 32, "']' expected"},
        {"unclosed-string.json", 1, 18, "newline"},
        {"lone-backslash.json", 1, 13, "escape"},
        {"bad-escape.json", 1, 14, "escape"},
        {"key-without-value.json", 1, 6, "':' expected"},
        {"huge-integer.json", 2, 27, "too big"},
        {"huge-exponent.json", 2, 13, "overflow"},
        {"leading-zero.json", 1, 8, "invalid token"},
        {"plus-sign.json", 1, 8, "invalid token"},
        {"hex.json", 1, 9, "expected"},
        {"nan.json", 1, 10, "invalid token"},
        {"duplicate-key.json", 4, 10, "duplicate"},
        {"duplicate-key-inside.json", 3, 9, "duplicate"},
        {"duplicate-key-escaped.json", 3, 15, "duplicate"},
    };

    (void)state;
    check_refused(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_hostile_yaml(void **state)
{
    static const struct hostile cases[] = {
        {"empty.yaml", 0, 0, "empty"},
        {"comment-only.yaml", 4, 1, "empty"},
        {"white-space-only.yaml", 4, 1, "empty"},
        {"utf-16.yaml", 1, 1, "UTF-8"},
        {"bad-utf8.yaml", 2, 12, "UTF-8"},
        {"cut-utf8.yaml", 1, 9, "UTF-8"},
        {"overlong-utf8.yaml", 1, 9, "UTF-8"},
        {"surrogate-utf8.yaml", 1, 9, "Unicode"},
        {"latin-1.yaml", 1, 12, "UTF-8"},
        {"lone-surrogate.yaml", 1, 12, "Unicode"},
        {"control-character.yaml", 2, 10, "control characters are not allowed (0x01)"},
        {"far-control-character.yaml", 9002, 4, "(0x01)"},
        {"nul.yaml", 2, 10, "(0x00)"},
        {"trailing-nul.yaml", 2, 1, "(0x00)"},
        {"escaped-nul.yaml", 2, 9, "NUL"},
        {"escaped-nul-key.yaml", 2, 1, "NUL"},
        {"second-document.yaml", 3, 1, "second document"},
        {"end-and-junk.yaml", 3, 1, "did not find"},
        {"anchor-on-document.yaml", 1, 5, "anchors"},
        {"anchor-on-mapping.yaml", 1, 9, "anchors"},
        {"anchor-on-key.yaml", 1, 1, "anchors"},
        {"anchor-on-scalar.yaml", 2, 9, "anchors"},
        {"anchor-cycle.yaml", 1, 13, "anchors"},
        {"alias-bomb.yaml", 1, 4, "anchors"},
        {"alias-of-nothing.yaml", 2, 9, "aliases"},
        {"alias-as-key.yaml", 2, 1, "aliases"},
        {"merge-key.yaml", 2, 7, "aliases"},
        {"tag.yaml", 1, 5, "tags"},
        {"tag-of-ours.yaml", 2, 9, "tags"},
        {"tag-on-key.yaml", 1, 1, "tags"},
        {"tag-on-list.yaml", 1, 13, "tags"},
        {"tag-binary.yaml", 1, 9, "tags"},
        {"tag-non-specific.yaml", 1, 5, "tags"},
        {"tag-unknown-handle.yaml", 1, 5, "tag"},
        {"duplicate-key.yaml", 3, 1, "duplicate key 'status'"},
        {"duplicate-key-inside.yaml", 4, 3, "duplicate key 'sni'"},
        {"duplicate-key-quoted.yaml", 3, 1, "duplicate key 'status'"},
        {"duplicate-key-flow.yaml", 1, 10, "duplicate key 'имя'"},
        {"list-as-key.yaml", 1, 3, "plain text"},
        {"missing-key.yaml", 1, 2, "a key is missing"},
        {"mapping-as-key.yaml", 2, 1, "plain text"},
        {"key-without-text.yaml", 2, 1, "expected key"},
        {"long-key.yaml", 2, 1101, "':'"},
        {"tab-indent.yaml", 2, 1, "cannot start any token"},
        {"bad-indent.yaml", 3, 3, "that starts at 1:1"},
        {"list-and-mapping.yaml", 2, 1, "'-'"},
        {"unclosed-bracket.yaml", 3, 7, "flow sequence that starts at 2:13"},
        {"unclosed-quote.yaml", 4, 1, "quoted scalar that starts at 2:9"},
        {"unquoted-colon.yaml", 1, 14, "mapping values"},
        {"at-sign.yaml", 1, 11, "cannot start any token"},
        {"backtick.yaml", 1, 9, "cannot start any token"},
        {"percent.yaml", 1, 3, "directive"},
        {"future-version.yaml", 1, 1, "incompatible"},
    };

    (void)state;
    check_refused(cases, sizeof(cases) / sizeof(cases[0]));
}

/* The place is that of the 33rd bracket: nothing behind it was looked at as nesting. */
static void
test_depth_is_refused_where_it_is_too_much(void **state)
{
    static const struct hostile cases[] = {
        {"200k-open-brackets.json", 1, 33, "nested more than 32 deep"},
        {"200k-open-brackets.yaml", 1, 33, "nested more than 32 deep"},
        {"200k-open-braces.json", 1, 161, "nested more than 32 deep"},
        {"200k-open-braces.yaml", 1, 129, "nested more than 32 deep"},
        {"depth-33-after-text.json", 1, 50, "nested more than 32 deep"},
        {"depth-33.json", 2, 38, "nested more than 32 deep"},
        {"depth-33.yaml", 2, 35, "nested more than 32 deep"},
        {"depth-33-block.yaml", 33, 65, "nested more than 32 deep"},
        {"depth-33-dashes.yaml", 1, 65, "nested more than 32 deep"},
    };
    static const char *const good[] = {"depth-32.json", "depth-32.yaml",
                                       "brackets-in-strings.json"};
    struct error error;
    json_t *tree;
    char *bytes;
    size_t i, len;

    (void)state;
    check_refused(cases, sizeof(cases) / sizeof(cases[0]));
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        bytes = read_file(good[i], &len);
        tree = document_parse(bytes, len, document_syntax(good[i], NULL), &error);
        free(bytes);
        if (tree == NULL)
            fail_msg("%s: %s", good[i], error.text);
        json_decref(tree);
    }
}

/* JSON says what is wrong; the same file in YAML must not fail by a riddle about its second line.
 */
static void
test_byte_order_mark_in_yaml(void **state)
{
    struct error error = {0};
    size_t len;
    char *bytes = read_file("bom.yaml", &len);
    json_t *tree = document_parse(bytes, len, SYNTAX_YAML, &error);

    (void)state;
    free(bytes);
    if (tree == NULL) {
        if (strstr(error.text, "byte order mark") == NULL)
            fail_msg("%u:%u %s", error.line, error.column, error.text);
        assert_int_equal(1, error.line);
    } else {
        assert_int_equal(7, json_integer_value(json_object_get(tree, "id")));
        assert_string_equal("active", json_string_value(json_object_get(tree, "status")));
    }
    json_decref(tree);
}

static void
test_size_has_a_cap(void **state)
{
    char *bytes = malloc(DOCUMENT_MAX + 1);
    struct error error;
    json_t *tree;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, ' ', DOCUMENT_MAX + 1);
    memcpy(bytes, "{\"a\": 1}\n", 9);
    tree = document_parse(bytes, DOCUMENT_MAX, SYNTAX_JSON, &error);
    assert_non_null(tree);
    json_decref(tree);
    tree = document_parse(bytes, DOCUMENT_MAX, SYNTAX_YAML, &error);
    assert_non_null(tree);
    json_decref(tree);
    assert_null(document_parse(bytes, DOCUMENT_MAX + 1, SYNTAX_JSON, &error));
    assert_non_null(strstr(error.text, "larger than"));
    assert_null(document_parse(bytes, DOCUMENT_MAX + 1, SYNTAX_YAML, &error));
    assert_non_null(strstr(error.text, "larger than"));
    free(bytes);
}

/* Whatever comes: a tree, or an error with words; every prefix, and every byte changed in turn. */
static void
test_damaged_input_gives_an_error_or_a_tree(void **state)
{
    static const char text[] =
        "{\"id\": 7, \"имя\": [\"a\\u00e9\", -1.5e3, {\"x\": null}],\n \"b\": "
        "{\"c\": true, \"d\": '#:%!&*|>@`\"}, \"e\": \"\\\\\"}\n--- &a !b *c\n";
    static const char changes[] = {0,   '\n', '"', '\'', '\\', '[', '}',
                                   ':', ',',  '&', -1,   -61,  '\t'};
    const size_t size = sizeof(text) - 1;
    struct error error;
    json_t *tree;
    size_t i, n;
    int syntax;

    (void)state;
    for (syntax = SYNTAX_JSON; syntax <= SYNTAX_YAML; syntax++) {
        for (i = 0; i < size * (1 + sizeof(changes)); i++) {
            char *bytes = malloc(size);

            assert_non_null(bytes);
            memcpy(bytes, text, size);
            n = i < size ? i : size;
            if (i >= size)
                bytes[i % size] = changes[i / size - 1];
            memset(&error, 0, sizeof(error));
            tree = document_parse(bytes, n, (enum document_syntax)syntax, &error);
            if (tree == NULL)
                assert_true(error.text[0] != '\0');
            json_decref(tree);
            free(bytes);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_json),
        cmocka_unit_test(test_hostile_yaml),
        cmocka_unit_test(test_depth_is_refused_where_it_is_too_much),
        cmocka_unit_test(test_byte_order_mark_in_yaml),
        cmocka_unit_test(test_size_has_a_cap),
        cmocka_unit_test(test_damaged_input_gives_an_error_or_a_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
