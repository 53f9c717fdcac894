/* escape.h: quoted strings, read back by readers that are not ours. Percent-encoding: test_base. */
#include "unit.h"

#include <stdlib.h>

#include <jansson.h>
#include <yaml.h>

#include "escape.h"

/* Escapes a block of exactly this size, so that reading past it is noticed. */
static void
escape_exactly(struct buf *buf, const char *text, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);

    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, text, len);
    escape_quoted(buf, copy, len);
    free(copy);
}

static void
test_no_cut_of_a_character_is_read_past(void **state)
{
    static const char *const texts[] = {
        "\xc2",         "\xe2",         "\xe2\x80", "\xef", "\xef\xbb", "\xc2\x80",
        "\xe2\x80\xa8", "\xef\xbb\xbf", "\xf0\x9f", "\xff", ""};
    struct buf buf;
    size_t i, len;

    (void)state;
    buf_init(&buf, 64);
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (len = 0; len <= strlen(texts[i]); len++) {
            buf_clear(&buf);
            escape_exactly(&buf, texts[i], len);
            assert_false(buf.failed);
            assert_true(buf.len <= 6);
        }
    }
    buf_release(&buf);
}

static void
test_marks_of_strings_and_lines_are_escaped(void **state)
{
    static const struct {
        const char *text, *escaped;
    } cases[] = {
        {"", ""},
        {"\"", "\\\""},
        {"\\", "\\\\"},
        {"\\\"\\", "\\\\\\\"\\\\"},
        {"a\nb", "a\\u000ab"},
        {"\r\t\x01\x1f", "\\u000d\\u0009\\u0001\\u001f"},
        {"\x7f", "\\u007f"},
        {"\xc2\x85\xc2\x9f", "\\u0085\\u009f"},
        {"\u2028\u2029", "\\u2028\\u2029"},
        {"\ufeff", "\\ufeff"},
        {"</script>", "</script>"},
        {"ü \u00a0 я 中 🇩🇪", "ü \u00a0 я 中 🇩🇪"},
    };
    struct buf buf;
    size_t i;

    (void)state;
    buf_init(&buf, 256);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&buf);
        escape_exactly(&buf, cases[i].text, strlen(cases[i].text));
        buf_putc(&buf, '\0');
        assert_string_equal(cases[i].escaped, buf.data);
        buf_clear(&buf);
        escape_string(&buf, cases[i].text);
        assert_int_equal(strlen(cases[i].escaped) + 2, buf.len);
        assert_int_equal('"', buf.data[0]);
        assert_int_equal('"', buf.data[buf.len - 1]);
    }
    buf_clear(&buf);
    escape_exactly(&buf, "a\0b", 3);
    assert_int_equal(8, buf.len);
    assert_memory_equal("a\\u0000b", buf.data, 8);
    buf_release(&buf);
}

static size_t
encode(unsigned code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

static void
check_json(const struct buf *quoted, const char *text, size_t len)
{
    json_error_t error;
    json_t *value = json_loadb(quoted->data, quoted->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (value == NULL)
        fail_msg("JSON: %s: %.*s", error.text, (int)quoted->len, quoted->data);
    assert_int_equal(len, json_string_length(value));
    assert_memory_equal(text, json_string_value(value), len);
    json_decref(value);
}

static void
check_yaml(const struct buf *quoted, const char *text, size_t len)
{
    yaml_parser_t parser;
    yaml_event_t event;
    bool found = false;

    assert_true(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)quoted->data, quoted->len);
    while (!found) {
        if (!yaml_parser_parse(&parser, &event))
            fail_msg("YAML: %s: %.*s", parser.problem, (int)quoted->len, quoted->data);
        found = event.type == YAML_SCALAR_EVENT;
        if (found) {
            assert_int_equal(len, event.data.scalar.length);
            assert_memory_equal(text, event.data.scalar.value, len);
        }
        assert_int_not_equal(YAML_STREAM_END_EVENT, event.type);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
}

/* Both read back what went in, whichever character of Unicode it is. */
static void
test_every_character_arrives(void **state)
{
    enum { AT_ONCE = 1024 };
    static char text[4 * AT_ONCE];
    struct buf quoted;
    unsigned code, i;
    size_t len;

    (void)state;
    buf_init(&quoted, 16 * AT_ONCE);
    for (code = 0; code < 0x110000; code += AT_ONCE) {
        if (code >= 0xd800 && code < 0xe000)
            continue;
        for (i = 0, len = 0; i < AT_ONCE; i++)
            len += encode(code + i, text + len);
        buf_clear(&quoted);
        buf_putc(&quoted, '"');
        escape_exactly(&quoted, text, len);
        buf_putc(&quoted, '"');
        assert_false(quoted.failed);
        check_json(&quoted, text, len);
        check_yaml(&quoted, text, len);
    }
    buf_release(&quoted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_cut_of_a_character_is_read_past),
        cmocka_unit_test(test_marks_of_strings_and_lines_are_escaped),
        cmocka_unit_test(test_every_character_arrives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
