/* engine.h's processes: what a child gets, how it ends, and what it has said. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "tree.h"

static struct error error;
static int output;

/* Starts a shell on a script that gets this as its input. */
static pid_t
spawn(const char *script, const char *bytes, size_t len)
{
    const char *const words[] = {"sh", "-c", script, NULL};
    struct buf input;
    pid_t pid;

    buf_init(&input, 1 << 24);
    buf_put(&input, bytes, len);
    pid = engine_spawn("sh", words, &input, &output, &error);
    buf_release(&input);
    assert_true(pid > 0);
    assert_true(output > STDERR_FILENO);
    return pid;
}

/* What has come out of a script, which must end well; until the next call. */
/* The status of a process that ends by itself. */
static int
end_of(pid_t pid)
{
    int status = -1;

    assert_int_equal(pid, waitpid(pid, &status, 0));
    return status;
}

static const char *
said_by(const char *script, const char *bytes, size_t len)
{
    static char text[8000];
    ssize_t got;

    assert_int_equal(0, end_of(spawn(script, bytes, len)));
    got = pread(output, text, sizeof(text) - 1, 0);
    assert_true(got >= 0);
    text[got] = '\0';
    close(output);
    return text;
}

static void
test_input_and_output(void **state)
{
    size_t len = 3 << 20;
    char *much = calloc(1, len);

    (void)state;
    assert_non_null(much);
    assert_string_equal("a b\n", said_by("cat", "a b\n", 4));
    assert_string_equal("", said_by("cat", "", 0));
    assert_string_equal("3145728\n", said_by("wc -c", much, len));
    assert_string_equal("out\nerr\n", said_by("echo out; echo err >&2", "", 0));
    free(much);
}

/* As a program that was started by hand, but for who may read what it makes. */
static void
test_what_it_inherits(void **state)
{
    /* Of the C library's own two, 32 and 33, nobody can change what they do. */
    const char *status = "for set in $(grep -E '^Sig(Blk|Ign)|^ShdPnd' /proc/self/status | "
                         "cut -f 2); do echo $((0x$set & 0x7fffffff)); done | sort -u";
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    mode_t mask = umask(0);
    sigset_t set, old;
    int fd;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    assert_int_equal(0, sigprocmask(SIG_BLOCK, &set, &old));
    fd = memfd_create("of ours", MFD_CLOEXEC);
    assert_string_equal("0\n", said_by(status, "", 0));
    assert_string_equal("0077\n", said_by("umask", "", 0));
    assert_string_equal("", said_by("ls -l /proc/self/fd | grep 'of ours' || :", "", 0));
    close(fd);
    umask(mask);
    assert_int_equal(0, sigprocmask(SIG_SETMASK, &old, NULL));
    signal(SIGPIPE, before);
}

static void
test_what_is_no_program(void **state)
{
    static const char *const names[] = {"/nonexistent", "no-such-program-as-this", "/",
                                        "/dev/null"};
    char words[ENGINE_REASON];
    struct buf input;
    size_t i;

    (void)state;
    buf_init(&input, 100);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *const args[] = {names[i], NULL};
        pid_t pid = engine_spawn(names[i], args, &input, &output, &error);

        assert_int_equal(127 << 8, end_of(pid));
        engine_last_words(output, words);
        assert_string_equal("cannot be started", words);
        close(output);
    }
    buf_release(&input);
}

/* Whether a process has ended, be it that nobody has asked for its status. */
static bool
is_over(pid_t pid)
{
    char path[64], text[512];
    ssize_t len;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;
    len = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return len <= 0 || strstr(text, ") Z") != NULL || strstr(text, ") X") != NULL;
}

/* One that is killed takes its engine with it. */
static void
test_the_end_of_the_parent(void **state)
{
    pid_t parent, child;
    int ends[2], tries = 0;

    (void)state;
    assert_int_equal(0, pipe2(ends, O_CLOEXEC));
    parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        child = spawn("echo; exec sleep 600", "", 0);
        while (lseek(output, 0, SEEK_END) == 0)
            (void)poll(NULL, 0, 2);
        (void)!write(ends[1], &child, sizeof(child));
        raise(SIGKILL);
    }
    assert_int_equal(sizeof(child), read(ends[0], &child, sizeof(child)));
    assert_int_equal(parent, waitpid(parent, NULL, 0));
    while (!is_over(child)) {
        assert_true(tries++ < 30000);
        (void)poll(NULL, 0, 2);
    }
    close(ends[0]);
    close(ends[1]);
}

static void
check_words(const char *said, size_t len, const char *expected)
{
    char words[ENGINE_REASON];
    int fd = memfd_create("said", MFD_CLOEXEC);

    assert_int_equal(len, write(fd, said, len));
    engine_last_words(fd, words);
    assert_string_equal(expected, words);
    close(fd);
}

static void
test_last_words(void **state)
{
    char text[10000], expected[ENGINE_REASON] = "";

    (void)state;
    check_words("", 0, "");
    check_words("\n\n", 2, "");
    check_words("a", 1, "a");
    check_words("Xray\na > b > c d\r\n\n", 18, "c d");
    check_words("a > ", 4, "");
    check_words("\x01\x1b[2J\x7f\xc3\xa9", 8, "??[2J???");
    check_words("a\0b", 3, "a");
    memset(text, 'x', sizeof(text));
    memset(expected, 'x', sizeof(expected) - 1);
    check_words(text, sizeof(text), expected);
    memcpy(text + sizeof(text) - 8, "\nit > at", 8);
    check_words(text, sizeof(text), "at");
}

static void
test_a_place_that_is_too_long(void **state)
{
    size_t longest = ENGINE_SOCKET - 1 - strlen("/engine.sock"), len;
    char place[ENGINE_SOCKET + 1], whole[PATH_MAX];
    struct engine engine;

    (void)state;
    assert_non_null(realpath(tree_top, whole));
    len = strlen(whole) + 1;
    assert_true(len < longest);
    snprintf(place, sizeof(place), "%.*s/", (int)longest, whole);
    memset(place + len, 'a', sizeof(place) - len);
    place[longest + 1] = '\0';
    assert_int_equal(0, mkdir(place, 0700));
    assert_int_equal(-1, engine_init(&engine, "xray", place, &error));
    assert_non_null(strstr(error.text, "too long"));
    assert_int_equal(0, rmdir(place));
    place[longest] = '\0';
    assert_int_equal(0, mkdir(place, 0700));
    assert_int_equal(0, engine_init(&engine, "xray", place, &error));
    assert_int_equal(ENGINE_SOCKET - 1, strlen(engine.socket));
    assert_int_equal(0, rmdir(place));
    assert_int_equal(-1, engine_init(&engine, "xray", place, &error));
    assert_non_null(strstr(error.text, "No such file"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_words),         in_tree(test_a_place_that_is_too_long),
        cmocka_unit_test(test_input_and_output),   cmocka_unit_test(test_what_it_inherits),
        cmocka_unit_test(test_what_is_no_program), cmocka_unit_test(test_the_end_of_the_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
