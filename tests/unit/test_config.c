#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"

static char directory[64];

static int
make_directory(void **state)
{
    (void)state;
    unsetenv("SIGNPOST_CONFIG");
    unsetenv("SIGNPOST_DATA");
    unsetenv("SIGNPOST_STATE");
    unsetenv("SIGNPOST_CORE");
    snprintf(directory, sizeof(directory), "/tmp/signpost-config.XXXXXX");
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int
remove_directory(void **state)
{
    static const char *const names[] = {"signpost.yaml", "signpost.json", "signpost.conf"};
    char path[128];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
    return rmdir(directory);
}

/* Writes a settings file; the path lasts until the next call. */
static const char *
settings(const char *name, const char *text)
{
    static char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(0, fclose(file));
    return path;
}

static void
load(struct config *config, const char *text)
{
    struct error error = {0};

    if (config_load(config, settings("signpost.yaml", text), &error) != 0)
        fail_msg("%s: %s", text, error.text);
}

static void
test_every_setting(void **state)
{
    static const char yaml[] = "# all of them\n"
                               "data: /srv/registry\n"
                               "state: /run/signpost\n"
                               "core: 198.51.100.10\n"
                               "refresh: off\n"
                               "domains: all\n"
                               "order: name\n"
                               "max_links: 5\nuuid_addresses: off\n"
                               "remark: '{device} ({location})'\n"
                               "public_urls:\n"
                               "- https://z.example/api\n"
                               "- https://a.example/api/\n"
                               "- http://127.0.0.1:8080/api\n";
    static const char json[] =
        "{\"data\": \"/srv/registry\", \"state\": \"/run/signpost\", \"core\": \"198.51.100.10\",\n"
        " \"refresh\": false, \"domains\": \"all\", \"order\": \"name\", \"max_links\": 5,\n"
        " \"uuid_addresses\": false,"
        " \"remark\": \"{device} ({location})\", \"public_urls\": [\"https://z.example/api\",\n"
        " \"https://a.example/api/\", \"http://127.0.0.1:8080/api\"]}\n";
    static const char *const files[][2] = {
        {"signpost.yaml", yaml}, {"signpost.json", json}, {"signpost.conf", yaml}};
    struct config config;
    struct error error;
    const char *path;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        path = settings(files[i][0], files[i][1]);
        if (config_load(&config, path, &error) != 0)
            fail_msg("%s", error.text);
        assert_string_equal(path, config.file);
        assert_string_equal("/srv/registry", config.data);
        assert_string_equal("/run/signpost", config.state);
        assert_string_equal("198.51.100.10", config.policy.core);
        assert_false(config.refresh);
        assert_true(config.policy.all_domains);
        assert_true(config.policy.by_name);
        assert_int_equal(5, config.policy.max_links);
        assert_true(config.policy.by_token_only);
        assert_string_equal("{device} ({location})", config.policy.remark);
        assert_int_equal(3, config.policy.urls.count);
        assert_string_equal("https://z.example/api", config.policy.urls.items[0]);
        assert_string_equal("https://a.example/api", config.policy.urls.items[1]);
        assert_string_equal("http://127.0.0.1:8080/api", config.policy.urls.items[2]);
        config_release(&config);
    }
}

static void
assert_defaults(const struct config *config)
{
    assert_null(config->data);
    assert_non_null(config->state);
    assert_true(config->refresh);
    assert_null(config->policy.core);
    assert_false(config->policy.all_domains);
    assert_false(config->policy.by_name);
    assert_int_equal(0, config->policy.max_links);
    assert_false(config->policy.by_token_only);
    assert_null(config->policy.remark);
    assert_int_equal(0, config->policy.urls.count);
}

static void
test_every_setting_has_a_default(void **state)
{
    static const char *const texts[] = {
        "", "{}\n",
        "data:\nstate: ~\ncore: null\nrefresh:\ndomains:\norder:\nmax_links:\npublic_urls:\n",
        "domains: first\norder: spread\nrefresh: on\nmax_links: 0\npublic_urls: []\nremark: ''\n",
        "refresh: true\n"};
    struct config config;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        load(&config, texts[i]);
        assert_defaults(&config);
        config_release(&config);
    }
}

/* As it is shipped: every line is there and commented out. */
static void
test_a_file_of_comments_is_all_defaults(void **state)
{
    static const char *const texts[] = {"\n", "# data: /srv/registry\n#order: name\n", "---\n"};
    struct config config;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        load(&config, texts[i]);
        assert_defaults(&config);
        config_release(&config);
    }
}

static void
test_mistakes_are_named_with_their_place(void **state)
{
    static const struct {
        const char *text;
        const char *place;
        const char *part;
    } cases[] = {
        {"data: /a\ndatta: /b\n", ":2:1:", "datta: no such setting"},
        {"# x\n\n  order: name\n  Order: name\n", ":4:3:", "Order: no such setting"},
        {"core: example.org\n", ":1:1:", "core: 'example.org'"},
        {"core: 198.51.100\n", ":1:1:", "core: "},
        {"core: [198.51.100.10]\n", ":1:1:", "core: "},
        {"data: [a]\n", ":1:1:", "data: "},
        {"data: true\n", ":1:1:", "data: "},
        {"data: {a: b}\n", ":1:1:", "data: "},
        {"state: false\n", ":1:1:", "state: "},
        {"refresh: yes\n", ":1:1:", "refresh: 'yes' is neither on nor off"},
        {"refresh: 1\n", ":1:1:", "refresh: "},
        {"refresh: [on]\n", ":1:1:", "refresh: "},
        {"data: /a\ndomains: every\n", ":2:1:", "domains: 'every' is neither first nor all"},
        {"order: Name\n", ":1:1:", "order: 'Name'"},
        {"order: true\n", ":1:1:", "order: "},
        {"max_links: many\n", ":1:1:", "max_links: must be a whole number"},
        {"max_links: '5'\n", ":1:1:", "max_links: must be a whole number"},
        {"max_links: 1.5\n", ":1:1:", "max_links: must be a whole number"},
        {"max_links: -1\n", ":1:1:", "max_links: -1 is out of range"},
        {"max_links: 99999999999\n", ":1:1:", "max_links: "},
        {"remark: '{device} {city}'\n", ":1:1:", "{city}"},
        {"remark: '{device'\n", ":1:1:", "remark: "},
        {"remark: [a]\n", ":1:1:", "remark: "},
        {"public_urls: https://a.example/api\n", ":1:1:", "public_urls: must be a list"},
        {"public_urls: [a.example]\n", ":1:1:", "public_urls: must hold addresses"},
        {"public_urls: [ftp://a.example]\n", ":1:1:", "public_urls: must hold addresses"},
        {"public_urls: [7]\n", ":1:1:", "public_urls: must hold addresses"},
        {"public_urls: [[https://a.example]]\n", ":1:1:", "public_urls: must hold addresses"},
        {"health: {uuid: 7}\n", ":1:10:", "health.uuid: must be a UUID"},
        {"health:\n  uuids:\n    a b: 1\n", ":3:5:", "health.uuids.a b: must be a UUID"},
        {"health:\n  vantages:\n  - file: /a\n  - inside: on\n",
         ":4:5:", "health.vantages.file: each vantage needs"},
        {"health: {vantages: [{file: /a, till: b}]}\n", ":1:32:", "health.vantages.till: an unk"},
        {"data: /a\ndata: /b\n", ":2:1:", "duplicate key 'data'"},
        {"data: [\n", ":2:1:", "did not find"},
        {"data: &a /b\n", ":1:7:", "anchors"},
        {"- data\n", ": ", "must be a mapping"},
        {"data\n", ": ", "must be a mapping"},
    };
    struct config config;
    struct error error;
    const char *path;
    size_t i;
    int wrong = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        path = settings("signpost.yaml", cases[i].text);
        error = (struct error){0};
        if (config_load(&config, path, &error) != -1) {
            print_error("accepted: %s", cases[i].text);
            wrong++;
        } else if (strncmp(error.text, path, strlen(path)) != 0 ||
                   strncmp(error.text + strlen(path), cases[i].place, strlen(cases[i].place)) !=
                       0 ||
                   strstr(error.text, cases[i].part) == NULL) {
            print_error("%snot …%s…%s…: %s\n", cases[i].text, cases[i].place, cases[i].part,
                        error.text);
            wrong++;
        }
        config_release(&config);
    }
    assert_int_equal(0, wrong);
}

/* They would be printed into QR codes and pages as they stand. */
static void
test_a_public_url_has_a_host(void **state)
{
    static const char *const texts[] = {
        "public_urls: ['https://']\n", "public_urls: ['http:///']\n",
        "public_urls: ['https:///api']\n", "public_urls: ['https://a.example/a b']\n",
        "public_urls: [\"https://a.example/\\n\"]\n"};
    struct config config;
    struct error error;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (config_load(&config, settings("signpost.yaml", texts[i]), &error) == 0)
            fail_msg("accepted: %sas %s", texts[i], config.policy.urls.items[0]);
        config_release(&config);
    }
}

static void
test_relative_paths_start_at_the_file(void **state)
{
    char here[256], expected[256];
    struct config config;
    struct error error;

    (void)state;
    load(&config, "data: registry\nstate: ../state\n");
    snprintf(expected, sizeof(expected), "%s/registry", directory);
    assert_string_equal(expected, config.data);
    snprintf(expected, sizeof(expected), "%s/../state", directory);
    assert_string_equal(expected, config.state);
    config_release(&config);

    settings("signpost.yaml", "data: registry\nstate: /state\n");
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(0, chdir(directory));
    assert_int_equal(0, config_load(&config, "signpost.yaml", &error));
    assert_int_equal(0, chdir(here));
    assert_string_equal("registry", config.data);
    assert_string_equal("/state", config.state);
    config_release(&config);
}

/* PATH_MAX is 4096: a path is no text for people that may be cut or cleaned. */
static void
test_a_path_is_taken_as_it_stands(void **state)
{
    char name[400], text[500];
    struct config config;

    (void)state;
    load(&config, "data: '/srv/two  spaces'\n");
    assert_string_equal("/srv/two  spaces", config.data);
    config_release(&config);
    memset(name, 'a', sizeof(name));
    for (size_t i = 0; i < sizeof(name); i += 50)
        name[i] = '/';
    name[sizeof(name) - 1] = '\0';
    snprintf(text, sizeof(text), "data: %s\n", name);
    load(&config, text);
    assert_string_equal(name, config.data);
    config_release(&config);
}

static void
test_addresses_get_one_spelling(void **state)
{
    struct config config;

    (void)state;
    load(&config, "core: '[2001:0DB8::0010]'\n");
    assert_string_equal("2001:db8::10", config.policy.core);
    config_release(&config);
    setenv("SIGNPOST_CORE", "2001:DB8:0::11", 1);
    load(&config, "core: 198.51.100.10\n");
    assert_string_equal("2001:db8::11", config.policy.core);
    config_release(&config);
}

static void
test_environment_is_over_the_file(void **state)
{
    static const char text[] = "data: /file/data\nstate: /file/state\ncore: 198.51.100.10\n";
    struct config config;
    struct error error;
    const char *path;

    (void)state;
    path = settings("signpost.yaml", text);
    setenv("SIGNPOST_CONFIG", path, 1);
    setenv("SIGNPOST_DATA", "/environment/data", 1);
    setenv("SIGNPOST_STATE", "state", 1);
    setenv("SIGNPOST_CORE", "198.51.100.11", 1);
    assert_int_equal(0, config_load(&config, NULL, &error));
    assert_string_equal(path, config.file);
    assert_string_equal("/environment/data", config.data);
    assert_string_equal("state", config.state);
    assert_string_equal("198.51.100.11", config.policy.core);
    config_release(&config);

    /* An empty variable is one that is not set: web servers pass such. */
    setenv("SIGNPOST_DATA", "", 1);
    setenv("SIGNPOST_STATE", "", 1);
    setenv("SIGNPOST_CORE", "", 1);
    assert_int_equal(0, config_load(&config, NULL, &error));
    assert_string_equal("/file/data", config.data);
    assert_string_equal("/file/state", config.state);
    assert_string_equal("198.51.100.10", config.policy.core);
    config_release(&config);

    setenv("SIGNPOST_CORE", "core-1", 1);
    assert_int_equal(-1, config_load(&config, NULL, &error));
    assert_non_null(strstr(error.text, "SIGNPOST_CORE"));
    config_release(&config);
}

static void
test_a_named_file_must_be_there(void **state)
{
    struct config config;
    struct error error = {0};
    char path[128];

    (void)state;
    snprintf(path, sizeof(path), "%s/missing.yaml", directory);
    assert_int_equal(-1, config_load(&config, path, &error));
    assert_non_null(strstr(error.text, path));
    config_release(&config);
    setenv("SIGNPOST_CONFIG", path, 1);
    assert_int_equal(-1, config_load(&config, NULL, &error));
    assert_non_null(strstr(error.text, path));
    config_release(&config);
    /* The argument is asked first. */
    assert_int_equal(0, config_load(&config, settings("signpost.yaml", "order: name\n"), &error));
    assert_true(config.policy.by_name);
    config_release(&config);
    assert_int_equal(-1, config_load(&config, directory, &error));
    assert_non_null(strstr(error.text, directory));
    config_release(&config);
}

static void
test_the_default_file_may_be_missing(void **state)
{
    struct config config;
    struct error error;

    (void)state;
    if (access(CONFIG_DEFAULT_FILE, F_OK) == 0)
        skip();
    setenv("SIGNPOST_CONFIG", "", 1);
    setenv("SIGNPOST_DATA", "/environment/data", 1);
    assert_int_equal(0, config_load(&config, NULL, &error));
    assert_null(config.file);
    assert_string_equal("/environment/data", config.data);
    config.data = NULL;
    assert_defaults(&config);
    config_release(&config);
}

static void
test_a_huge_file_is_refused(void **state)
{
    struct config config;
    struct error error;
    const char *path = settings("signpost.yaml", "# ");
    FILE *file = fopen(path, "w");
    int i;

    (void)state;
    assert_non_null(file);
    for (i = 0; i < 40000; i++)
        fputs("# thirty-two characters of this.\n", file);
    fclose(file);
    assert_int_equal(-1, config_load(&config, path, &error));
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "large"));
    config_release(&config);
}

#define in_a_directory(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        in_a_directory(test_every_setting),
        in_a_directory(test_every_setting_has_a_default),
        in_a_directory(test_a_file_of_comments_is_all_defaults),
        in_a_directory(test_mistakes_are_named_with_their_place),
        in_a_directory(test_a_public_url_has_a_host),
        in_a_directory(test_relative_paths_start_at_the_file),
        in_a_directory(test_a_path_is_taken_as_it_stands),
        in_a_directory(test_addresses_get_one_spelling),
        in_a_directory(test_environment_is_over_the_file),
        in_a_directory(test_a_named_file_must_be_there),
        in_a_directory(test_the_default_file_may_be_missing),
        in_a_directory(test_a_huge_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
