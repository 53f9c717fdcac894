/*
 * engine.h with programs that only seem to be Xray: shell scripts, which write down what they are
 * asked for. Where one would listen, the test does.
 */
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "clients.h"
#include "engine.h"
#include "tree.h"

enum { NODES = 9, SECOND = 1000, MINUTE = 60 * SECOND };

/*
 * Its words, its environment and what comes in go to files; the rest differs. It writes without
 * another process, which would outlive it when it is killed and write into what is removed.
 */
#define SEEN                                                                           \
    "#!/bin/sh\nd=${0%/*}\n"                                                           \
    "copy() { while IFS= read -r l || [ \"$l\" ]; do printf '%s\\n' \"$l\"; done; }\n" \
    "copy >$d/config\ncopy </proc/$$/environ >>$d/env\necho \"$*\" >>$d/words\n"       \
    "case $* in *-test*) test=1;; *) test=;; esac\n"
#define TAKES_ALL SEEN "[ $test ] || exec sleep 600\n"
/* As Xray complains. */
#define REFUSES_BAD                                                                         \
    SEEN "bad=$(grep -o 'bad[0-9]*[.]example' $d/config | head -n 1)\n"                     \
         "[ ! \"$bad\" ] || { echo \"Failed to start: main > config > $bad\"; exit 23; }\n" \
         "[ $test ] || exec sleep 600\n"
#define DIES SEEN "[ $test ] || { echo 'Xray 26' && echo 'Failed: app > no luck'; exit 1; }\n"

static struct engine engine;
static struct engine_node nodes[NODES];
static struct client clients[NODES];
static char addresses[NODES][32], program[400];
static struct error error;

/* Nodes, of which those named by a digit in bad are no good. */
static void
make_nodes(const char *bad)
{
    size_t i;

    for (i = 0; i < NODES; i++) {
        clients[i] = client_of(TRANSPORT_XHTTP, SECURITY_TLS);
        snprintf(addresses[i], sizeof(addresses[i]), "%s%zu.example",
                 strchr(bad, (int)('0' + i)) != NULL ? "bad" : "good", i);
        clients[i].address = addresses[i];
        nodes[i] = (struct engine_node){.client = &clients[i]};
        assert_int_equal(0, uuid_parse(CLIENT_UUID, UUID_TEXT, &nodes[i].uuid));
    }
}

static void
make_engine(const char *script)
{
    tree_write("xray", script);
    assert_int_equal(0, chmod(tree_path("xray"), 0755));
    snprintf(program, sizeof(program), "%s", tree_path("xray"));
    error.text[0] = '\0';
    assert_int_equal(0, engine_init(&engine, program, tree_top, &error));
}

static int
tear_down(void **state)
{
    engine_release(&engine);
    return tree_tear_down(state);
}

/* What the scripts have written. The caller frees it. */
static char *
seen(const char *name)
{
    FILE *file = fopen(tree_path(name), "re");
    char *text = calloc(1, 1 << 20);
    size_t len;

    assert_non_null(text);
    if (file == NULL)
        return text;
    len = fread(text, 1, (1 << 20) - 1, file);
    assert_true(len < (1 << 20) - 1);
    fclose(file);
    return text;
}

static size_t
count_of(const char *name, const char *what)
{
    char *text = seen(name), *at = text;
    size_t count = 0;

    while ((at = strstr(at, what)) != NULL) {
        at++;
        count++;
    }
    free(text);
    return count;
}

/* Minds the engine at one and the same time until all is looked over. */
static int
mind(int64_t now)
{
    int tries = 0, rc;

    while ((rc = engine_mind(&engine, now, &error)) == 0 && engine.phase == ENGINE_LOOKING) {
        assert_true(tries++ < 5000);
        (void)poll(NULL, 0, 2);
    }
    return rc;
}

static int
use(struct engine_node *list, size_t count, int64_t now)
{
    int rc = engine_use(&engine, list, count, now, &error);

    return rc == 0 && engine.phase == ENGINE_LOOKING ? mind(now) : rc;
}

/* Waits, a little at a time, until so many have been started and have seen what comes in. */
static void
wait_for_runs(size_t count)
{
    int tries = 0;

    while (count_of("words", "run -c") - count_of("words", "-test") < count) {
        assert_true(tries++ < 5000);
        (void)poll(NULL, 0, 2);
    }
}

/* Minds the engine at one and the same time until it has something to say. */
static void
mind_until_told(int64_t now)
{
    int tries = 0;

    while (engine_mind(&engine, now, &error) == 0) {
        assert_true(tries++ < 5000);
        (void)poll(NULL, 0, 2);
    }
}

/* Listens where the engine would. */
static int
listen_for_it(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, engine.socket, strlen(engine.socket));
    assert_int_equal(0, bind(fd, (const struct sockaddr *)&address, sizeof(address)));
    assert_int_equal(0, listen(fd, 8));
    return fd;
}

static void
check_text(const char *expected, const char *text)
{
    if (strstr(text, expected) == NULL)
        fail_msg("'%s' is not in '%s'", expected, text);
}

static void
test_nothing_to_do(void **state)
{
    (void)state;
    make_engine(TAKES_ALL);
    assert_int_equal(0, use(NULL, 0, 0));
    assert_int_equal(0, mind(60 * MINUTE));
    assert_false(engine_is_starting(&engine));
    assert_int_equal(0, count_of("words", "run"));
}

static void
test_all_are_taken(void **state)
{
    int listener;
    size_t i;

    (void)state;
    make_engine(TAKES_ALL);
    make_nodes("");
    assert_int_equal(0, use(nodes, NODES, 0));
    assert_int_equal(1, count_of("words", "-test"));
    assert_true(engine_is_starting(&engine));
    assert_int_equal(0, mind(10));
    assert_true(engine_is_starting(&engine));
    assert_false(engine_carries(&engine, 0));
    listener = listen_for_it();
    assert_int_equal(0, mind(20));
    assert_false(engine_is_starting(&engine));
    for (i = 0; i < NODES; i++) {
        struct probe_via via = engine_via(&engine, i);
        char user[24];

        snprintf(user, sizeof(user), "n%zu", i);
        assert_true(engine_carries(&engine, i));
        assert_string_equal(user, via.user);
        assert_string_equal(tree_path("engine.sock"), via.socket);
    }
    close(listener);
}

static void
check_user(const json_t *config, size_t i, size_t outbound, const char *address)
{
    char path[100], tag[24];

    snprintf(tag, sizeof(tag), "n%zu", i);
    snprintf(path, sizeof(path), "inbounds.0.settings.accounts.%zu.user", outbound - 1);
    client_check_string(config, path, tag);
    snprintf(path, sizeof(path), "routing.rules.%zu.user.0", outbound - 1);
    client_check_string(config, path, tag);
    snprintf(path, sizeof(path), "routing.rules.%zu.outboundTag", outbound - 1);
    client_check_string(config, path, tag);
    snprintf(path, sizeof(path), "outbounds.%zu.tag", outbound);
    client_check_string(config, path, tag);
    snprintf(path, sizeof(path), "outbounds.%zu.settings.vnext.0.address", outbound);
    client_check_string(config, path, address);
    snprintf(path, sizeof(path), "outbounds.%zu.settings.vnext.0.users.0.id", outbound);
    client_check_string(config, path, CLIENT_UUID);
}

static void
test_what_it_is_told(void **state)
{
    char *text;
    json_t *config;

    (void)state;
    make_engine(REFUSES_BAD);
    make_nodes("1345678");
    assert_int_equal(0, use(nodes, NODES, 0));
    wait_for_runs(1);
    text = seen("config");
    config = document_parse(text, strlen(text), SYNTAX_JSON, &error);
    assert_non_null(config);
    client_check_string(config, "inbounds.0.listen", tree_path("engine.sock"));
    client_check_string(config, "inbounds.0.protocol", "http");
    client_check_string(config, "outbounds.0.protocol", "blackhole");
    check_user(config, 0, 1, "good0.example");
    check_user(config, 2, 2, "good2.example");
    assert_int_equal(3, json_array_size(client_at(config, "outbounds")));
    assert_int_equal(2, json_array_size(client_at(config, "routing.rules")));
    assert_int_equal(2, json_array_size(client_at(config, "inbounds.0.settings.accounts")));
    json_decref(config);
    free(text);
    assert_int_equal(0, count_of("words", "8f3c5d1e"));
    assert_int_equal(0, count_of("env", "8f3c5d1e"));
    assert_true(count_of("env", "PATH=") > 0);
}

static void
check_refused(const char *bad)
{
    int listener;
    size_t i;

    make_engine(REFUSES_BAD);
    make_nodes(bad);
    assert_int_equal(0, use(nodes, NODES, 0));
    listener = listen_for_it();
    assert_int_equal(0, mind(1));
    for (i = 0; i < NODES; i++) {
        bool is_bad = strchr(bad, (int)('0' + i)) != NULL;

        assert_int_equal(is_bad, nodes[i].is_refused);
        assert_string_equal(is_bad ? addresses[i] : "", nodes[i].reason);
        assert_int_equal(!is_bad, engine_carries(&engine, i));
    }
    close(listener);
    engine_release(&engine);
}

static void
test_refused_ones_are_found_by_halves(void **state)
{
    (void)state;
    check_refused("0");
    /* All, none, and two for each of at most four halvings. */
    assert_in_range(count_of("words", "-test"), 3, 2 + 2 * 4);
    check_refused("8");
    check_refused("4");
    check_refused("34");
    check_refused("08");
    check_refused("0246");
    check_refused("1357");
    check_refused("01234567");
}

static void
test_all_are_refused(void **state)
{
    size_t tests, i;

    (void)state;
    make_engine(REFUSES_BAD);
    make_nodes("012345678");
    assert_int_equal(0, use(nodes, NODES, 0));
    for (i = 0; i < NODES; i++)
        assert_string_equal(addresses[i], nodes[i].reason);
    /* It is settled: nothing is started, now or later. */
    tests = count_of("words", "-test");
    assert_int_equal(0, mind(60 * MINUTE));
    assert_false(engine_is_starting(&engine));
    assert_int_equal(tests, count_of("words", "run -c"));
}

static void
test_one_that_is_refused_alone(void **state)
{
    (void)state;
    make_engine(REFUSES_BAD);
    make_nodes("0");
    assert_int_equal(0, use(nodes, 1, 0));
    assert_true(nodes[0].is_refused);
    assert_string_equal("bad0.example", nodes[0].reason);
    /* What comes next is not held to it. */
    make_nodes("");
    assert_int_equal(0, use(nodes, 1, 0));
    assert_false(nodes[0].is_refused);
    assert_true(engine_is_starting(&engine));
}

static void
test_a_program_that_refuses_all(void **state)
{
    size_t i;

    (void)state;
    make_engine(SEEN "echo 'bad flag > who am I'; exit 2\n");
    make_nodes("");
    assert_int_equal(-1, use(nodes, NODES, 0));
    check_text("health.engine: ", error.text);
    check_text(": who am I", error.text);
    /* It is not the nodes' fault. */
    for (i = 0; i < NODES; i++)
        assert_false(nodes[i].is_refused);
    assert_false(engine_is_starting(&engine));
    /* When it is one that does, all goes on. */
    tree_write("xray", TAKES_ALL);
    assert_int_equal(0, chmod(program, 0755));
    assert_int_equal(0, mind(5 * SECOND - 1));
    assert_false(engine_is_starting(&engine));
    assert_int_equal(0, mind(5 * SECOND));
    assert_true(engine_is_starting(&engine));
}

/* From each failure until the next try. */
static const int64_t waits[] = {5, 10, 20, 40, 80, 160, 300, 300, 300};

static void
test_times_of_what_ends(void **state)
{
    int64_t now = -7 * MINUTE;
    siginfo_t ended;
    size_t i;

    (void)state;
    make_engine(DIES);
    make_nodes("");
    assert_int_equal(0, use(nodes, NODES, now));
    for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        mind_until_told(now);
        check_text("has ended: no luck", error.text);
        assert_false(engine_is_starting(&engine));
        now += waits[i] * SECOND;
        assert_int_equal(0, mind(now - 1));
        assert_false(engine_is_starting(&engine));
        assert_int_equal(0, mind(now));
        assert_true(engine_is_starting(&engine));
    }
    /* The nodes are looked over once for all. */
    assert_int_equal(1, count_of("words", "-test"));
    /* After long enough a life it is soon tried again. */
    assert_int_equal(0, waitid(P_PID, (id_t)engine.pid, &ended, WEXITED | WNOWAIT));
    mind_until_told(now += 5 * MINUTE + 1);
    assert_int_equal(0, mind(now + 5 * SECOND - 1));
    assert_false(engine_is_starting(&engine));
    assert_int_equal(0, mind(now + 5 * SECOND));
    assert_true(engine_is_starting(&engine));
}

static void
test_times_of_what_cannot_be_started(void **state)
{
    int64_t now = 0;
    size_t i;

    (void)state;
    make_engine(SEEN "exit 1\n");
    make_nodes("");
    assert_int_equal(-1, use(nodes, NODES, now));
    for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        now += waits[i] * SECOND;
        assert_int_equal(0, mind(now - 1));
        assert_int_equal(-1, mind(now));
    }
    /* Other nodes, another try. */
    assert_int_equal(-1, use(nodes, 2, now));
    assert_int_equal(-1, mind(now + 5 * SECOND));
}

static void
test_one_that_never_listens(void **state)
{
    pid_t pid;

    (void)state;
    make_engine(TAKES_ALL);
    make_nodes("");
    assert_int_equal(0, use(nodes, NODES, 0));
    pid = engine.pid;
    assert_int_equal(0, mind(10 * SECOND - 1));
    assert_true(engine_is_starting(&engine));
    assert_int_equal(-1, mind(10 * SECOND));
    check_text("does not listen", error.text);
    assert_false(engine_is_starting(&engine));
    assert_int_equal(-1, kill(pid, 0));
    assert_int_equal(ESRCH, errno);
    assert_int_equal(0, mind(15 * SECOND - 1));
    assert_int_equal(0, mind(15 * SECOND));
    assert_true(engine_is_starting(&engine));
}

static void
test_the_end_leaves_nothing(void **state)
{
    int listener;
    pid_t pid;

    (void)state;
    make_engine(TAKES_ALL);
    make_nodes("");
    assert_int_equal(0, use(nodes, NODES, 0));
    tree_write("engine.sock.lock", "");
    listener = listen_for_it();
    assert_int_equal(0, mind(0));
    pid = engine.pid;
    engine_release(&engine);
    assert_int_equal(-1, kill(pid, 0));
    assert_int_equal(-1, access(tree_path("engine.sock"), F_OK));
    assert_int_equal(-1, access(tree_path("engine.sock.lock"), F_OK));
    close(listener);
}

/* Looking over never waits: what hangs is ended after a while. */
static void
test_one_that_hangs(void **state)
{
    (void)state;
    make_engine("#!/bin/sh\nexec sleep 600\n");
    make_nodes("");
    assert_int_equal(0, engine_use(&engine, nodes, NODES, 0, &error));
    assert_true(engine_is_starting(&engine));
    assert_int_equal(0, engine_mind(&engine, 10 * SECOND - 1, &error));
    assert_true(engine_is_starting(&engine));
    assert_int_equal(-1, engine_mind(&engine, 10 * SECOND, &error));
    check_text("does not look over its configuration", error.text);
    assert_false(engine_is_starting(&engine));
    assert_int_equal(0, engine_mind(&engine, 15 * SECOND - 1, &error));
    assert_false(engine_is_starting(&engine));
}

#define with_engine(test) cmocka_unit_test_setup_teardown(test, tree_set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_engine(test_nothing_to_do),
        with_engine(test_all_are_taken),
        with_engine(test_what_it_is_told),
        with_engine(test_refused_ones_are_found_by_halves),
        with_engine(test_all_are_refused),
        with_engine(test_one_that_is_refused_alone),
        with_engine(test_a_program_that_refuses_all),
        with_engine(test_times_of_what_ends),
        with_engine(test_times_of_what_cannot_be_started),
        with_engine(test_one_that_never_listens),
        with_engine(test_the_end_leaves_nothing),
        with_engine(test_one_that_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
