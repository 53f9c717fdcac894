/* A settings file, and what apps are told by it; an input is such a file, in YAML. */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "format_check.h"
#include "metadata.h"

static struct subscription subscription; /* large */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const variables[] = {"SIGNPOST_CONFIG", "SIGNPOST_DATA",   "SIGNPOST_STATE",
                                            "SIGNPOST_CORE",   "STATE_DIRECTORY", "XDG_STATE_HOME"};
    static const char device[] = "a\r\nb: c\"; \\ / \xd1\x91\x7f", user[] = "{uuid}\n%\xff";
    size_t i;

    (void)argc;
    (void)argv;
    for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    subscription.device.expires = INT64_MAX;
    subscription.device.name = device;
    subscription.device.name_len = sizeof(device) - 1;
    subscription.device.user = user;
    subscription.device.user_len = sizeof(user) - 1;
    return 0;
}

/* Puts the input where config_load finds it. */
static const char *
settings_file(const uint8_t *data, size_t size)
{
    static char path[40];
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("settings", MFD_CLOEXEC);
    require(fd >= 0 && ftruncate(fd, 0) == 0);
    require(pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

static void
check_error(const char *path, const struct error *error)
{
    require(strncmp(error->text, path, strlen(path)) == 0);
    require(error->text[strlen(path)] == ':' && strlen(error->text) > strlen(path) + 2);
    require(memchr(error->text, '\0', sizeof(error->text)) != NULL);
    require(fuzz_is_utf8(error->text));
}

static void
check_rules(const struct agent_rules *rules)
{
    static const char *const agents[] = {"", "v2rayNG/1.8.29", "clash.meta/v1.19.22", "sing-box"};
    size_t i;

    for (i = 0; i < rules->count; i++) {
        require(rules->rules[i].start != NULL && rules->rules[i].start[0] != '\0');
        require(rules->rules[i].format >= FORMAT_NONE && rules->rules[i].format < FORMATS);
        require((rules->rules[i].known & ~FEATURES_ALL) == 0 && rules->rules[i].known != 0);
    }
    for (i = 0; i < sizeof(agents) / sizeof(agents[0]); i++)
        (void)agent_find(agents[i], rules);
}

static void
check_settings(const struct config *config)
{
    const struct strings *urls = &config->policy.urls;
    size_t i;

    require(config->state != NULL && config->file != NULL);
    require(config->profile.title != NULL && config->profile.title[0] != '\0');
    require(config->profile.filename != NULL);
    require(config->profile.update_interval <= 8760);
    require(config->max_shrink <= 100);
    for (i = 0; i < urls->count; i++) {
        require(strncmp(urls->items[i], "http://", 7) == 0 ||
                strncmp(urls->items[i], "https://", 8) == 0);
        require(urls->items[i][strlen(urls->items[i]) - 1] != '/');
    }
    check_rules(&config->agents);
}

/* Lines of "name: value", and no settings and no names that make them more or others. */
static void
check_header(const struct config *config)
{
    const struct metadata metadata = {
        &config->profile, &config->policy.urls, &subscription, {true, 1, UINT64_MAX, 3}};
    const char *p, *end;
    struct buf buf;
    int fields = 0;

    buf_init(&buf, 64 * 1024);
    metadata_put(&buf, &metadata);
    require(!buf.failed && buf.len > 2 && memcmp(buf.data + buf.len - 2, "\r\n", 2) == 0);
    for (p = buf.data, end = p + buf.len; p < end; p += 2, fields++) {
        const char *start = p;

        while (p < end && ((*p >= 'a' && *p <= 'z') || *p == '-'))
            p++;
        require(p > start && end - p > 2 && p[0] == ':' && p[1] == ' ');
        while (p < end && *p != '\r') {
            require((unsigned char)*p >= ' ' && *p != 0x7f);
            p++;
        }
        require(end - p >= 2 && p[1] == '\n');
    }
    require(fields <= 8);
    buf_release(&buf);
}

/* Whatever the addresses are: with rules for them, our own frames are still well-formed. */
static void
check_frames(const struct config *config, size_t size)
{
    enum frame frame = (enum frame)(size % FRAMES);
    struct error error;
    const char *text;
    size_t len;

    if (config->policy.urls.count == 0)
        return;
    text = frame_default(frame, &len);
    require(format_check(frame, text, len, &config->policy.urls, &error) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = settings_file(data, size);
    struct error error = {.text = ""}, second = {.text = ""};
    struct config config, again;
    int rc = config_load(&config, path, &error);

    require(rc == 0 || rc == -1);
    require(config_load(&again, path, &second) == rc);
    if (rc == 0) {
        check_settings(&config);
        check_header(&config);
        check_frames(&config, size);
        require(strcmp(config.profile.title, again.profile.title) == 0);
    } else {
        check_error(path, &error);
        require(strcmp(error.text, second.text) == 0);
    }
    config_release(&config);
    config_release(&again);
    return 0;
}
