/* signpost check: every finding about a registry, and whether the decoy site is still ours. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "file.h"

static const char help[] =
    "usage: signpost check [-c FILE] [--strict] [--site DIR] [DIR]\n"
    "\n"
    "Reads the registry in DIR (else the setting `data`) and prints everything that\n"
    "is wrong with it, each with file, place and remedy.\n"
    "\n"
    "  -c FILE       settings\n"
    "  --site DIR    also look whether DIR is still the placeholder site that comes\n"
    "                with Signpost: it tells everybody what runs there\n"
    "  --strict      count warnings as errors, and name unknown fields and files\n"
    "\n"
    "Exit status: 0 no errors, 1 errors found, 2 the check could not be made.\n";

/* A comment in site/index.html as it is shipped. */
static const char placeholder_mark[] = "signpost-placeholder-site";

static int
check_site(const char *site, struct report *report)
{
    char path[PATH_MAX];
    struct buf buf;
    int fd;

    if (snprintf(path, sizeof(path), "%s/index.html", site) >= (int)sizeof(path))
        return trouble("%s: too long a path", site);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return trouble("%s: %s", path, strerror(errno));
    buf_init(&buf, 1024 * 1024);
    (void)file_read_all(fd, &buf);
    close(fd);
    if (buf.data != NULL &&
        memmem(buf.data, buf.len, placeholder_mark, sizeof(placeholder_mark) - 1) != NULL)
        report_add(report, FINDING_ERROR, path,
                   "still the placeholder that comes with Signpost; put a site of your own there");
    buf_release(&buf);
    return EXIT_OK;
}

struct printer {
    bool strict;
};

static void
print(void *context, const struct finding *finding)
{
    const struct printer *printer = context;

    if (finding->level != FINDING_NOTICE || printer->strict)
        print_finding(stdout, finding);
}

/* Devices that nobody can ask for, since by the settings a UUID is no address. */
static void
check_addresses(const struct registry *registry, struct report *report)
{
    const struct device *device;
    size_t i, count = 0;

    for (i = 0; (device = registry_at(registry, KIND_DEVICE, i)) != NULL; i++)
        count += device->record.status == STATUS_ACTIVE &&
                 (device->addresses == NULL || (device->addresses->count == 0 &&
                                                device->addresses->uuid == UUID_ADDRESS_DEFAULT));
    if (count > 0)
        report_add(report, FINDING_WARNING, "devices",
                   "%zu active devices have no token, and uuid_addresses is off: nobody can ask "
                   "for them",
                   count);
}

static int
check_registry(const char *directory, bool by_token_only, struct report *report, size_t *records)
{
    struct registry registry;
    enum kind kind;

    if (load_files(directory, &registry, report) != 0)
        return EXIT_TROUBLE;
    for (kind = 0; kind < KINDS; kind++)
        *records += registry.kinds[kind].count;
    if (by_token_only)
        check_addresses(&registry, report);
    registry_release(&registry);
    return EXIT_OK;
}

static int
run(const char *file, const char *directory, const char *site, bool strict)
{
    struct printer printer = {strict};
    struct report report = {print, &printer, {0}};
    struct config config;
    size_t records = 0;
    int rc = EXIT_OK;

    if (load_settings(&config, file, directory) != 0)
        return EXIT_TROUBLE;
    if (config.data != NULL)
        rc = check_registry(config.data, config.policy.by_token_only, &report, &records);
    else if (site == NULL)
        rc = no_data();
    if (rc == EXIT_OK && site != NULL)
        rc = check_site(site, &report);
    config_release(&config);
    if (rc != EXIT_OK)
        return rc;
    printf("%zu records, %zu errors, %zu warnings\n", records, report.counts[FINDING_ERROR],
           report.counts[FINDING_WARNING]);
    if (report.counts[FINDING_ERROR] > 0 || (strict && report.counts[FINDING_WARNING] > 0))
        return EXIT_FOUND;
    return EXIT_OK;
}

int
check_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"site", required_argument, NULL, 's'},
        {"strict", no_argument, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    const char *file = NULL, *site = NULL;
    bool strict = false;
    int c;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 's':
            site = optarg;
            break;
        case 'S':
            strict = true;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_OK;
        default:
            return usage_trouble("check");
        }
    }
    if (argc - optind > 1)
        return usage_trouble("check");
    return run(file, argv[optind], site, strict);
}
