/*
 * A settings file by its name, with what it refers to. The first byte of an input says how (bits:
 * JSON, not YAML; SIGNPOST_CORE is set; SIGNPOST_DATA and SIGNPOST_STATE are), the rest is the
 * file. What apps are told by it is profile.c's.
 */
#include "fuzz.h"

#include <unistd.h>

#include "config.h"
#include "state.h"

enum { IS_JSON = 1, HAS_CORE = 2, HAS_PATHS = 4 };

#define CORE "2001:db8::1"

/* The directory with the settings, and templates beside them. */
static char directory[200];
static const char *const files[] = {"settings.json", "settings.yaml", "clash",
                                    "sing-box",      "xray",          "broken"};

static char *
path_of(const char *name)
{
    static char path[sizeof(directory) + 40];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void
put_file(const char *name, const void *bytes, size_t len)
{
    FILE *file = fopen(path_of(name), "w");

    require(file != NULL);
    require(fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

static void
tidy(void)
{
    size_t i;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(path_of(files[i]));
    rmdir(directory);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const variables[] = {"SIGNPOST_CONFIG", "STATE_DIRECTORY", "XDG_STATE_HOME"};
    static const enum frame frames[] = {FRAME_CLASH, FRAME_SING_BOX, FRAME_XRAY};
    const char *base = getenv("TMPDIR"), *text;
    size_t i, len;

    (void)argc;
    (void)argv;
    for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    snprintf(directory, sizeof(directory), "%s/signpost-fuzz-XXXXXX", base != NULL ? base : "/tmp");
    require(mkdtemp(directory) != NULL);
    atexit(tidy);
    for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        text = frame_default(frames[i], &len);
        put_file(frame_name(frames[i]), text, len);
    }
    put_file("broken", "{{proxies}\n", 11);
    return 0;
}

static void
set_environment(uint8_t how)
{
    if (how & HAS_CORE)
        setenv("SIGNPOST_CORE", "2001:DB8:0::1", 1);
    else
        unsetenv("SIGNPOST_CORE");
    if (how & HAS_PATHS) {
        setenv("SIGNPOST_DATA", "/the/data", 1);
        setenv("SIGNPOST_STATE", "/the/state", 1);
    } else {
        unsetenv("SIGNPOST_DATA");
        unsetenv("SIGNPOST_STATE");
    }
}

/* It names the file, and says something that people can be shown. */
static void
check_error(const char *path, const struct error *error)
{
    require(memchr(error->text, '\0', sizeof(error->text)) != NULL);
    require(strncmp(error->text, path, strlen(path)) == 0);
    require(error->text[strlen(path)] == ':' && strlen(error->text) > strlen(path) + 2);
    require(fuzz_is_utf8(error->text));
}

static bool
is_within(unsigned number, unsigned min, unsigned max)
{
    return number >= min && number <= max;
}

static void
check_health(const struct health_settings *health)
{
    const struct uuid none = {{0}};
    size_t i;

    require(health->vantage == NULL || health_is_vantage(health->vantage));
    require(health->has_uuid || memcmp(&health->uuid, &none, sizeof(none)) == 0);
    require(health->vantage_count <= 16);
    for (i = 0; i < health->vantage_count; i++)
        require(health->vantages[i].file != NULL && health->vantages[i].file[0] != '\0');
    for (i = 0; i < health->user_count; i++) {
        require(health->users[i].node != NULL && health->users[i].node[0] != '\0');
        require(i == 0 || memcmp(&health->users[i - 1].uuid, &health->users[i].uuid,
                                 sizeof(struct uuid)) <= 0);
    }
    require(is_within(health->status, 100, 599) && is_within(health->timeout, 1, 60));
    require(is_within(health->interval, 1, 86400) && is_within(health->at_once, 1, 256));
    require(is_within(health->fall, 1, 100) && is_within(health->rise, 1, 100));
    require(health->large_every <= 100000 && health->remove_after <= 30 * 86400);
}

static void
check_settings(const struct config *config, uint8_t how)
{
    require(config->state != NULL && config->file != NULL && config->max_shrink <= 100);
    require(config->source >= ORIGIN_AUTO && config->source <= ORIGIN_FILES);
    require(config->policy.max_links <= 1000000);
    if (how & HAS_CORE)
        require(strcmp(config->policy.core, CORE) == 0);
    if (how & HAS_PATHS)
        require(strcmp(config->data, "/the/data") == 0 && strcmp(config->state, "/the/state") == 0);
    else if (config->data != NULL)
        require(config->data[0] == '/'); /* as its file's directory is */
    check_health(&config->health);
}

/* What a program does next with its settings. */
static void
check_start(const struct config *config)
{
    struct liveness liveness;
    struct error error = {.text = ""};
    char path[PATH_MAX];
    struct set_entry entry = {.id = 1};

    if (state_snapshot_path(config->state, path, sizeof(path), &error) != 0)
        require(error.text[0] != '\0' && fuzz_is_utf8(error.text));
    error.text[0] = '\0';
    if (liveness_init(&liveness, config->state, &config->health, &error) == 0) {
        require(liveness.count == 1 + config->health.vantage_count);
        require(liveness_of(&liveness, 1, &entry) == HEALTH_UNKNOWN);
        if (config->health.has_uuid)
            require(liveness_is_probe(&liveness, &config->health.uuid));
        if (config->health.user_count > 0)
            require(liveness_is_probe(&liveness, &config->health.users[0].uuid));
    } else {
        require(error.text[0] != '\0' && fuzz_is_utf8(error.text));
    }
    liveness_release(&liveness);
}

/* Templates beside the settings; what lies elsewhere is not opened. */
static void
check_templates(struct config *config)
{
    struct error error = {.text = ""};
    size_t len = strlen(directory), n;
    bool is_named[FRAMES];
    int i;

    for (i = 0; i < FRAMES; i++) {
        const char *path = config->policy.frame_paths[i];

        is_named[i] = path != NULL;
        if (path == NULL)
            continue;
        if (strncmp(path, directory, len) != 0 || path[len] != '/')
            return;
        for (n = 2; n < sizeof(files) / sizeof(files[0]); n++)
            if (strcmp(path + len + 1, files[n]) == 0)
                break;
        if (n == sizeof(files) / sizeof(files[0]) && strchr(path + len + 1, '/') != NULL)
            return;
    }
    if (config_load_templates(config, &error) == 0) {
        for (i = 0; i < FRAMES; i++)
            require(is_named[i] == (config->policy.frames[i] != NULL));
    } else {
        require(error.text[0] == '/' && fuzz_is_utf8(error.text));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t how = size > 0 ? data[0] : 0;
    struct error error = {.text = ""}, second = {.text = ""};
    const char *name = how & IS_JSON ? "settings.json" : "settings.yaml";
    struct config config, again;
    char *path;
    int rc;

    put_file(name, data + (size > 0 ? 1 : 0), size > 0 ? size - 1 : 0);
    set_environment(how);
    path = fuzz_string(path_of(name), sizeof(directory) + 40);
    rc = config_load(&config, path, &error);
    require(rc == 0 || rc == -1);
    require(config_load(&again, path, &second) == rc);
    if (rc == 0) {
        check_settings(&config, how);
        check_start(&config);
        check_templates(&config);
    } else {
        check_error(path, &error);
        require(strcmp(error.text, second.text) == 0);
    }
    config_release(&config);
    config_release(&again);
    free(path);
    return 0;
}
