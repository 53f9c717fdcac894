/*
 * The VPN engine: a child process of Xray (26 or newer) that carries the probes of what only an
 * engine speaks. Its configuration has an outbound for each node (lib/outbound.h) and one HTTP
 * inbound on a socket in the state directory that only our user can use; the name that a probe
 * logs in with says which outbound it takes. The configuration goes in by standard input: no file
 * holds the UUIDs. It ends with us, however we end.
 *
 * What the engine refuses is found before anything is started, so that one bad node does not
 * silence the rest: all together are tried first, and when they fail, by halves, down to each
 * bad one alone.
 */
#ifndef SIGNPOST_ENGINE_H
#define SIGNPOST_ENGINE_H

#include <sys/types.h>

#include "buf.h"
#include "client.h"
#include "error.h"
#include "probe.h"
#include "uuid.h"

enum { ENGINE_REASON = 160, ENGINE_SOCKET = 108 };

/* A node that the engine shall carry probes to. */
struct engine_node {
    const struct client *client; /* complete; must live as long as the node */
    struct uuid uuid;
    bool is_refused;            /* the engine does not take it; reason says why */
    char reason[ENGINE_REASON]; /* printable ASCII */
};

struct engine {
    const char *program;        /* a path, or a name that PATH finds */
    char socket[ENGINE_SOCKET]; /* of the HTTP inbound */
    int stop_fd;                /* when it becomes readable, whatever takes long ends; -1: none */
    struct engine_node *nodes;  /* borrowed, between engine_use and the next */
    size_t count;
    pid_t pid;           /* of the child, 0: none */
    int output;          /* what it says, -1: none */
    bool is_looked_over; /* is_refused of all nodes is known */
    bool is_ready;       /* the child listens */
    int64_t started;     /* ms, by the caller's clock */
    int64_t retry_at;    /* likewise: not started again before */
    unsigned failures;   /* in a row */
};

/*
 * Prepares; starts nothing. program must outlive it. Returns 0, or -1 with error filled (the
 * socket's path is longer than the system takes).
 */
int engine_init(struct engine *engine, const char *program, const char *state, int stop_fd,
                struct error *error);

/*
 * Ends what runs, finds out which nodes the engine refuses (which takes tens of ms when it refuses
 * none) and starts it with the others, if there are any. nodes are borrowed until the next call,
 * and may be NULL with a count of 0. Returns 0, or -1 with error filled: then nothing runs, and
 * engine_mind tries again.
 */
int engine_use(struct engine *engine, struct engine_node *nodes, size_t count, int64_t now,
               struct error *error);

/*
 * To be called now and then: starts a child that has ended again, 5 s later and, each time that it
 * fails in a row, twice as long, up to 5 minutes. Returns 0, or -1 with error filled when it has
 * ended or could not be started.
 */
int engine_mind(struct engine *engine, int64_t now, struct error *error);

/* Whether it has been started and does not listen yet, which takes it tens of ms. */
bool engine_is_starting(const struct engine *engine);

/* Whether probes by this node can be started. */
bool engine_carries(const struct engine *engine, size_t i);

/* The way through a node, which leads there as long as the engine lives. */
struct probe_via engine_via(const struct engine *engine, size_t i);

/* Ends the child. */
void engine_release(struct engine *engine);

/* For engine.c: the process (engine_child.c). */

/*
 * Starts the program with words (NULL at the end) and input as its standard input, its output
 * going to a new file in memory. Returns the process with *output set, or -1 with error filled.
 */
pid_t engine_spawn(const char *program, const char *const *words, const struct buf *input,
                   int *output, struct error *error);

/* Waits for its end, so many ms. Returns its status as waitpid has it; -1 when it had to be ended.
 */
int engine_wait(pid_t pid, int ms, int stop_fd);

/* The last line of what it said, without what stands before the last " > ", in printable ASCII. */
void engine_last_words(int output, char words[static ENGINE_REASON]);

#endif
