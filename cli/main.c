#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
    "usage: signpost COMMAND [OPTION…]\n"
    "\n"
    "  check [DIR]    find everything that is wrong in a registry\n"
    "  compile        make the snapshot that the responder answers from\n"
    "  diff OLD NEW   say who gains and who loses which links\n"
    "  drain NODE     take a node out of all links; undrain NODE puts it back\n"
    "  explain UUID   say what a device gets and why, or where it is refused\n"
    "  rekey UUID     make a new UUID and token for a device whose own are known to others\n"
    "  status         say what is in service\n"
    "  token UUID     make an address for a device that can be taken back\n"
    "\n"
    "Every command takes -c FILE (settings; else $SIGNPOST_CONFIG, else\n"
    "" CONFIG_DEFAULT_FILE ") and --help. See signpost(1).\n";

int
trouble(const char *format, ...)
{
    va_list args;

    fputs("signpost: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return EXIT_TROUBLE;
}

int
usage_trouble(const char *subcommand)
{
    fprintf(stderr, "signpost: see `signpost %s --help`\n", subcommand);
    return EXIT_TROUBLE;
}

int
load_settings(struct config *config, const char *file, const char *directory)
{
    struct error error;

    if (config_load(config, file, &error) != 0 || config_load_templates(config, &error) != 0) {
        trouble("%s", error.text);
        config_release(config);
        return -1;
    }
    if (directory != NULL)
        config->data = directory;
    return 0;
}

int
no_data(void)
{
    return trouble("no registry: set `data` in the settings file, or SIGNPOST_DATA");
}

const char *
level_name(enum finding_level level)
{
    static const char *const names[FINDING_LEVELS] = {"error", "warning", "notice"};

    return names[level];
}

json_t *
json_text(const char *text)
{
    json_t *json = json_string(text);
    char *ascii, *p;

    if (json != NULL || (ascii = strdup(text)) == NULL)
        return json;
    for (p = ascii; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    json = json_string(ascii);
    free(ascii);
    return json;
}

void
print_finding(void *stream, const struct finding *finding)
{
    if (finding->line > 0)
        fprintf(stream, "%s:%u:%u: %s: %s\n", finding->path, finding->line, finding->column,
                level_name(finding->level), finding->text);
    else
        fprintf(stream, "%s: %s: %s\n", finding->path, level_name(finding->level), finding->text);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*main)(int, char **);
    } commands[] = {
        {"check", check_main},     {"compile", compile_main}, {"diff", diff_main},
        {"explain", explain_main}, {"status", status_main},   {"drain", drain_main},
        {"undrain", drain_main},   {"token", token_main},     {"rekey", rekey_main},
    };
    size_t i;
    int rc;

    if (argc < 2) {
        fputs(help, stderr);
        return EXIT_TROUBLE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        fputs(help, stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("signpost %s\n", SIGNPOST_VERSION);
        return EXIT_OK;
    }
    /* A full disk shall be an error of write, not the end of the process. */
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        rc = commands[i].main(argc - 1, argv + 1);
        if (fflush(stdout) != 0)
            return trouble("cannot write the output");
        return rc;
    }
    return trouble("no command '%s'; see `signpost --help`", argv[1]);
}
