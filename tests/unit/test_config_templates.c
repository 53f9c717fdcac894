/* config.h: the files that the setting `templates` names, read and tried. */
#include "unit.h"

#include <ctype.h>

#include "config.h"
#include "document.h"
#include "tree.h"

static struct config config;
static struct error error;

static int
set_up(void **state)
{
    unsetenv("SIGNPOST_DATA");
    unsetenv("SIGNPOST_STATE");
    unsetenv("SIGNPOST_CORE");
    memset(&config, 0, sizeof(config));
    return tree_set_up(state);
}

static int
tear_down(void **state)
{
    config_release(&config);
    return tree_tear_down(state);
}

/* Settings that name one template, and the loading of it. */
static int
load(enum frame frame, const char *file)
{
    char text[600];

    config_release(&config);
    snprintf(text, sizeof(text), "templates:\n  %s: %s\n", frame_name(frame), file);
    tree_write("etc/signpost.yaml", text);
    error = (struct error){.text = ""};
    if (config_load(&config, tree_path("etc/signpost.yaml"), &error) != 0)
        fail_msg("%s", error.text);
    return config_load_templates(&config, &error);
}

/* "FILE:LINE:COLUMN: " with numbers as people count, from 1; or "FILE: " for line 0. */
static void
check_place(const char *file, unsigned line)
{
    const char *path = tree_path(file), *p = error.text + strlen(path);
    unsigned told, column;
    int n = 0;

    if (strncmp(error.text, path, strlen(path)) != 0)
        fail_msg("%s is not named: %s", path, error.text);
    if (line == 0) {
        assert_memory_equal(": ", p, 2);
        assert_false(isdigit((unsigned char)p[2]));
    } else if (sscanf(p, ":%u:%u: %n", &told, &column, &n) != 2 || n == 0 || told != line) {
        fail_msg("not line %u: %s", line, error.text);
    } else if (column == 0) {
        fail_msg("there is no column 0: %s", error.text);
    }
}

static void
check_refused(enum frame frame, const char *text, unsigned line, const char *part)
{
    tree_write("etc/t", text);
    if (load(frame, "t") != -1)
        fail_msg("accepted: %s", text);
    check_place("etc/t", line);
    if (strstr(error.text, part) == NULL)
        fail_msg("not …%s…: %s", part, error.text);
    assert_null(config.policy.frames[frame]);
}

static void
test_what_makes_no_profile_is_refused(void **state)
{
    (void)state;
    check_refused(FRAME_CLASH, "", 0, "empty");
    check_refused(FRAME_CLASH, "proxies: []\n", 0, "{{proxies}}");
    check_refused(FRAME_SING_BOX, "{\"outbounds\":[{{proxies}},]}", 1, "no JSON");
    check_refused(FRAME_SING_BOX_1_9, "{\"outbounds\":[{{proxies}}]\n}}\n", 2, "no JSON");
    check_refused(FRAME_CLASH, "a: [\nproxies:\n{{proxies}}", 3, "no YAML");
}

static void
test_a_wrong_place_is_told_with_its_place(void **state)
{
    (void)state;
    check_refused(FRAME_XRAY, "{\n\"a\": \"{{what}}\",\n\"b\": [{{proxies}}]}", 2, "{{what");
    check_refused(FRAME_CLASH, "proxies:\n{{proxies}}\nx: [{{names]\n", 3, "{{names]");
}

static void
test_files_that_are_none(void **state)
{
    static char large[DOCUMENT_MAX + 2];

    (void)state;
    assert_int_equal(-1, load(FRAME_CLASH, "missing.yaml"));
    check_place("etc/missing.yaml", 0);
    assert_non_null(strstr(error.text, "templates: clash"));
    tree_write("etc/directory/file", "x");
    assert_int_equal(-1, load(FRAME_XRAY_ONE, "directory"));
    check_place("etc/directory", 0);
    tree_write_bytes("etc/t", "{{proxies}}\0", 12);
    assert_int_equal(-1, load(FRAME_CLASH, "t"));
    check_place("etc/t", 0);
    assert_non_null(strstr(error.text, "NUL"));
    memset(large, '#', sizeof(large));
    tree_write_bytes("etc/t", large, sizeof(large));
    assert_int_equal(-1, load(FRAME_CLASH, "t"));
    check_place("etc/t", 0);
    assert_non_null(strstr(error.text, "large"));
}

static void
test_a_template_replaces_one_frame(void **state)
{
    static const char text[] =
        "# mine\nproxies:\n{{proxies}}rules:\n{{public_rules}}  - 'MATCH,X'\n";
    char path[sizeof(tree_name)];
    int frame;

    (void)state;
    tree_write("templates/clash", text);
    /* Seen from the settings file, and where it is whatever that is. */
    assert_int_equal(0, load(FRAME_CLASH, "../templates/clash"));
    assert_string_equal(text, config.policy.frames[FRAME_CLASH]);
    for (frame = FRAME_CLASH + 1; frame < FRAMES; frame++)
        assert_null(config.policy.frames[frame]);
    snprintf(path, sizeof(path), "%s", tree_path("templates/clash"));
    assert_int_equal(0, load(FRAME_CLASH, path));
    assert_string_equal(text, config.policy.frames[FRAME_CLASH]);
    assert_string_equal(path, config.policy.frame_paths[FRAME_CLASH]);
}

/* Each by its own word; the others stay Signpost's. */
static void
test_every_frame_can_be_replaced(void **state)
{
    char text[8192];
    const char *start;
    int frame, other;
    size_t len;

    (void)state;
    for (frame = 0; frame < FRAMES; frame++) {
        start = frame_default((enum frame)frame, &len);
        assert_true(len < sizeof(text));
        memcpy(text, start, len);
        text[len] = '\0';
        tree_write("etc/t", text);
        if (load((enum frame)frame, "t") != 0)
            fail_msg("%s", error.text);
        for (other = 0; other < FRAMES; other++)
            assert_int_equal(other == frame, config.policy.frames[other] != NULL);
        assert_string_equal(text, config.policy.frames[frame]);
    }
}

/* The responder reads settings and no templates: those are in the snapshot. */
static void
test_settings_alone_read_no_template(void **state)
{
    (void)state;
    tree_write("etc/signpost.yaml", "templates: {clash: missing.yaml}\n");
    assert_int_equal(0, config_load(&config, tree_path("etc/signpost.yaml"), &error));
    assert_string_equal(tree_path("etc/missing.yaml"), config.policy.frame_paths[FRAME_CLASH]);
    assert_null(config.policy.frames[FRAME_CLASH]);
    config_release(&config);
    tree_write("etc/signpost.yaml", "title: a\n");
    assert_int_equal(0, config_load(&config, tree_path("etc/signpost.yaml"), &error));
    assert_int_equal(0, config_load_templates(&config, &error));
}

#define in_settings(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        in_settings(test_what_makes_no_profile_is_refused),
        in_settings(test_a_wrong_place_is_told_with_its_place),
        in_settings(test_files_that_are_none),
        in_settings(test_a_template_replaces_one_frame),
        in_settings(test_every_frame_can_be_replaced),
        in_settings(test_settings_alone_read_no_template),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
