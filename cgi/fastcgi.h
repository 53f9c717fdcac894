/*
 * FastCGI on a listening socket: one thread, many connections, an event loop over libfcgi.
 */
#ifndef SIGNPOST_FASTCGI_H
#define SIGNPOST_FASTCGI_H

#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "respond.h"

/* What the loop serves; every call gets the context. */
struct fastcgi_app {
    void *context;
    /* Appends the CGI output of one request. */
    void (*answer)(void *context, const struct request *request, struct buf *out);
    /* Called before the requests of each turn of the loop; now is monotonic, in milliseconds. */
    void (*turn)(void *context, int64_t now_ms);
    /* A child process has ended (SIGCHLD). */
    void (*child)(void *context);
};

/*
 * Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGCHLD, which the loop then takes, and ignores
 * SIGPIPE. To be called before anything that a signal should not interrupt.
 */
void fastcgi_block_signals(void);

/*
 * Serves the listening socket until SIGTERM, SIGINT, SIGHUP or SIGUSR1, then finishes what has
 * been accepted, for at most 200 ms. Returns 0 then, or -1 with error filled when it could not
 * start. The socket stays the caller's.
 */
int fastcgi_run(int listener, const struct fastcgi_app *app, struct error *error);

#endif
