/*
 * The VPN engine: a child process of Xray (26 or newer) that carries the probes of what only an
 * engine speaks. Its configuration has an outbound for each node (lib/outbound.h) and one HTTP
 * inbound on a socket in the state directory that only our user can use; the name that a probe
 * logs in with says which outbound it takes. The configuration goes in by standard input: no file
 * holds the UUIDs. It ends with us, however we end.
 *
 * What the engine refuses is found before anything is started, so that one bad node does not
 * silence the rest: all together are tried first, and when they fail without the one whom Xray
 * names; where it names none by halves, down to each bad one alone.
 */
#ifndef SIGNPOST_ENGINE_H
#define SIGNPOST_ENGINE_H

#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "client.h"
#include "error.h"
#include "probe.h"
#include "uuid.h"

enum { ENGINE_REASON = 160, ENGINE_SOCKET = 108, ENGINE_RANGES = 70 };

/* A node that the engine shall carry probes to. */
struct engine_node {
    const struct client *client; /* complete; must live as long as the node */
    struct uuid uuid;
    bool is_refused;            /* the engine does not take it; reason says why */
    char reason[ENGINE_REASON]; /* printable ASCII */
};

/* What the child is at. */
enum engine_phase {
    ENGINE_IDLE,     /* there is none */
    ENGINE_LOOKING,  /* it looks a configuration over */
    ENGINE_STARTING, /* it does not listen yet */
    ENGINE_READY
};

struct engine {
    const char *program;        /* a path, or a name that PATH finds */
    char socket[ENGINE_SOCKET]; /* of the HTTP inbound */
    struct engine_node *nodes;  /* borrowed, between engine_use and the next */
    size_t count;
    enum engine_phase phase;
    pid_t pid;         /* of the child, 0: none */
    int output;        /* what it says, -1: none */
    int64_t started;   /* ms, by the caller's clock: when the child was */
    int64_t retry_at;  /* likewise: nothing is started before */
    unsigned failures; /* in a row */
    struct engine_range {
        size_t from, to;
    } ranges[ENGINE_RANGES]; /* of nodes that are still to be looked over, the last one first */
    unsigned range_count;
    bool is_usable; /* it has taken something */
};

/*
 * Prepares; starts nothing. program must outlive it. Returns 0, or -1 with error filled (the state
 * directory is not there, or no socket may be named so).
 */
int engine_init(struct engine *engine, const char *program, const char *state, struct error *error);

/*
 * Ends what runs, and begins to find out which nodes the engine refuses; then it is started with
 * the others, if there are any (engine_mind). nodes are borrowed until the next call, and may be
 * NULL with a count of 0. Returns 0, or -1 with error filled: then nothing runs, and engine_mind
 * tries again.
 */
int engine_use(struct engine *engine, struct engine_node *nodes, size_t count, int64_t now,
               struct error *error);

/*
 * To be called often while engine_is_starting, and now and then else; never waits. A child that has
 * ended is started again 5 s later and, each time that it fails in a row, twice as long, up to 5
 * minutes. Returns 0, or -1 with error filled when it has ended, hangs or could not be started.
 */
int engine_mind(struct engine *engine, int64_t now, struct error *error);

/* Ends the child and starts it again, without connections from before. Returns as engine_mind. */
int engine_restart(struct engine *engine, int64_t now, struct error *error);

/* Whether it looks nodes over or does not listen yet, which takes tens of ms for each. */
bool engine_is_starting(const struct engine *engine);

/*
 * Whether what a probe found that began then is the node's doing: the engine has lived all the time
 * and is still there.
 */
bool engine_vouches(const struct engine *engine, int64_t began);

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

/*
 * The last line of what it said, without what stands before the last " > ", in printable ASCII.
 * Returns the number in the tag that the line names ("n17"), or SIZE_MAX.
 */
size_t engine_last_words(int output, char words[static ENGINE_REASON]);

#endif
