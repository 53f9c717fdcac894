/*
 * Which nodes are alive: a file `health` in the state directory that signpost-health writes anew
 * after every round, and everybody else only reads. A vantage is a place that nodes are asked from;
 * each writes a file of its own, and those of other places are copied here by whatever means.
 *
 *     signpost-health 1 <sequence> <generated> <ttl> <vantage> <count>
 *     <key> <state> <since> <last success> <last try> <round trip> <spoke> <name>[ <reason>]
 *     end <checksum>
 *
 * Single spaces, a newline behind each line. Numbers are decimal digits without leading zeros;
 * times are seconds since the epoch, 0 for never.
 *
 *     sequence    of a vantage's files: never lower in a later one
 *     ttl         how many seconds after it was generated the file still counts, 1 to a day
 *     vantage     its name: 1 to 64 letters, digits, '-', '.' and '_'
 *     count       the number of node lines; they ascend by key, no key stands twice
 *     key         16 hexadecimal digits in lower case: a node with this very configuration
 *     state       what is found of it from this vantage; for whoever serves it means
 *                     alive, unknown   as ever
 *                     down             last in the list
 *                     dead, blocked    left out
 *     since       when this state began
 *     round trip  of the last success, in milliseconds
 *     spoke       native or engine: who found out; none: nobody yet
 *     name        of the node, for people, percent-encoded, "-" when it has none
 *     reason      why it is not alive, or why nothing is known; or HEALTH_LETS_ANYBODY, or why the
 *                 last probe of one that is alive failed: UTF-8, no control characters
 *     checksum    16 hexadecimal digits: SipHash of every byte before this line (siphash.h)
 *
 * Only what is known to be bad takes a node away from people: a file that is not there, cannot be
 * read, is damaged or too old is none, and of a node that no file speaks of nothing is known.
 * After facts/operations.md section 1, "Recommended design".
 */
#ifndef SIGNPOST_HEALTH_H
#define SIGNPOST_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"
#include "pool.h"

#define HEALTH_FILE "health"

/* The reason of a node that is alive, and that a UUID which nobody has gets through, too. */
#define HEALTH_LETS_ANYBODY "lets in a random UUID, too: is it the server that it should be?"

enum {
    HEALTH_FORMAT = 1,
    HEALTH_BYTES_MAX = 32 * 1024 * 1024, /* of a file: some 200,000 nodes */
    HEALTH_VANTAGE_MAX = 64,
    HEALTH_NAME_MAX = 200,   /* bytes; what is longer is cut */
    HEALTH_REASON_MAX = 200, /* bytes; what is longer is cut */
    HEALTH_TTL_MAX = 24 * 3600,
    HEALTH_AHEAD_MAX = 120, /* how many seconds clocks may differ */
};

enum health_state { HEALTH_UNKNOWN, HEALTH_ALIVE, HEALTH_DOWN, HEALTH_DEAD, HEALTH_BLOCKED };
enum health_speaker { HEALTH_NONE, HEALTH_NATIVE, HEALTH_ENGINE };

/* The words of the file. */
const char *health_state_word(enum health_state state);
const char *health_speaker_word(enum health_speaker speaker);

/* Of a file as a whole. */
struct health_head {
    uint64_t sequence;
    int64_t generated; /* seconds since the epoch */
    int64_t ttl;       /* seconds */
    char vantage[HEALTH_VANTAGE_MAX + 1];
};

/* All that a file says of a node. */
struct health_entry {
    uint64_t key;
    enum health_state state;
    enum health_speaker spoke;
    int64_t since, last_success, last_try; /* seconds since the epoch, 0: never */
    uint32_t round_trip;                   /* ms */
    const char *name;                      /* not encoded; "" or NULL: none */
    const char *reason;                    /* "" or NULL: none */
};

/* Whether the file counts at a time: not past its ttl, nor too far in the future. */
bool health_head_is_fresh(const struct health_head *head, int64_t now);

/* Writing. */

/* Whether this may be a vantage's name. */
bool health_is_vantage(const char *name);

/* The ttl of files that are written every so many seconds: five of these, at least 5 minutes. */
int64_t health_ttl(int64_t interval);

/*
 * The sequence of the next file, written at a time in seconds since the epoch. before is the head
 * of the one that lies there, NULL when there is none that can be read: even then the sequence
 * is higher than all before, unless the clock has been set back.
 */
uint64_t health_next_sequence(const struct health_head *before, int64_t now);

/*
 * Writes a file as a whole: a temporary name (path and ".new": state_tidy removes *.tmp), sync,
 * rename, sync of the directory. Mode 0640. Only one may write at a time. The entries ascend by
 * key; names and reasons may be any bytes, what may not stand in the file is replaced. Returns 0,
 * or -1 with error filled and the file as it was.
 */
int health_write(const char *path, const struct health_head *head,
                 const struct health_entry *entries, size_t count, struct error *error);

/* Reading all of it, for people and for whoever writes the next one. */

struct health_report {
    struct health_head head;
    struct health_entry *entries; /* ascending by key; strings are never NULL */
    size_t count;
    struct pool pool; /* holds the above */
};

/*
 * Reads a file whole, however old. Returns 0, or -1 with error filled (its line set where one is to
 * blame). Release the report in either case.
 */
int health_read_all(struct health_report *report, const char *path, struct error *error);
void health_release_all(struct health_report *report);

/* Looking nodes up. */

struct health_node {
    uint64_t key;
    int64_t since; /* seconds since the epoch */
    enum health_state state;
};

/* What one vantage says. */
struct health {
    bool is_there;             /* a good file; else there is none, or problem says what it is */
    struct health_head head;   /* of the last good file, also when that is no longer there */
    struct health_node *nodes; /* ascending by key */
    size_t count;
    struct stat st;    /* of the file when it was opened, good or not */
    char problem[300]; /* "": none; what lies there and why it does not count */
};

void health_init(struct health *health);
void health_close(struct health *health);

/*
 * Reads the file again if another lies there, or another content; costs one stat otherwise. The
 * whole file is checked: what is not as above is none. So is one with a lower sequence than that of
 * a good one before it from the same vantage: an old copy has come back.
 */
void health_look(struct health *health, const char *path);

/* Whether there is a file that counts at a time. */
bool health_is_fresh(const struct health *health, int64_t now);

/* What the file says of a node, however old it is; NULL when it does not. */
const struct health_node *health_find(const struct health *health, uint64_t key);

/* Several vantages. */

struct vantage {
    struct health health;
    bool is_inside; /* where the users are, and what blocks them */
};

/*
 * What is known of a node from all vantages together.
 *
 * Only files that are fresh count, and of these only those that know the node: it stands in them
 * and is not unknown. Inside and outside vantages are heard apart. Of each side's that know it,
 *     more than half say down, dead or blocked, and
 *         more than half say dead or blocked: dead; blocked, if most of these say blocked
 *         else:                               down
 *     else:                                   alive
 *     none knows it:                          unknown
 * So a side of two withdraws a node only when they agree. Then:
 *
 *     inside     outside           together
 *     unknown    any               as outside
 *     alive      any               alive      (people get there: so it lives)
 *     down       any               down
 *     dead       alive             blocked
 *     dead       any other         dead
 *     blocked    any               blocked
 */
enum health_state health_combine(const struct vantage *vantages, size_t count, int64_t now,
                                 uint64_t key);

#endif
