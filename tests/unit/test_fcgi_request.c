/*
 * fcgi_request.h: a whole request through libfcgi, over a socket. Its buffer is 8192 bytes, so the
 * sizes around that are tried one by one: whatever of a clean request is left on the socket would
 * be read as the start of the next.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi_request.h"
#include "requests.h"

enum { LIBFCGI_BUFFER = 8192 };

/* Large. */
static struct bytes request, pairs;
static int ends[2];

static int
setup(void **state)
{
    (void)state;
    setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1);
    assert_int_equal(0, FCGX_Init());
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* A request of some len bytes, by the length of a parameter that nobody reads. */
static void
make(size_t len, size_t record, size_t padding)
{
    static char filler[HEAD_MAX];
    size_t fill = 0, at, n;

    memset(filler, 'f', sizeof(filler) - 1);
    do {
        pairs.len = 0;
        put_pair(&pairs, "PATH_INFO", "/path", false);
        put_length(&pairs, 6, false);
        put_length(&pairs, fill, true);
        put(&pairs, "FILLER", 6);
        put(&pairs, filler, fill);
        put_pair(&pairs, "REQUEST_METHOD", "GET", false);
        put_pair(&pairs, "QUERY_STRING", "a=b", true);
        put_pair(&pairs, "PATH_INFO", "/second", false);
        put_pair(&pairs, "HTTP_IF_NONE_MATCH", "\"tag\"", false);
        put_pair(&pairs, "PATH_INFO_2", "no", false);
        request.len = 0;
        put_begin(&request, 300, 1, 1);
        for (at = 0; at < pairs.len; at += n) {
            n = pairs.len - at < record ? pairs.len - at : record;
            put_record(&request, PARAMS, 300, pairs.at + at, n, (8 - n % 8) % 8);
        }
        put_record(&request, PARAMS, 300, NULL, 0, 0);
        put_record(&request, STDIN, 300, NULL, 0, padding);
        fill += request.len < len ? (len - request.len + 1) / 2 : 0;
    } while (request.len < len);
}

/* Sends the request, reads it as the loop does, and sees that nothing of it is left. */
static void
check(void)
{
    FCGX_Request fcgi;
    struct request fields;
    struct head head;
    char byte;

    assert_int_equal(HEAD_WHOLE, head_check(request.at, request.len, &head));
    assert_int_equal(request.len, send(ends[1], request.at, request.len, 0));
    assert_int_equal(0, fcgi_request_read(&fcgi, ends[0], head.is_clean, &fields));
    assert_int_equal(300, fcgi.requestId);
    assert_string_equal("GET", fields.method);
    assert_string_equal("/path", fields.path);
    assert_string_equal("a=b", fields.query);
    assert_string_equal("\"tag\"", fields.if_none_match);
    fcgi_request_release(&fcgi);
    if (!head.is_clean) {
        /* Then the connection is closed; the next request here stands for another's. */
        while (recv(ends[0], &byte, 1, MSG_DONTWAIT) > 0)
            ;
        return;
    }
    if (recv(ends[0], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
        fail_msg("something is left of a clean request of %zu bytes", request.len);
}

static void
test_takes_a_clean_request_off_the_socket(void **state)
{
    size_t len;

    (void)state;
    for (len = 400; len < 450; len++) {
        make(len, 65535, 0);
        check();
    }
    for (len = LIBFCGI_BUFFER - 40; len < LIBFCGI_BUFFER + 40; len++) {
        make(len, 65535, 0);
        check();
        make(len, 1000, 0);
        check();
    }
    for (len = 3 * LIBFCGI_BUFFER - 20; len < 3 * LIBFCGI_BUFFER + 20; len++) {
        make(len, 65535, 0);
        check();
    }
}

/* What libfcgi makes of the request, in a process of its own: 0 if all is well, else how it ended.
 */
static int
read_in_child(bool is_clean)
{
    FCGX_Request fcgi;
    struct request fields;
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};

        setrlimit(RLIMIT_CORE, &none);
        close(STDERR_FILENO); /* the C library's cry */
        alarm(20);
        if (fcgi_request_read(&fcgi, ends[0], is_clean, &fields) != 0)
            _exit(1);
        _exit(fields.method != NULL && strcmp(fields.method, "GET") == 0 ? 0 : 2);
    }
    assert_int_equal(pid, waitpid(pid, &status, 0));
    return status;
}

/*
 * libfcgi does not skip the padding of FCGI_BEGIN_REQUEST and of the empty FCGI_PARAMS: it reads
 * it as the next records. What head_check hands on must hold up all the same.
 */
static void
check_padding(const void *padding, size_t len, bool is_in_begin)
{
    struct head head;
    int status;

    pairs.len = 0;
    put_pair(&pairs, "REQUEST_METHOD", "GET", false);
    request.len = 0;
    put_record(&request, BEGIN, 1, "\0\1\1\0\0\0\0", 8, is_in_begin ? len : 0);
    if (is_in_begin)
        memcpy(request.at + request.len - len, padding, len);
    put_record(&request, PARAMS, 1, pairs.at, pairs.len, 0);
    put_record(&request, PARAMS, 1, NULL, 0, is_in_begin ? 0 : len);
    if (!is_in_begin)
        memcpy(request.at + request.len - len, padding, len);
    put_record(&request, STDIN, 1, NULL, 0, 0);
    if (head_check(request.at, request.len, &head) != HEAD_WHOLE)
        return;
    assert_int_equal(request.len, send(ends[1], request.at, request.len, 0));
    status = read_in_child(head.is_clean);
    if (status != 0)
        fail_msg("%s is padded, taken for whole, and libfcgi ends by %s %d",
                 is_in_begin ? "FCGI_BEGIN_REQUEST" : "the empty FCGI_PARAMS",
                 WIFSIGNALED(status) ? "signal" : "exit status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void
test_is_not_upset_by_padding(void **state)
{
    static const char zeros[255];

    (void)state;
    check_padding(zeros, 8, true);
    check_padding(zeros, 8, false);
}

/* FCGI_GET_VALUES with FCGI_MPXS_CONNS four times overruns libfcgi's stack. */
static void
put_values(struct bytes *hidden)
{
    int i;

    pairs.len = 0;
    for (i = 0; i < 12; i++)
        put_pair(&pairs, "FCGI_MPXS_CONNS", "", false);
    hidden->len = 0;
    put_record(hidden, GET_VALUES, 0, pairs.at, pairs.len, 0);
}

static void
test_hides_no_records_in_padding_of_begin(void **state)
{
    static struct bytes hidden;

    (void)state;
    put_values(&hidden);
    check_padding(hidden.at, hidden.len, true);
}

static void
test_hides_no_records_in_padding_of_params(void **state)
{
    static struct bytes hidden;

    (void)state;
    put_values(&hidden);
    check_padding(hidden.at, hidden.len, false);
}

/* The padding of the last record belongs to the request as well. */
static void
test_takes_the_last_padding(void **state)
{
    size_t len;

    (void)state;
    make(400, 65535, 7);
    check();
    for (len = LIBFCGI_BUFFER - 20; len < LIBFCGI_BUFFER + 280; len++) {
        make(len, 65535, 255);
        check();
    }
}

/* One after the other on one connection. */
static void
test_reads_the_next_request_too(void **state)
{
    size_t len;

    (void)state;
    for (len = LIBFCGI_BUFFER - 3; len < LIBFCGI_BUFFER + 3; len++) {
        make(len, 65535, 0);
        check();
        make(500, 7, 0);
        check();
    }
}

static void
test_leaves_fields_null_that_are_not_there(void **state)
{
    FCGX_Request fcgi;
    struct request fields;

    (void)state;
    pairs.len = 0;
    put_pair(&pairs, "REQUEST_METHODS", "GET", false);
    put_pair(&pairs, "QUERY_STRING", "", false);
    put_pair(&pairs, "path_info", "/x", false);
    put_pair(&pairs, "", "", false);
    put_request(&request, &pairs);
    assert_int_equal(request.len, send(ends[1], request.at, request.len, 0));
    assert_int_equal(0, fcgi_request_read(&fcgi, ends[0], true, &fields));
    assert_null(fields.method);
    assert_null(fields.path);
    assert_null(fields.if_none_match);
    assert_string_equal("", fields.query);
    fcgi_request_release(&fcgi);
}

/* What head_check would never let through: refused, and the descriptor closed. */
static void
check_closes(size_t len)
{
    FCGX_Request fcgi;
    struct request fields;

    assert_int_equal(len, send(ends[1], request.at, len, 0));
    if (fcgi_request_read(&fcgi, ends[0], true, &fields) != -1)
        fail_msg("%zu bytes of %zu are taken for a request", len, request.len);
    assert_int_equal(-1, fcntl(ends[0], F_GETFD));
    assert_int_equal(EBADF, errno);
    close(ends[1]);
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
}

static void
test_closes_what_libfcgi_does_not_like(void **state)
{
    size_t len;

    (void)state;
    make(400, 20, 0);
    /* A request that ends too early is not taken for one with fewer parameters. */
    for (len = 1; len < request.len; len++)
        check_closes(len);
    request.at[0] = 2;
    check_closes(request.len);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_takes_a_clean_request_off_the_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_is_not_upset_by_padding, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hides_no_records_in_padding_of_begin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hides_no_records_in_padding_of_params, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_takes_the_last_padding, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_the_next_request_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaves_fields_null_that_are_not_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_closes_what_libfcgi_does_not_like, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
