/* token_parts.h: the one file of a device, without a look at the others. */
#include "token_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "document.h"
#include "file.h"

/* Whether a file's name is that of the device's record. */
static bool
is_record_of(const char *name, const struct uuid *uuid)
{
    struct uuid found;
    size_t stem;

    return document_syntax(name, &stem) != SYNTAX_NONE && uuid_parse(name, stem, &found) == 0 &&
           memcmp(&found, uuid, sizeof(found)) == 0;
}

/* Finds it in an open directory. Returns how many there are. */
static int
find(DIR *directory, const struct uuid *uuid, char *path, size_t size)
{
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(directory)) != NULL) {
        if (!is_record_of(entry->d_name, uuid))
            continue;
        snprintf(path, size, "devices/%s", entry->d_name);
        count++;
    }
    return count;
}

static json_t *
read_record(const char *file, const char *path)
{
    char text[sizeof(((struct error *)NULL)->text) + PATH_MAX];
    struct error error = {.text = ""};
    json_t *tree = NULL;
    struct buf buf;
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    buf_init(&buf, DOCUMENT_MAX);
    if (fd < 0 || file_read_all(fd, &buf) != 0)
        error_set(&error, "%s", buf.failed ? "too large" : strerror(errno));
    else
        tree = document_parse(buf.data, buf.len, document_syntax(path, NULL), &error);
    if (fd >= 0)
        close(fd);
    buf_release(&buf);
    if (tree == NULL)
        trouble("%s", error_string(&error, path, text, sizeof(text)));
    if (tree != NULL && !json_is_object(tree)) {
        trouble("%s: must be a mapping of fields", path);
        json_decref(tree);
        return NULL;
    }
    return tree;
}

json_t *
token_read_record(const char *data, const struct uuid *uuid, char *path, size_t size)
{
    char directory[PATH_MAX], file[2 * PATH_MAX];
    DIR *devices;
    int count;

    snprintf(directory, sizeof(directory), "%s/devices", data);
    devices = opendir(directory);
    if (devices == NULL)
        return trouble("%s: %s", directory, strerror(errno)), NULL;
    count = find(devices, uuid, path, size);
    closedir(devices);
    if (count != 1)
        return trouble(count == 0 ? "%s: there is no such device"
                                  : "%s: several files are this device; remove all but one",
                       directory),
               NULL;
    snprintf(file, sizeof(file), "%s/%s", data, path);
    return read_record(file, path);
}
