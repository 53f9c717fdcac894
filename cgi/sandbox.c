#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

/* What a loop over sockets, a mapped file and malloc take. */
static const int calls[] = {
    /* sockets */
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    /* events and time; the loop is still to be set up */
    SCMP_SYS(epoll_create1), SCMP_SYS(signalfd4), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
    SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    /* descriptors that are open, and what can be asked of files */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat),
    SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    /* itself, and its child's end */
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid), SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)};

static int
allow(scmp_filter_ctx filter, int call, unsigned count, const struct scmp_arg_cmp *args)
{
    int rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, count, args);

    /* Not every machine has every call. */
    return rc == -EDOM ? 0 : rc;
}

/* Of fcntl, nothing that has signals sent to other processes (F_SETOWN). */
static int
allow_fcntl(scmp_filter_ctx filter)
{
    static const int commands[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC};
    size_t i;
    int rc = 0;

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct scmp_arg_cmp one = SCMP_CMP(1, SCMP_CMP_EQ, (scmp_datum_t)commands[i], 0);

        rc |= allow(filter, SCMP_SYS(fcntl), 1, &one);
    }
    return rc;
}

/* Calls of which only some uses are allowed. */
static int
allow_some(scmp_filter_ctx filter, const struct sandbox *sandbox)
{
    const struct scmp_arg_cmp no_code = SCMP_CMP(2, SCMP_CMP_MASKED_EQ, (scmp_datum_t)PROT_EXEC, 0);
    const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
    const struct scmp_arg_cmp open_to_read = SCMP_CMP(1, SCMP_CMP_MASKED_EQ, writing, O_RDONLY);
    const struct scmp_arg_cmp openat_to_read = SCMP_CMP(2, SCMP_CMP_MASKED_EQ, writing, O_RDONLY);
    const struct scmp_arg_cmp to_its_peer = SCMP_CMP(4, SCMP_CMP_EQ, 0, 0);
    const struct scmp_arg_cmp no_new_limit = SCMP_CMP(2, SCMP_CMP_EQ, 0, 0);
    const struct scmp_arg_cmp itself = SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
    int rc = 0;

    rc |= allow(filter, SCMP_SYS(mmap), 1, &no_code);
    rc |= allow(filter, SCMP_SYS(mprotect), 1, &no_code);
    rc |= allow(filter, SCMP_SYS(open), 1, &open_to_read);
    rc |= allow(filter, SCMP_SYS(openat), 1, &openat_to_read);
    rc |= allow(filter, SCMP_SYS(sendto), 1, &to_its_peer);
    rc |= allow_fcntl(filter);
    rc |= allow(filter, SCMP_SYS(prlimit64), 1, &no_new_limit);
    rc |= allow(filter, SCMP_SYS(getrlimit), 0, NULL);
    /* abort() */
    rc |= allow(filter, SCMP_SYS(tgkill), 1, &itself);
    if (sandbox->child > 0) {
        const struct scmp_arg_cmp child = SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)sandbox->child, 0);

        rc |= allow(filter, SCMP_SYS(kill), 1, &child);
    }
    if (sandbox->socket != NULL) {
        rc |= allow(filter, SCMP_SYS(unlink), 0, NULL);
        rc |= allow(filter, SCMP_SYS(unlinkat), 0, NULL);
    }
    return rc;
}

/* Returns 0, or a negative error number. */
static int
limit_calls(const struct sandbox *sandbox)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    size_t i;
    int rc = filter != NULL ? 0 : -ENOMEM;

    /* As a tree: every call of every request is looked up. */
    if (rc == 0)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (i = 0; rc == 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
        rc = allow(filter, calls[i], 0, NULL);
    if (rc == 0)
        rc = allow_some(filter, sandbox) != 0 ? -EINVAL : seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}

/* What the rights of each version of Landlock add; those that an older kernel has not are left. */
static uint64_t
known_rights(int version)
{
    uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* version 1: all up to this one */

    if (version >= 2)
        rights |= UINT64_C(1) << 13; /* LANDLOCK_ACCESS_FS_REFER */
    if (version >= 3)
        rights |= UINT64_C(1) << 14; /* LANDLOCK_ACCESS_FS_TRUNCATE */
    if (version >= 5)
        rights |= UINT64_C(1) << 15; /* LANDLOCK_ACCESS_FS_IOCTL_DEV */
    return rights;
}

/* Opens the path, or the nearest directory above it that is there. Returns a descriptor, or -1. */
static int
open_nearest(const char *path, struct stat *st)
{
    char above[PATH_MAX], *up;
    int fd = open(path, O_PATH | O_CLOEXEC);

    snprintf(above, sizeof(above), "%s", path);
    while (fd < 0 && (errno == ENOENT || errno == ENOTDIR) && strcmp(above, "/") != 0 &&
           strcmp(above, ".") != 0) {
        up = dirname(above);
        memmove(above, up, strlen(up) + 1);
        fd = open(above, O_PATH | O_CLOEXEC);
    }
    if (fd >= 0 && fstat(fd, st) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/*
 * Leaves a right to a file or, with that to look into it, to all in a directory. Returns 0, or -1
 * with errno set.
 */
static int
leave(int rules, const char *path, uint64_t right)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = right};
    struct stat st;
    int fd = open_nearest(path, &st), rc;

    if (fd < 0)
        return -1;
    rule.parent_fd = fd;
    if (S_ISDIR(st.st_mode))
        rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
    rc = (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
    return rc;
}

static int
leave_all(int rules, const struct sandbox *sandbox)
{
    char path[PATH_MAX];
    size_t i;

    for (i = 0; i < sandbox->readable_count; i++)
        if (leave(rules, sandbox->readable[i], LANDLOCK_ACCESS_FS_READ_FILE) != 0)
            return -1;
    if (sandbox->socket == NULL)
        return 0;
    snprintf(path, sizeof(path), "%s", sandbox->socket);
    return leave(rules, dirname(path), LANDLOCK_ACCESS_FS_REMOVE_FILE);
}

/* Returns 1, 0 when the kernel has no Landlock, or -1 with errno set. */
static int
limit_files(const struct sandbox *sandbox)
{
    struct landlock_ruleset_attr attributes = {0};
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
                               LANDLOCK_CREATE_RULESET_VERSION);
    int rules, rc;

    if (version < 1)
        return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
    attributes.handled_access_fs = known_rights(version);
    rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
    if (rules < 0)
        return -1;
    rc = leave_all(rules, sandbox);
    if (rc == 0)
        rc = (int)syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
    return rc == 0 ? 1 : -1;
}

void
sandbox_keep_memory(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

enum sandbox_state
sandbox_enter(const struct sandbox *sandbox, struct error *error)
{
    const struct rlimit none = {0, 0};
    int has_landlock, rc;

    if (IS_SANITIZED)
        return SANDBOX_LEFT_OUT;
    (void)setrlimit(RLIMIT_NPROC, &none);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        error_set(error, "no_new_privs: %s", strerror(errno));
        return SANDBOX_FAILED;
    }
    has_landlock = limit_files(sandbox);
    if (has_landlock < 0) {
        error_set(error, "Landlock: %s", strerror(errno));
        return SANDBOX_FAILED;
    }
    rc = limit_calls(sandbox);
    if (rc != 0) {
        error_set(error, "seccomp: %s", strerror(-rc));
        return SANDBOX_FAILED;
    }
    return has_landlock ? SANDBOX_FULL : SANDBOX_WITHOUT_LANDLOCK;
}
