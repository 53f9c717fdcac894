/* config_profile.c: settings of what apps are told, and in which form. */
#include "unit.h"

#include <jansson.h>

#include "config.h"
#include "tree.h"

static struct config config;
static struct error error;

static int
set_up(void **state)
{
    static const char *const variables[] = {"SIGNPOST_CONFIG", "SIGNPOST_DATA", "SIGNPOST_STATE",
                                            "SIGNPOST_CORE"};
    size_t i;

    for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    memset(&config, 0, sizeof(config));
    return tree_set_up(state);
}

static int
tear_down(void **state)
{
    config_release(&config);
    return tree_tear_down(state);
}

static int
load(const char *text)
{
    config_release(&config);
    tree_write("signpost.yaml", text);
    error = (struct error){.text = ""};
    return config_load(&config, tree_path("signpost.yaml"), &error);
}

static void
load_good(const char *text)
{
    if (load(text) != 0)
        fail_msg("%s: %s", text, error.text);
}

struct mistake {
    const char *text;
    const char *place; /* behind the file's name */
    const char *parts[2];
};

/* Whether the message starts with the file and the place and holds the parts. */
static bool
is_told(const char *file, const struct mistake *mistake)
{
    const char *path = tree_path(file);
    json_t *string = json_string(error.text); /* NULL unless it is UTF-8 */
    bool is_text = string != NULL;
    int i;

    json_decref(string);
    if (!is_text || strncmp(error.text, path, strlen(path)) != 0 ||
        strncmp(error.text + strlen(path), mistake->place, strlen(mistake->place)) != 0)
        return false;
    for (i = 0; i < 2; i++)
        if (mistake->parts[i] != NULL && strstr(error.text, mistake->parts[i]) == NULL)
            return false;
    return true;
}

static void
check_mistakes(const struct mistake *cases, size_t count)
{
    size_t i;
    int wrong = 0;

    for (i = 0; i < count; i++) {
        if (load(cases[i].text) != -1) {
            print_error("accepted: %s", cases[i].text);
            wrong++;
        } else if (!is_told("signpost.yaml", &cases[i])) {
            print_error("%snot …%s…%s…: %s\n", cases[i].text, cases[i].place, cases[i].parts[0],
                        error.text);
            wrong++;
        }
    }
    assert_int_equal(0, wrong);
}

static void
test_wrong_texts(void **state)
{
    static const struct mistake cases[] = {
        {"title: '{name}'\n", ":1:1: title: ", {"'{name}'", "{device}, {user}"}},
        {"\ntitle: 'a {device'\n", ":2:1: title: ", {"'{device'", "{device}, {user}"}},
        {"title: '{uuid}'\n", ":1:1: title: ", {"'{uuid}'", "{device}, {user}"}},
        {"title: '{{device}}'\n", ":1:1: title: ", {"'{{device}}'", NULL}},
        {"title: '{Device}'\n", ":1:1: title: ", {"'{Device}'", NULL}},
        {"title: [a]\n", ":1:1: title: ", {"must be text", "quotes"}},
        {"title: true\n", ":1:1: title: ", {"must be text", "quotes"}},
        {"filename: '{uuid}.txt'\n", ":1:1: filename: ", {"'{uuid}.txt'", "{device}, {user}"}},
        {"filename: {a: b}\n", ":1:1: filename: ", {"must be text", NULL}},
        {"announce: '{links}'\n", ":1:1: announce: ", {"'{links}'", "{device}, {user}"}},
        {"announce: '{длинное слово на другом языке}'\n", ":1:1: announce: ", {"'{длинное", NULL}},
        {"web_page_url: 'https://a.example/{id}'\n",
         ":1:1: web_page_url: ",
         {"'{id}'", "{device}, {user}, {uuid}"}},
        {"web_page_url: a.example\n", ":1:1: web_page_url: ", {"'a.example'", "https://"}},
        {"web_page_url: 'https://a.example/a b'\n", ":1:1: web_page_url: ", {"white space", NULL}},
        {"support_url: '@support'\n", ":1:1: support_url: ", {"'@support'", "https://"}},
        {"support_url: ':x'\n", ":1:1: support_url: ", {"':x'", "https://"}},
        {"support_url: \"https://a.example/\\r\\nx: y\"\n",
         ":1:1: support_url: ",
         {"control characters", NULL}},
        {"support_url: [a]\n", ":1:1: support_url: ", {"must be a string", NULL}},
        {"routing: \"happ://routing/\\nx: y\"\n", ":1:1: routing: ", {"control characters", NULL}},
        {"routing: {a: b}\n", ":1:1: routing: ", {"must be a string", NULL}},
    };

    (void)state;
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_wrong_numbers(void **state)
{
    static const struct mistake cases[] = {
        {"update_interval: -1\n", ":1:1: update_interval: ", {"-1 is out of range", "0 to 8760"}},
        {"update_interval: 8761\n", ":1:1: update_interval: ", {"8761", "0 to 8760"}},
        {"update_interval: 99999999999\n", ":1:1: update_interval: ", {"0 to 8760", NULL}},
        {"a: b\nupdate_interval: 1\n", ":1:1: a: ", {"no such setting", NULL}},
        {"update_interval: 0.5\n", ":1:1: update_interval: ", {"whole number", NULL}},
        {"update_interval: 12h\n", ":1:1: update_interval: ", {"whole number", NULL}},
        {"update_interval: '12'\n", ":1:1: update_interval: ", {"whole number", NULL}},
        {"update_interval: [12]\n", ":1:1: update_interval: ", {"whole number", NULL}},
    };

    (void)state;
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_wrong_rules_for_apps(void **state)
{
    static const struct mistake cases[] = {
        {"user_agents: {start: a, format: links}\n",
         ":1:1: user_agents: ",
         {"list of rules", NULL}},
        {"user_agents: a\n", ":1:1: user_agents: ", {"list of rules", "format: "}},
        {"user_agents: [a]\n", ":1:1: user_agents: ", {"list of rules", NULL}},
        {"user_agents: [[a]]\n", ":1:1: user_agents: ", {"list of rules", NULL}},
        {"user_agents:\n- {format: links}\n", "", {"user_agents.start", "User-Agent starts with"}},
        {"user_agents:\n- {start: '', format: links}\n", "", {"user_agents.start", NULL}},
        {"user_agents:\n- {start: a}\n", "", {"user_agents.format", "clash, sing-box, xray"}},
        {"user_agents:\n- {start: a, format: yaml}\n", "", {"'yaml'", "clash, sing-box, xray"}},
        {"user_agents:\n- {start: a, format: Clash}\n", "", {"'Clash'", "clash, sing-box, xray"}},
        {"user_agents:\n- {start: a, format: links, core: v2ray}\n",
         "",
         {"'v2ray'", "xray, sing-box, mihomo"}},
        {"user_agents:\n- {start: [a], format: links}\n", "", {"user_agents.start", "text"}},
        {"user_agents:\n- {start: a, format: links}\n- {start: b, format: [links]}\n",
         "",
         {"user_agents.format", NULL}},
        {"user_agents:\n- {start: a, format: links, contains: b}\n",
         "",
         {"user_agents.contains", "unknown"}},
    };

    (void)state;
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
}

/* In a list of a hundred rules, the wrong one is found by its line. */
static void
test_a_wrong_rule_is_told_with_its_line(void **state)
{
    static const struct mistake cases[] = {
        {"user_agents:\n- {start: a, format: yaml}\n", ":2:", {"'yaml'", NULL}},
        {"user_agents:\n- {start: a, format: links}\n- start: b\n  format: yaml\n",
         ":4:",
         {"'yaml'", NULL}},
        {"user_agents:\n- {format: links}\n", ":2:", {"user_agents", NULL}},
        {"user_agents:\n- {start: a, format: links}\n- {start: b, format: links, x: y}\n",
         ":3:",
         {"user_agents", NULL}},
    };

    (void)state;
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
}

/* "since: latest" would mean every version there is, and so must "since: v1.19" not. */
static void
test_since_is_a_version(void **state)
{
    static const struct mistake cases[] = {
        {"user_agents:\n- {start: a/, format: links, since: latest}\n", "", {"since", NULL}},
        {"user_agents:\n- {start: a/, format: links, since: 1.x}\n", "", {"since", NULL}},
        {"user_agents:\n- {start: a/, format: links, since: [1]}\n", "", {"since", NULL}},
    };

    (void)state;
    if (load("user_agents:\n- {start: a/, format: links, since: v1.19}\n") == 0)
        assert_null(agent_find("a/1.18", &config.agents));
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_wrong_templates(void **state)
{
    static const struct mistake cases[] = {
        {"templates: clash.yaml\n", ":1:1: templates: ", {"must be a mapping", NULL}},
        {"templates: [clash]\n", ":1:1: templates: ", {"must be a mapping", NULL}},
        {"templates:\n  clash: [a]\n", ":2:3: templates.clash: ", {"must be a path", "quotes"}},
        {"templates:\n  xray: 7\n", ":2:3: templates.xray: ", {"must be a path", "quotes"}},
        {"templates:\n  xray: a\n  Clash: b\n", ":3:3: templates.Clash: ", {"unknown", NULL}},
        {"templates:\n  sing-box-1.12: b\n", ":2:3: templates.sing-box-1.12: ", {"unknown", NULL}},
    };

    (void)state;
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
}

/* A remedy: what would be right. And nothing is ignored, since nothing is started. */
static void
test_unknown_keys_are_told_with_the_known_ones(void **state)
{
    static const struct mistake cases[] = {
        {"templates:\n  klash: a\n", ":2:3: templates.klash: ", {"clash", "sing-box"}},
        {"user_agents:\n- {start: a, format: links, contains: b}\n", "", {"since", "core"}},
    };

    (void)state;
    check_mistakes(cases, sizeof(cases) / sizeof(cases[0]));
    assert_null(strstr(error.text, "ignored"));
}

/* A key as long as nobody writes it, in another script: the message ends with a whole character. */
static void
test_messages_are_cut_between_characters(void **state)
{
    char letters[2 * 300 + 1] = "", text[sizeof(letters) + 32];
    json_t *string;
    int i;

    (void)state;
    for (i = 0; i < 300; i++)
        memcpy(letters + 2 * i, "я", 3);
    for (i = 0; i < 2; i++) { /* whichever way the cut falls */
        snprintf(text, sizeof(text), "templates:\n  %s%s: b\n", i == 0 ? "a" : "ab", letters);
        assert_int_equal(-1, load(text));
        string = json_string(error.text);
        if (string == NULL)
            fail_msg("no UTF-8: %s", error.text);
        json_decref(string);
    }
}

static void
test_every_setting(void **state)
{
    (void)state;
    load_good("title: '{user}, {device}'\nfilename: '{device}.txt'\nupdate_interval: 24\n"
              "support_url: https://a.example/help\nweb_page_url: 'https://a.example/{uuid}'\n"
              "announce: 'Привет, {user}!'\nrouting: happ://routing/onadd/eyJ9\n");
    assert_string_equal("{user}, {device}", config.profile.title);
    assert_string_equal("{device}.txt", config.profile.filename);
    assert_int_equal(24, config.profile.update_interval);
    assert_string_equal("https://a.example/help", config.profile.support_url);
    assert_string_equal("https://a.example/{uuid}", config.profile.web_page_url);
    assert_string_equal("Привет, {user}!", config.profile.announce);
    assert_string_equal("happ://routing/onadd/eyJ9", config.profile.routing);
    load_good("support_url: mailto:help@a.example\nupdate_interval: 8760\ntitle: 2026\n");
    assert_string_equal("mailto:help@a.example", config.profile.support_url);
    assert_int_equal(8760, config.profile.update_interval);
    assert_string_equal("2026", config.profile.title);
}

static void
test_every_setting_has_a_default(void **state)
{
    static const char nulls[] = "title:\nfilename: ~\nsupport_url: ''\nweb_page_url: null\n"
                                "announce:\nrouting: ''\nupdate_interval:\nuser_agents:\n"
                                "templates:\n";
    static const char *const texts[] = {"", nulls, "user_agents: []\ntemplates: {}\ntitle: ' '\n"};
    size_t i;
    int frame;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        load_good(texts[i]);
        assert_string_equal("{device}", config.profile.title);
        assert_string_equal("{device}", config.profile.filename);
        assert_int_equal(12, config.profile.update_interval);
        assert_null(config.profile.support_url);
        assert_null(config.profile.web_page_url);
        assert_null(config.profile.announce);
        assert_null(config.profile.routing);
        assert_int_equal(0, config.agents.count);
        assert_false(config.policy.with_user);
        for (frame = 0; frame < FRAMES; frame++)
            assert_null(config.policy.frame_paths[frame]);
    }
    /* The file's name follows the title. */
    load_good("title: Mine\n");
    assert_string_equal("Mine", config.profile.filename);
}

/* Users' names are in the snapshot only where somebody is told them. */
static void
test_users_names_are_served_only_when_asked_for(void **state)
{
    static const char *const asking[] = {"title: '{user}'\n", "filename: 'a {user}'\n",
                                         "announce: '{device} {user}'\n",
                                         "web_page_url: 'https://a.example/{user}'\n"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(asking) / sizeof(asking[0]); i++) {
        load_good(asking[i]);
        assert_true(config.policy.with_user);
    }
    load_good("title: '{device}'\nannounce: user\nweb_page_url: 'https://a.example/{uuid}'\n");
    assert_false(config.policy.with_user);
}

static void
test_rules_for_apps(void **state)
{
    const struct agent_rule *rules;

    (void)state;
    load_good("user_agents:\n"
              "- {start: v2rayNG/, since: 1.8.29, format: xray}\n"
              "- {start: My App, format: clash, core: mihomo, since: 2}\n"
              "- {start: Bot, format: none}\n"
              "- {start: Old, format: base64, core: sing-box}\n");
    assert_int_equal(4, config.agents.count);
    rules = config.agents.rules;
    assert_string_equal("v2rayNG/", rules[0].start);
    assert_string_equal("1.8.29", rules[0].since);
    assert_int_equal(FORMAT_XRAY, rules[0].format);
    assert_int_equal(FEATURES_ALL, rules[0].known);
    assert_string_equal("My App", rules[1].start);
    assert_string_equal("2", rules[1].since);
    assert_int_equal(FORMAT_CLASH, rules[1].format);
    assert_int_equal(agent_known("mihomo"), rules[1].known);
    assert_int_equal(FORMAT_NONE, rules[2].format);
    assert_null(rules[2].since);
    assert_int_equal(FORMAT_BASE64, rules[3].format);
    assert_int_equal(agent_known("sing-box"), rules[3].known);
    /* They are what is asked. */
    assert_ptr_equal(&rules[2], agent_find("bot/1.0", &config.agents));
}

static void
test_rules_without_end_are_refused(void **state)
{
    static const char rule[] = "- {start: a, format: links}\n";
    static char text[32 + 1001 * sizeof(rule)];
    size_t len = (size_t)snprintf(text, sizeof(text), "user_agents:\n"), i;

    (void)state;
    for (i = 0; i < 1000; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", rule);
    load_good(text);
    assert_int_equal(1000, config.agents.count);
    snprintf(text + len, sizeof(text) - len, "%s", rule);
    assert_int_equal(-1, load(text));
    assert_non_null(strstr(error.text, "user_agents"));
}

#define in_settings(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        in_settings(test_wrong_texts),
        in_settings(test_wrong_numbers),
        in_settings(test_wrong_rules_for_apps),
        in_settings(test_a_wrong_rule_is_told_with_its_line),
        in_settings(test_since_is_a_version),
        in_settings(test_wrong_templates),
        in_settings(test_unknown_keys_are_told_with_the_known_ones),
        in_settings(test_messages_are_cut_between_characters),
        in_settings(test_every_setting),
        in_settings(test_every_setting_has_a_default),
        in_settings(test_users_names_are_served_only_when_asked_for),
        in_settings(test_rules_for_apps),
        in_settings(test_rules_without_end_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
