/*
 * For the tests of cgi/sandbox.h, to be preloaded into the responder: when it first waits for
 * events, whatever it should not be able to do is tried from inside, and written to stderr, a line
 * each: "inside: WHAT: ok" or the name of the error. Files are named by the environment:
 * INSIDE_SERVED, INSIDE_OTHER (a file), INSIDE_NEW (one that is not there), INSIDE_LISTENER and
 * INSIDE_LOG (UNIX sockets, of a stream and of datagrams); INSIDE_SOCKET and INSIDE_DATAGRAMS are
 * numbers of open ones.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void
tell(const char *what, long result)
{
    dprintf(STDERR_FILENO, "inside: %s: %s\n", what, result >= 0 ? "ok" : strerrorname_np(errno));
}

static const char *
named(const char *variable)
{
    const char *value = getenv(variable);

    return value != NULL ? value : "";
}

static void
try_files(void)
{
    char *const none[] = {NULL};

    tell("read what is served", open(named("INSIDE_SERVED"), O_RDONLY | O_CLOEXEC));
    tell("read another file", open(named("INSIDE_OTHER"), O_RDONLY | O_CLOEXEC));
    tell("list a directory", open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    tell("write what is served", open(named("INSIDE_SERVED"), O_WRONLY | O_CLOEXEC));
    tell("append to what is served", open(named("INSIDE_SERVED"), O_RDONLY | O_APPEND | O_CLOEXEC));
    tell("make a file", open(named("INSIDE_NEW"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    tell("rename", rename(named("INSIDE_OTHER"), named("INSIDE_NEW")));
    tell("link", link(named("INSIDE_OTHER"), named("INSIDE_NEW")));
    tell("change a mode", chmod(named("INSIDE_OTHER"), 0600));
    tell("remove a file", unlink(named("INSIDE_NEW")));
    tell("make a file in memory", memfd_create("inside", MFD_CLOEXEC));
    tell("execute", execve("/nowhere", none, none) < 0 && errno == ENOENT ? 0 : -1);
}

static void
send_by(int datagrams, struct sockaddr_un *address)
{
    struct iovec byte = {(char[]){"b"}, 1};
    struct msghdr message = {
        .msg_name = address, .msg_namelen = sizeof(*address), .msg_iov = &byte, .msg_iovlen = 1};

    tell("send to an address",
         sendto(datagrams, "b", 1, 0, (const struct sockaddr *)address, sizeof(*address)));
    tell("send a message to an address", sendmsg(datagrams, &message, 0));
}

static void
try_network(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    tell("a socket to the internet", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    tell("a UNIX socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", named("INSIDE_LISTENER"));
    /* By a socket that is there already: a supervisor may have left one. */
    tell("connect",
         connect(atoi(named("INSIDE_SOCKET")), (const struct sockaddr *)&address, sizeof(address)));
    /* That is how what goes to the system's log is sent. */
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", named("INSIDE_LOG"));
    send_by(atoi(named("INSIDE_DATAGRAMS")), &address);
}

static void
try_processes(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

    if (child == 0)
        _exit(0);
    tell("make a process", child);
    if (child > 0)
        waitpid(child, NULL, 0);
    tell("signal another process", kill(getppid(), 0));
    tell("have another process signalled",
         fcntl(atoi(named("INSIDE_SOCKET")), F_SETOWN, getppid()));
    /* Nobody has this number: allowed, it is ESRCH. */
    tell("trace", ptrace(PTRACE_SEIZE, 0x7fffffff, NULL, NULL));
    tell("read another process", syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
    tell("be dumpable", syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0));
    tell("another limit", syscall(SYS_setrlimit, 4 /* RLIMIT_CORE */, (unsigned long[2]){0, 0}));
    tell("another namespace", syscall(SYS_unshare, 0));
    tell("io_uring", syscall(SYS_io_uring_setup, 1, (char[120]){0}));
}

static void
try_memory(void)
{
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    tell("memory", data != MAP_FAILED ? 0 : -1);
    tell("code", code != MAP_FAILED ? 0 : -1);
    tell("code of data", mprotect(data, 4096, PROT_READ | PROT_EXEC));
}

int
epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
    static int (*next)(int, struct epoll_event *, int, int);

    if (next == NULL) {
        /* POSIX's own way to write this. */
        *(void **)&next = dlsym(RTLD_NEXT, "epoll_wait");
        try_files();
        try_network();
        try_processes();
        try_memory();
        tell("all", 0);
    }
    return next(epoll, events, count, timeout);
}
