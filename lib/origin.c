#include "origin.h"

#include <string.h>

#include "document.h"
#include "origin_parts.h"

int
origin_open(struct origin *origin, const char *directory, enum origin_choice choice,
            struct error *error)
{
    int found;

    *origin = (struct origin){.directory = directory};
    if (choice == ORIGIN_FILES)
        return 0;
    found = git_find(&origin->git, directory, choice == ORIGIN_GIT, error);
    if (found < 0)
        return -1;
    if (found == 0 && choice == ORIGIN_GIT)
        return error_set(error, "%s: in no git checkout; `source: files` reads it as it is",
                         directory);
    origin->is_git = found == 1;
    return 0;
}

void
origin_name(const struct origin *origin, char *name, size_t size)
{
    if (origin->is_git)
        snprintf(name, size, "git %s %s", origin->git.directory, origin->git.prefix);
    else
        snprintf(name, size, "files %s", origin->directory);
}

int
origin_git_compare(const struct git *git, const char *old, const char *new,
                   struct git_stream halves[2])
{
    const char *const users[] = {kind_directories[KIND_USER], NULL};
    struct error ignored;

    _Static_assert(KIND_USER == 0, "all other kinds come behind it");
    if (git_open_diff(git, old, new, users, &halves[0], &ignored) != 0)
        return -1;
    if (git_open_diff(git, old, new, kind_directories + 1, &halves[1], &ignored) == 0)
        return 0;
    git_close(&halves[0], &ignored);
    return -1;
}

void
origin_prepare(struct origin *origin, const char *version, const char *mark)
{
    if (!origin->is_git || version[0] == '\0' || strcmp(version, mark) == 0 ||
        origin_git_compare(&origin->git, version, mark, origin->ahead) != 0)
        return;
    snprintf(origin->ahead_from, sizeof(origin->ahead_from), "%s", version);
    snprintf(origin->ahead_to, sizeof(origin->ahead_to), "%s", mark);
}

void
origin_close(struct origin *origin)
{
    struct error ignored;
    size_t i;

    for (i = 0; i < 2; i++)
        if (origin->ahead[i].out != NULL)
            git_close(&origin->ahead[i], &ignored);
    origin->ahead_from[0] = '\0';
}

enum origin_look
origin_look(const struct origin *origin, char mark[VERSION_MAX], struct error *error)
{
    char commit[GIT_HEX], again[GIT_HEX];
    const char *busy;

    if (!origin->is_git)
        return origin_files_look(origin, mark, error);
    busy = git_busy(&origin->git);
    if (busy == NULL) {
        if (git_head(&origin->git, commit, error) != 0)
            return ORIGIN_ERROR;
        /* A rebase may have begun or ended while HEAD was read. */
        busy = git_busy(&origin->git);
        if (git_head(&origin->git, again, error) != 0)
            return ORIGIN_ERROR;
        if (busy == NULL && strcmp(commit, again) != 0)
            busy = "change";
    }
    if (busy != NULL) {
        error_set(error, "%s: a %s is under way; its outcome will be compiled", origin->directory,
                  busy);
        return ORIGIN_BUSY;
    }
    memcpy(mark, commit, strlen(commit) + 1);
    return ORIGIN_SEEN;
}

int
origin_read(struct origin *origin, const char *mark, const struct registry *known,
            struct registry *fresh, bool *is_whole, struct error *error)
{
    if (known != NULL && known->version[0] == '\0')
        known = NULL;
    if (origin->is_git)
        return origin_git_read(origin, mark, known, fresh, is_whole, error);
    return origin_files_read(origin, known, fresh, is_whole, error);
}

void
origin_version(const struct origin *origin, const char *mark, struct registry *registry)
{
    if (origin->is_git)
        snprintf(registry->version, VERSION_MAX, "%s", mark);
    else
        snprintf(registry->version, VERSION_MAX, "files-%016llx",
                 (unsigned long long)registry_content(registry));
}

int
origin_split(const char *path, enum kind *kind, const char **name)
{
    size_t len;

    for (*kind = 0; *kind < KINDS; (*kind)++) {
        len = strlen(kind_directories[*kind]);
        if (strncmp(path, kind_directories[*kind], len) != 0)
            continue;
        if (path[len] == '\0')
            return -1;
        if (path[len] != '/')
            continue;
        *name = path + len + 1;
        return strchr(*name, '/') == NULL && (*name)[0] != '.' &&
               document_syntax(*name, NULL) != SYNTAX_NONE;
    }
    return 0;
}

int
origin_uncommitted(const struct origin *origin, size_t *count, char *example, size_t size,
                   struct error *error)
{
    struct git_stream stream;
    char *entry = NULL;
    size_t room = 0;

    *count = 0;
    if (!origin->is_git)
        return 0;
    if (git_open_uncommitted(&origin->git, kind_directories, &stream, error) != 0)
        return -1;
    while (git_read(&stream, &entry, &room, '\0') && strlen(entry) > 3)
        if ((*count)++ == 0)
            snprintf(example, size, "%s", entry + 3);
    free(entry);
    return git_close(&stream, error);
}
