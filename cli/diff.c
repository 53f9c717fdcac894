/* signpost diff: which devices gain and lose which links between two states of a registry. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "compile.h"
#include "diff_parts.h"
#include "format.h"
#include "snapshot.h"
#include "subscription.h"

static const char help[] =
    "usage: signpost diff [-c FILE] OLD NEW\n"
    "\n"
    "Says for each device which links it loses (-) and gains (+) from OLD to NEW, and how\n"
    "many tokens. Each is a snapshot file or a registry's directory, read as it is there.\n"
    "\n"
    "  -c FILE   settings, for directories\n"
    "\n"
    "Exit status: 0 nobody's links or tokens differ, 1 somebody's do, 2 it cannot be told.\n";

enum { LINKS_MAX = 4 * 1024 * 1024 };

/* One of the two states, and where its walk over the devices is. */
struct side {
    struct snapshot snapshot;
    uint32_t position;
    const uint8_t *key; /* of the device that comes next, or NULL */
    struct subscription *subscription;
    struct buf links;
};

struct counts {
    size_t gain, lose, change, order, same;
};

/* A directory is compiled into a snapshot that is gone as soon as it is open. */
static int
open_directory(const struct config *config, const char *directory, struct snapshot *snapshot,
               struct error *error)
{
    const char *base = getenv("TMPDIR");
    char place[PATH_MAX], path[PATH_MAX + 16];
    struct compile_result result;
    struct registry registry;
    int rc;

    snprintf(place, sizeof(place), "%s/signpost-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(place) == NULL)
        return error_set(error, "%s: %s", place, strerror(errno));
    snprintf(path, sizeof(path), "%s/snapshot", place);
    error->text[0] = '\0';
    rc = load_files(directory, &registry, NULL);
    if (rc == 0) {
        rc = compile_snapshot(&registry, &config->policy, path, NULL, &result, error);
        registry_release(&registry);
    }
    if (rc == 0)
        rc = snapshot_open(snapshot, path, error);
    unlink(path);
    rmdir(place);
    return rc;
}

/* Goes on to the next device. Returns 0, or -1 when the snapshot is damaged. */
static int
step(struct side *side)
{
    const uint8_t *key, *value;
    size_t key_len, value_len;
    int rc;

    do
        rc = snapshot_next(&side->snapshot, &side->position, &key, &key_len, &value, &value_len);
    while (rc == 1 && key_len != sizeof(struct uuid));
    side->key = rc == 1 ? key : NULL;
    return rc < 0 ? -1 : 0;
}

static int
open_side(const struct config *config, const char *path, struct side *side)
{
    struct error error;
    struct stat st;
    int rc;

    snapshot_init(&side->snapshot);
    buf_init(&side->links, LINKS_MAX);
    side->subscription = calloc(1, sizeof(*side->subscription));
    if (side->subscription == NULL)
        return trouble("out of memory"), -1;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        rc = open_directory(config, path, &side->snapshot, &error);
    else
        rc = snapshot_open(&side->snapshot, path, &error);
    if (rc == 0 && (snapshot_verify(&side->snapshot) != 0 || step(side) != 0))
        rc = error_set(&error, "%s: damaged", path);
    if (rc != 0 && error.text[0] != '\0')
        trouble("%s", error.text);
    return rc;
}

static void
close_side(struct side *side)
{
    snapshot_close(&side->snapshot);
    buf_release(&side->links);
    free(side->subscription);
}

/* What a side gives a device, as text; none is empty. */
static void
get_links(struct side *side, const struct uuid *uuid, int64_t now)
{
    buf_clear(&side->links);
    if (subscription_find(&side->snapshot, uuid, now, FEATURES_ALL, NULL, side->subscription) ==
            0 &&
        side->subscription->refusal == REFUSAL_NONE)
        format_links(&side->links, side->subscription);
    buf_putc(&side->links, '\0');
}

static bool
has_line(const char *text, const char *line, size_t len)
{
    const char *end;

    for (; *text != '\0'; text = end + (*end == '\n')) {
        end = strchrnul(text, '\n');
        if ((size_t)(end - text) == len && memcmp(text, line, len) == 0)
            return true;
    }
    return false;
}

/* Prints the lines of one text that another lacks; returns how many. */
static size_t
print_missing(char sign, const char *text, const char *other)
{
    const char *end;
    size_t count = 0;

    for (; *text != '\0'; text = end + (*end == '\n')) {
        end = strchrnul(text, '\n');
        if (has_line(other, text, (size_t)(end - text)))
            continue;
        printf("  %c %.*s\n", sign, (int)(end - text), text);
        count++;
    }
    return count;
}

static void
compare(struct side *old, struct side *new, const struct uuid *uuid, int64_t now,
        struct counts *counts)
{
    const struct subscription *named;
    char text[UUID_TEXT + 1];
    size_t lost, gained;

    get_links(old, uuid, now);
    get_links(new, uuid, now);
    if (strcmp(old->links.data, new->links.data) == 0) {
        counts->same += old->links.len > 1;
        return;
    }
    named = new->links.len > 1 ? new->subscription : old->subscription;
    uuid_format(uuid, text);
    printf("%s %.*s\n", text, (int)named->device.name_len, named->device.name);
    lost = print_missing('-', old->links.data, new->links.data);
    gained = print_missing('+', new->links.data, old->links.data);
    counts->change += lost > 0 && gained > 0;
    counts->lose += lost > 0 && gained == 0;
    counts->gain += gained > 0 && lost == 0;
    if (lost + gained == 0) {
        puts("  in another order");
        counts->order++;
    }
}

/* Walks both snapshots, whose devices are sorted. */
static int
compare_all(struct side *old, struct side *new, struct counts *counts)
{
    int64_t now = (int64_t)time(NULL);
    struct uuid uuid;
    size_t tokens;
    int order;

    while (old->key != NULL || new->key != NULL) {
        order = old->key == NULL   ? 1
                : new->key == NULL ? -1
                                   : memcmp(old->key, new->key, sizeof(uuid));
        memcpy(uuid.bytes, order <= 0 ? old->key : new->key, sizeof(uuid.bytes));
        compare(old, new, &uuid, now, counts);
        if ((order <= 0 && step(old) != 0) || (order >= 0 && step(new) != 0))
            return trouble("a snapshot is damaged");
    }
    if (diff_tokens(&old->snapshot, &new->snapshot, &tokens) != 0)
        return trouble("a snapshot is damaged");
    printf("%zu devices gain links, %zu lose links, %zu get others, %zu another order, %zu the "
           "same\n",
           counts->gain, counts->lose, counts->change, counts->order, counts->same);
    return counts->gain + counts->lose + counts->change + counts->order + tokens > 0 ? EXIT_FOUND
                                                                                     : EXIT_OK;
}

int
diff_main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    struct counts counts = {0};
    struct side old = {.position = 0}, new = {.position = 0};
    struct config config;
    const char *file = NULL;
    int c, rc = EXIT_TROUBLE;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_OK;
        default:
            return usage_trouble("diff");
        }
    }
    if (argc - optind != 2)
        return usage_trouble("diff");
    if (load_settings(&config, file, NULL) != 0)
        return EXIT_TROUBLE;
    if (open_side(&config, argv[optind], &old) == 0 &&
        open_side(&config, argv[optind + 1], &new) == 0)
        rc = compare_all(&old, &new, &counts);
    close_side(&old);
    close_side(&new);
    config_release(&config);
    return rc;
}
