#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "document.h"

static json_t *
parse(const char *text, enum document_syntax syntax, struct error *error)
{
    size_t len = strlen(text);
    char *exact = malloc(len > 0 ? len : 1);
    json_t *tree;

    assert_non_null(exact);
    memcpy(exact, text, len);
    *error = (struct error){0};
    tree = document_parse(exact, len, syntax, error);
    free(exact);
    return tree;
}

/* Plain scalars that are the string they look like. */
static void
test_plain_scalars_stay_text(void **state)
{
    static const char *const texts[] = {
        "Null",
        "NULL",
        "nil",
        "True",
        "TRUE",
        "False",
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "Yes",
        "-0",
        "+1",
        "00",
        "012",
        "-012",
        "0o14",
        "0x1f",
        "1e3",
        "1_000",
        "1,000",
        "1.0",
        "3.10",
        "-1.5",
        ".5",
        "1.",
        ".inf",
        ".nan",
        "12:30",
        "12:30:45",
        "2026-12-31",
        "2026-12-31 18:00:00Z",
        "203.0.113.21",
        "2001:db8::10",
        "1 2",
        "7#8",
        "--",
        "-x",
        "0123456789abcdef",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551617",
        "99999999999999999999999999",
        "Телефон 📱",
        "a'b\"c",
        "C:\\x",
        "<<",
        "=",
    };
    char text[200];
    const char *value;
    struct error error;
    json_t *tree;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        snprintf(text, sizeof(text), "a: %s\n", texts[i]);
        tree = parse(text, SYNTAX_YAML, &error);
        value = json_string_value(json_object_get(tree, "a"));
        if (value == NULL || strcmp(value, texts[i]) != 0)
            fail_msg("%s is not text: %s", texts[i], tree == NULL ? error.text : "a tree");
        json_decref(tree);
    }
}

/* Each value, read from "a: <value>", as compact JSON. */
static void
test_yaml_scalars(void **state)
{
    static const char *const cases[][2] = {
        {"", "null"},
        {"~", "null"},
        {"null", "null"},
        {"true", "true"},
        {"false", "false"},
        {"0", "0"},
        {"7", "7"},
        {"-7", "-7"},
        {"2351", "2351"},
        {"7 # seven", "7"},
        {"999999999999999999", "999999999999999999"},
        {"-999999999999999999", "-999999999999999999"},
        {"'7'", "\"7\""},
        {"\"7\"", "\"7\""},
        {"'~'", "\"~\""},
        {"\"null\"", "\"null\""},
        {"'true'", "\"true\""},
        {"''", "\"\""},
        {"\"\"", "\"\""},
        {"'it''s'", "\"it's\""},
        {"\"a\\tb\\u00e9\\U0001F600\"", "\"a\\tbé😀\""},
        {"|\n  7\n", "\"7\\n\""},
        {"|-\n  7\n", "\"7\""},
        {">-\n  null\n", "\"null\""},
        {"phone\n  of Ivan", "\"phone of Ivan\""},
        {"7\n  8", "\"7 8\""},
        {"[1, '1', yes, ~, ]", "[1,\"1\",\"yes\",null]"},
        {"{b: 1, c: {}, d: []}", "{\"b\":1,\"c\":{},\"d\":[]}"},
        {"[b: 1]", "[{\"b\":1}]"},
    };
    char text[200], *dump;
    struct error error;
    json_t *tree;
    size_t i;
    int wrong = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "a: %s\n", cases[i][0]);
        tree = parse(text, SYNTAX_YAML, &error);
        dump = json_dumps(json_object_get(tree, "a"), JSON_COMPACT | JSON_ENCODE_ANY);
        if ((dump == NULL) != (cases[i][1] == NULL) ||
            (dump != NULL && strcmp(dump, cases[i][1]) != 0)) {
            print_error("%s is %s\n", cases[i][0], dump != NULL ? dump : error.text);
            wrong++;
        }
        free(dump);
        json_decref(tree);
    }
    assert_int_equal(0, wrong);
}

/* They print back the same, fit, and are integers in JSON: no two answers by the file's syntax. */
static void
test_yaml_integers_reach_as_far_as_json_ones(void **state)
{
    static const char *const texts[] = {"1000000000000000000", "9223372036854775807",
                                        "-9223372036854775807", "-9223372036854775808"};
    char text[64];
    struct error error;
    json_t *json, *yaml;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        snprintf(text, sizeof(text), "{\"a\": %s}", texts[i]);
        json = parse(text, SYNTAX_JSON, &error);
        yaml = parse(text, SYNTAX_YAML, &error);
        assert_true(json_is_integer(json_object_get(json, "a")));
        if (!json_equal(json, yaml))
            fail_msg("%s is no integer in YAML", texts[i]);
        json_decref(json);
        json_decref(yaml);
    }
}

static void
test_both_syntaxes_give_one_tree(void **state)
{
    static const char json[] =
        "{\"id\": 7, \"username\": \"Иван\", \"email\": null,\n"
        " \"core_nodes\": [\"198.51.100.10\", \"2001:db8::1\"],\n"
        " \"client\": {\"port\": 443, \"path\": \"/a?ed=1\", \"x\": true}}\n";
    static const char yaml[] = "%YAML 1.1\n--- # one\nid: 7\nusername: Иван\nemail:\n"
                               "core_nodes:\n- 198.51.100.10\n- 2001:db8::1\n"
                               "client:\n  port: 443\n  path: /a?ed=1\n  x: true\n...\n";
    struct error error;
    json_t *a = parse(json, SYNTAX_JSON, &error), *b = parse(yaml, SYNTAX_YAML, &error);
    json_t *c = parse(json, SYNTAX_YAML, &error);

    (void)state;
    assert_non_null(a);
    assert_true(json_equal(a, b));
    assert_true(json_equal(a, c));
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

static void
test_locate(void **state)
{
    static const char yaml[] =
        "# first\nстатус: x\nport: 1\nclient:\n  sni: a\n"
        "  \"port\": 2\n  deep: {é: 1, port: 3}\nlist: [{port: 4}]\nlast: 5\n";
    static const char json[] = "{\n  \"é\": \"é\", \"port\": 1,\n\t\"client\": {\"port\": 2}\n}\n";
    static const struct {
        const char *text;
        const char *path[4];
        unsigned line, column; /* 0: cannot be told */
    } cases[] = {
        {yaml, {"статус"}, 2, 1},
        {yaml, {"port"}, 3, 1},
        {yaml, {"client"}, 4, 1},
        {yaml, {"client", "port"}, 6, 3},
        {yaml, {"client", "deep", "port"}, 7, 16},
        {yaml, {"last"}, 9, 1},
        {yaml, {"missing"}, 0, 0},
        {yaml, {"sni"}, 0, 0},
        {yaml, {"client", "missing"}, 0, 0},
        {yaml, {"client", "last"}, 0, 0},
        {yaml, {"port", "port"}, 0, 0},
        {yaml, {"list", "port"}, 0, 0},
        {yaml, {"list", "0"}, 8, 8},
        {yaml, {"list", "0", "port"}, 8, 9},
        {yaml, {"list", "1"}, 0, 0},
        {yaml, {"list", "-1"}, 0, 0},
        {yaml, {"list", ""}, 0, 0},
        {yaml, {NULL}, 0, 0},
        {json, {"é"}, 2, 3},
        {json, {"port"}, 2, 13},
        {json, {"client", "port"}, 3, 13},
        {"{\"st\\u0061tus\": 1}", {"status"}, 1, 2},
        {"[a, b]", {"a"}, 0, 0},
        {"a", {"a"}, 0, 0},
        {"", {"a"}, 0, 0},
    };
    static const char pair[] = "{\"device\": \"\\ud83d\\ude00\", \"b\": 1}";
    const char *const path[] = {"b", NULL};
    unsigned line, column;
    size_t i;
    int rc;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        line = column = 0;
        rc = document_locate(cases[i].text, strlen(cases[i].text), cases[i].path, &line, &column);
        if (rc != (cases[i].line > 0 ? 0 : -1))
            fail_msg("case %zu gives %d", i, rc);
        if (rc == 0 && (line != cases[i].line || column != cases[i].column))
            fail_msg("case %zu stands at %u:%u", i, line, column);
    }
    /* libyaml knows no surrogate pairs: no place is fine, a wrong one is not. */
    if (document_locate(pair, sizeof(pair) - 1, path, &line, &column) == 0)
        assert_true(line == 1 && column == 28);
}

static void
test_syntax_is_told_by_the_name(void **state)
{
    static const struct {
        const char *name;
        enum document_syntax syntax;
        size_t stem;
    } cases[] = {
        {"7.json", SYNTAX_JSON, 1},      {"7.yaml", SYNTAX_YAML, 1},
        {"7.yml", SYNTAX_YAML, 1},       {"203.0.113.21.json", SYNTAX_JSON, 12},
        {"a.json.yaml", SYNTAX_YAML, 6}, {"a.yaml.json", SYNTAX_JSON, 6},
        {"7", SYNTAX_NONE, 0},           {"", SYNTAX_NONE, 0},
        {".json", SYNTAX_NONE, 0},       {"json", SYNTAX_NONE, 0},
        {"7.json~", SYNTAX_NONE, 0},     {"7.json.bak", SYNTAX_NONE, 0},
        {"7.jsonx", SYNTAX_NONE, 0},     {"README", SYNTAX_NONE, 0},
        {"7.toml", SYNTAX_NONE, 0},
    };
    size_t i, stem;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        stem = 0;
        assert_int_equal(cases[i].syntax, document_syntax(cases[i].name, &stem));
        assert_int_equal(cases[i].syntax, document_syntax(cases[i].name, NULL));
        if (cases[i].syntax != SYNTAX_NONE)
            assert_int_equal(cases[i].stem, stem);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_scalars_stay_text),
        cmocka_unit_test(test_yaml_scalars),
        cmocka_unit_test(test_yaml_integers_reach_as_far_as_json_ones),
        cmocka_unit_test(test_both_syntaxes_give_one_tree),
        cmocka_unit_test(test_locate),
        cmocka_unit_test(test_syntax_is_told_by_the_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
