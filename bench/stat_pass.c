/*
 * The least that looking whether any file of a registry has changed can cost: every name of the
 * kinds' directories is read and asked for its facts, and nothing is done with them.
 *
 *     stat_pass DIRECTORY
 *
 * Prints the number of files.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "records.h"

static size_t
pass(int top, const char *name)
{
    int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    size_t count = 0;
    struct stat st;

    if (directory == NULL)
        return 0;
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.' && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            count++;
    closedir(directory);
    return count;
}

int
main(int argc, char **argv)
{
    int top = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    size_t count = 0;
    enum kind kind;

    if (top < 0) {
        perror(argc == 2 ? argv[1] : "usage: stat_pass DIRECTORY");
        return 2;
    }
    for (kind = 0; kind < KINDS; kind++)
        count += pass(top, kind_directory(kind));
    printf("%zu\n", count);
    close(top);
    return 0;
}
