#include "git.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"

enum {
    SMALL_MAX = 64 * 1024,          /* HEAD, a loose ref, a .git file */
    PACKED_MAX = 256 * 1024 * 1024, /* packed-refs */
    DEPTH = 5                       /* of symbolic refs, as git allows */
};

/* The text of directory/name. Returns 0, or -1 with errno; the buffer is the caller's either way.
 */
static int
read_text(const char *directory, const char *name, size_t max, struct buf *buf)
{
    char path[PATH_MAX];
    int fd, rc;

    buf_init(buf, max);
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    rc = file_read_all(fd, buf);
    close(fd);
    buf_putc(buf, '\0');
    if (rc != 0 || buf->failed) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

/* A one-line file into a small array; longer is an error (EINVAL). */
static int
read_line(const char *directory, const char *name, char *line, size_t size)
{
    struct buf buf;
    size_t len;
    int rc = read_text(directory, name, SMALL_MAX, &buf), code = errno;

    if (rc == 0) {
        len = strcspn(buf.data, "\n");
        if (len < size) {
            memcpy(line, buf.data, len);
            line[len] = '\0';
        } else {
            rc = -1;
            code = EINVAL;
        }
    }
    buf_release(&buf);
    errno = code;
    return rc;
}

static int
join(char *out, const char *directory, const char *path, struct error *error)
{
    char joined[PATH_MAX];

    if (snprintf(joined, sizeof(joined), "%s%s%s", path[0] == '/' ? "" : directory,
                 path[0] == '/' ? "" : "/", path) >= (int)sizeof(joined) ||
        realpath(joined, out) == NULL)
        return error_set(error, "%s: not a git repository: '%s' is not there", directory, path);
    return 0;
}

/* directory holds .git: a directory, or (in a worktree or submodule) a file that names it. */
static int
open_repository(struct git *git, const char *directory, struct error *error)
{
    char line[PATH_MAX + 16], *target = line;
    struct stat st;

    if (snprintf(git->directory, sizeof(git->directory), "%s/.git", directory) >=
            (int)sizeof(git->directory) ||
        stat(git->directory, &st) != 0)
        return error_set(error, "%s/.git: %s", directory, strerror(errno));
    if (!S_ISDIR(st.st_mode)) {
        if (read_line(directory, ".git", line, sizeof(line)) != 0 ||
            strncmp(line, "gitdir: ", 8) != 0)
            return error_set(error, "%s/.git: neither a repository nor a file that names one",
                             directory);
        target += 8;
        if (join(git->directory, directory, target, error) != 0)
            return -1;
    }
    if (read_line(git->directory, "commondir", line, sizeof(line)) == 0)
        return join(git->common, git->directory, line, error);
    memcpy(git->common, git->directory, sizeof(git->common));
    return 0;
}

int
git_find(struct git *git, const char *directory, bool is_inside, struct error *error)
{
    char path[PATH_MAX], probe[PATH_MAX + 8], *slash;
    struct stat st;
    size_t top;

    memset(git, 0, sizeof(*git));
    if (realpath(directory, path) == NULL)
        return error_set(error, "%s: %s", directory, strerror(errno));
    memcpy(git->prefix, path, sizeof(git->prefix));
    for (;;) {
        snprintf(probe, sizeof(probe), "%s/.git", path);
        if (lstat(probe, &st) == 0)
            break;
        slash = strrchr(path, '/');
        if (!is_inside || slash == NULL)
            return 0;
        *slash = '\0';
    }
    memcpy(git->top, path, sizeof(git->top));
    top = strlen(path);
    memmove(git->prefix, git->prefix + top, strlen(git->prefix + top) + 1);
    if (git->prefix[0] == '/')
        memmove(git->prefix, git->prefix + 1, strlen(git->prefix));
    return open_repository(git, path, error) == 0 ? 1 : -1;
}

static bool
is_commit(const char *text)
{
    size_t len = strspn(text, "0123456789abcdef");

    return (len == 40 || len == 64) && text[len] == '\0';
}

/* A ref in packed-refs: lines "<object> <ref>", and others that begin with # or ^. */
static int
find_packed(const struct git *git, const char *ref, char commit[GIT_HEX])
{
    size_t len = strlen(ref), digits;
    struct buf buf;
    char *line, *end;
    int rc = -1;

    if (read_text(git->common, "packed-refs", PACKED_MAX, &buf) == 0) {
        for (line = buf.data; *line != '\0' && rc != 0; line = end + (*end == '\n')) {
            end = strchrnul(line, '\n');
            digits = strcspn(line, " \n");
            if (digits < GIT_HEX && line[digits] == ' ' &&
                (size_t)(end - line) == digits + 1 + len && memcmp(end - len, ref, len) == 0) {
                memcpy(commit, line, digits);
                commit[digits] = '\0';
                rc = 0;
            }
        }
    }
    buf_release(&buf);
    return rc;
}

/* Returns 1 with the commit, 0 when files do not tell, -1 when the branch has no commit. */
static int
head_from_files(const struct git *git, char commit[GIT_HEX])
{
    char line[PATH_MAX], ref[PATH_MAX];
    const char *directory = git->directory, *name = "HEAD";
    int depth;

    for (depth = 0; depth <= DEPTH; depth++) {
        if (read_line(directory, name, line, sizeof(line)) != 0) {
            if (depth == 0 || errno != ENOENT)
                return 0;
            return find_packed(git, name, commit) == 0 && is_commit(commit) ? 1 : -1;
        }
        if (is_commit(line)) {
            memcpy(commit, line, strlen(line) + 1);
            return 1;
        }
        /* refs/heads/.invalid: the refs lie in another storage (reftable). */
        if (strncmp(line, "ref: refs/", 10) != 0 || strstr(line, "/.") != NULL)
            return 0;
        memcpy(ref, line + 5, strlen(line + 5) + 1);
        name = ref;
        directory = git->common;
    }
    return 0;
}

/* git itself is asked: the files tell nothing that we understand. */
static int
head_from_git(const struct git *git, char commit[GIT_HEX], struct error *error)
{
    struct git_stream stream;
    char line[GIT_HEX + 1] = "";

    if (git_open_head(git, &stream, error) != 0)
        return -1;
    if (fgets(line, sizeof(line), stream.out) != NULL)
        line[strcspn(line, "\n")] = '\0';
    if (git_close(&stream, error) != 0)
        return -1;
    if (!is_commit(line))
        return error_set(error, "%s: git does not tell what HEAD is", git->directory);
    memcpy(commit, line, strlen(line) + 1);
    return 0;
}

int
git_head(const struct git *git, char commit[GIT_HEX], struct error *error)
{
    switch (head_from_files(git, commit)) {
    case 1:
        return 0;
    case -1:
        return error_set(error, "%s: no commit yet", git->directory);
    default:
        return head_from_git(git, commit, error);
    }
}

const char *
git_busy(const struct git *git)
{
    static const char *const signs[][2] = {{"rebase-merge", "rebase"},
                                           {"rebase-apply", "rebase"},
                                           {"MERGE_HEAD", "merge"},
                                           {"BISECT_LOG", "bisection"}};
    char path[PATH_MAX + 16];
    size_t i;

    for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", git->directory, signs[i][0]);
        if (access(path, F_OK) == 0)
            return signs[i][1];
    }
    return NULL;
}

bool
git_is_partial(const struct git *git)
{
    struct buf buf;
    bool is_partial;

    is_partial = read_text(git->common, "config", SMALL_MAX, &buf) == 0 &&
                 strcasestr(buf.data, "promisor") != NULL;
    buf_release(&buf);
    return is_partial;
}

bool
git_unquote(char *path)
{
    static const char letters[] = "abtnvfr\"\\", bytes[] = "\a\b\t\n\v\f\r\"\\";
    char *in = path, *out = path;
    const char *letter;

    if (*in++ != '"')
        return true;
    while (*in != '"') {
        if (*in == '\0')
            return false;
        if (*in != '\\') {
            *out++ = *in++;
            continue;
        }
        in++;
        if (in[0] >= '0' && in[0] <= '3' && in[1] >= '0' && in[1] <= '7' && in[2] >= '0' &&
            in[2] <= '7') {
            *out++ = (char)((in[0] - '0') << 6 | (in[1] - '0') << 3 | (in[2] - '0'));
            in += 3;
        } else {
            letter = *in != '\0' ? strchr(letters, *in) : NULL;
            if (letter == NULL)
                return false;
            *out++ = bytes[letter - letters];
            in++;
        }
    }
    *out = '\0';
    return in[1] == '\0';
}
