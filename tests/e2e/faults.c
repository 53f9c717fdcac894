/*
 * For the tests of faults, to be preloaded: calls that fail, signals that interrupt, and a clock
 * that is wrong. What to do is read, at every call, from a file that the test has mapped too
 * (FAULTS_FILE, as struct control), so that it can change while a program runs, sandboxed or not,
 * and what has been counted outlives any end. Calls fail and are counted only in the program whose
 * name is in FAULTS_PROGRAM; the clock is wrong in all.
 *
 * FAULTS_STORM=N: SIGALRM, handled without SA_RESTART, every N microseconds.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum kind { ALLOC, OPEN, READ, WRITE, FSYNC, RENAME, MMAP, ACCEPT, KINDS };

/* faults.py knows this by heart: 64-bit numbers one behind the other. */
struct control {
    int64_t kind;   /* which calls fail: */
    int64_t from;   /* beginning with this one, counted from 1 (0: none), */
    int64_t times;  /* so many */
    int64_t code;   /* with this errno */
    int64_t failed; /* how many have */
    int64_t clock;  /* seconds that the wall clock is ahead */
    int64_t caught; /* signals of the storm */
    int64_t calls[KINDS];
};

/* What malloc is without us. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static struct control *control; /* NULL: nothing to change */
static bool is_meant;           /* this is the program */
static int (*real_clock)(clockid_t, struct timespec *);
static FILE *(*real_fopen)(const char *, const char *);

/* Counts a call. Returns whether it is to fail, with errno set. */
static bool
fails(enum kind kind)
{
    int64_t number, from;

    if (!is_meant)
        return false;
    number = __atomic_add_fetch(&control->calls[kind], 1, __ATOMIC_RELAXED);
    from = control->from;
    if (control->kind != kind || from == 0 || number < from || number - from >= control->times)
        return false;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_RELAXED);
    errno = (int)control->code;
    return true;
}

static void catch (int number)
{
    (void)number;
    __atomic_add_fetch(&control->caught, 1, __ATOMIC_RELAXED);
}

static void
begin_storm(const char *microseconds)
{
    struct sigaction action;
    struct itimerval timer;

    memset(&action, 0, sizeof(action));
    action.sa_handler = catch;
    sigaction(SIGALRM, &action, NULL);
    memset(&timer, 0, sizeof(timer));
    timer.it_value.tv_usec = timer.it_interval.tv_usec = atoi(microseconds);
    setitimer(ITIMER_REAL, &timer, NULL);
}

__attribute__((constructor)) static void
begin(void)
{
    const char *file = getenv("FAULTS_FILE"), *program = getenv("FAULTS_PROGRAM");
    int fd = file != NULL ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC) : -1;
    void *mapped;

    /* POSIX's own way to write this. */
    *(void **)&real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    *(void **)&real_fopen = dlsym(RTLD_NEXT, "fopen");
    if (fd < 0)
        return;
    mapped = (void *)syscall(SYS_mmap, NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
                             fd, 0);
    close(fd);
    if (mapped == MAP_FAILED)
        return;
    control = mapped;
    is_meant = program != NULL && strcmp(program, program_invocation_short_name) == 0;
    if (is_meant && getenv("FAULTS_STORM") != NULL)
        begin_storm(getenv("FAULTS_STORM"));
}

void *
malloc(size_t size)
{
    return fails(ALLOC) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return fails(ALLOC) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
    return fails(ALLOC) ? NULL : __libc_realloc(old, size);
}

static int
open_at(int directory, const char *path, int flags, va_list args)
{
    int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, int) : 0;

    return fails(OPEN) ? -1 : (int)syscall(SYS_openat, directory, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
    va_list args;
    int fd;

    va_start(args, flags);
    fd = open_at(AT_FDCWD, path, flags, args);
    va_end(args);
    return fd;
}

int
openat(int directory, const char *path, int flags, ...)
{
    va_list args;
    int fd;

    va_start(args, flags);
    fd = open_at(directory, path, flags, args);
    va_end(args);
    return fd;
}

FILE *
fopen(const char *path, const char *mode)
{
    return fails(OPEN) ? NULL : real_fopen(path, mode);
}

ssize_t
read(int fd, void *bytes, size_t len)
{
    return fails(READ) ? -1 : (ssize_t)syscall(SYS_read, fd, bytes, len);
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
    return fails(WRITE) ? -1 : (ssize_t)syscall(SYS_write, fd, bytes, len);
}

int
fsync(int fd)
{
    return fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int
rename(const char *from, const char *to)
{
    return fails(RENAME) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

void *
mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (fails(MMAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, len, protection, flags, fd, offset);
}

void *
mmap64(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    return mmap(address, len, protection, flags, fd, offset);
}

int
accept4(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
    return fails(ACCEPT) ? -1 : (int)syscall(SYS_accept4, listener, address, len, flags);
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
    int rc = real_clock(clock, ts);

    if (rc == 0 && control != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ts->tv_sec += (time_t)control->clock;
    return rc;
}

int
gettimeofday(struct timeval *tv, void *zone)
{
    struct timespec ts;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &ts);
    *tv = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000};
    return 0;
}

time_t
time(time_t *out)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    if (out != NULL)
        *out = ts.tv_sec;
    return ts.tv_sec;
}
