#include "connection.h"

#include <stddef.h>

/* In milliseconds: a request that has begun must be whole, an answer taken, a rest thrown away. */
static const int64_t time_allowed[STATES] = {
    [STATE_IDLE] = 0, [STATE_HEAD] = 5000, [STATE_WRITING] = 30000, [STATE_LINGER] = 1000};

void
connection_add(struct connections *connections, struct connection *connection, enum state state,
               int64_t now)
{
    connection->state = state;
    connection->deadline = now + time_allowed[state];
    connection->next = NULL;
    connection->previous = connections->last[state];
    if (connection->previous != NULL)
        connection->previous->next = connection;
    else
        connections->first[state] = connection;
    connections->last[state] = connection;
}

void
connection_remove(struct connections *connections, struct connection *connection)
{
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        connections->first[connection->state] = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    else
        connections->last[connection->state] = connection->previous;
}

void
connection_move(struct connections *connections, struct connection *connection, enum state state,
                int64_t now)
{
    connection_remove(connections, connection);
    connection_add(connections, connection, state, now);
}

struct connection *
connection_overdue(const struct connections *connections, int64_t now)
{
    int state;

    for (state = STATE_IDLE + 1; state < STATES; state++)
        if (connections->first[state] != NULL && connections->first[state]->deadline <= now)
            return connections->first[state];
    return NULL;
}

int64_t
connection_deadline(const struct connections *connections)
{
    int64_t first = INT64_MAX;
    int state;

    for (state = STATE_IDLE + 1; state < STATES; state++)
        if (connections->first[state] != NULL && connections->first[state]->deadline < first)
            first = connections->first[state]->deadline;
    return first;
}

struct connection *
connection_any(const struct connections *connections)
{
    int state;

    for (state = STATE_IDLE; state < STATES; state++)
        if (connections->first[state] != NULL)
            return connections->first[state];
    return NULL;
}
