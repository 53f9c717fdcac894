/*
 * The event loop's connections, each in the list of its state. All connections of a state have
 * the same time allowed, so the first of a list is the one whose time ends first; the idle have
 * no limit, and the first of them has been idle longest.
 */
#ifndef SIGNPOST_CONNECTION_H
#define SIGNPOST_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum state {
    STATE_IDLE,    /* nothing of a request has come */
    STATE_HEAD,    /* some of it */
    STATE_WRITING, /* the peer does not take the answer fast enough */
    STATE_LINGER,  /* answered; unread bytes are thrown away so that the answer is not lost */
};

#define STATES (STATE_LINGER + 1)

struct connection {
    struct connection *previous, *next;
    int64_t deadline; /* monotonic milliseconds; does not count while idle */
    int fd;
    enum state state;
    bool is_clean; /* nothing unread lies behind the request */
    bool keep;     /* after the answer */
    size_t written;
    struct buf out; /* what could not be written at once */
};

struct connections {
    struct connection *first[STATES], *last[STATES];
};

/* Puts a connection that is in no list at the end of a state's list; now as for deadline. */
void connection_add(struct connections *connections, struct connection *connection,
                    enum state state, int64_t now);

/* Takes a connection out of its list. */
void connection_remove(struct connections *connections, struct connection *connection);

/* Takes it from one list to the end of another, with the time of the new state. */
void connection_move(struct connections *connections, struct connection *connection,
                     enum state state, int64_t now);

/* A connection whose time is over, or NULL. */
struct connection *connection_overdue(const struct connections *connections, int64_t now);

/* The earliest deadline of any connection, or INT64_MAX. */
int64_t connection_deadline(const struct connections *connections);

/* Any connection, or NULL when there is none. */
struct connection *connection_any(const struct connections *connections);

#endif
