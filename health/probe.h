/*
 * Probes: whether an entry node lets a client through, asked as a client does. Each makes its own
 * connection, speaks VLESS over whatever the link says, asks a target for a page and takes nothing
 * but the exact VLESS header and the expected HTTP status for a sign of life. Many at once in one
 * thread (but name look-ups, which libcurl gives threads), by libcurl's multi interface: it makes
 * the connections, and TLS.
 *
 * libcurl's TLS is not a browser's: a probe tells that a node lives, not that a censor lets the
 * app's greeting through.
 */
#ifndef SIGNPOST_PROBE_H
#define SIGNPOST_PROBE_H

#include "client.h"
#include "error.h"
#include "target.h"
#include "uuid.h"

enum probe_verdict {
    PROBE_ALIVE,
    PROBE_FAILED,      /* clients of this entry cannot get through */
    PROBE_TARGET_DOWN, /* it lets through, to the second target; the first one is at fault */
    PROBE_UNSUPPORTED, /* nothing was tried: this takes a VPN engine */
    PROBE_UNKNOWN      /* nothing was learnt: this machine has no way there, or no room */
};

enum { PROBE_TIMEOUT_MS = 8000, PROBE_AT_ONCE = 16, PROBE_REASON = 200 };

struct probe_result {
    enum probe_verdict verdict;
    /*
     * From the first step (looking the name up) to the target's status, as apps show a delay;
     * 0 when there was none. With PROBE_TARGET_DOWN the second target's.
     */
    unsigned ms;
    /* For people, in printable ASCII; empty when all is well. It names no UUID. */
    char reason[PROBE_REASON];
};

/* Strings must live as long as the prober. */
struct probe_options {
    struct target target;
    /*
     * Asked when an entry took the request but nothing right came of it, so that a target which is
     * down is not taken for dead nodes. host NULL: none.
     */
    struct target second;
    struct target large; /* for probes with is_large; host NULL: those ask for target, too */
    /*
     * Of a whole probe, 0: PROBE_TIMEOUT_MS. Where there is a second target, the first one must
     * answer within two thirds of it.
     */
    unsigned timeout_ms;
    unsigned at_once;    /* 0: PROBE_AT_ONCE */
    const char *ca_file; /* certificates to trust instead of the system's, PEM; or NULL */
    int wake_fd;         /* prober_step returns at once when it is readable; -1: none */
};

/* A way through the VPN engine: an HTTP proxy (RFC 9110 section 9.3.6) on a UNIX socket. */
struct probe_via {
    const char *socket;
    char user[24]; /* as whom to log in, which says which node it leads through */
};

/* Called once for each probe, from prober_step; it may start others. */
typedef void probe_done(void *context, void *cookie, const struct probe_result *result);

/* Returns a prober, which the caller frees; or NULL with error filled. */
struct prober *prober_new(const struct probe_options *options, probe_done *done, void *context,
                          struct error *error);

/* Ends all probes, without calling done. Not to be called from done. NULL is ignored. */
void prober_free(struct prober *prober);

/*
 * Why this takes an engine, or NULL: reality, xhttp, vision, VLESS encryption, encrypted client
 * hello; or a name that fits no HTTP header.
 */
const char *probe_unsupported(const struct client *client);

/*
 * Queues a probe; it starts when fewer than at_once are under way. The client (complete, with
 * address) must live until done has been called, always by a later prober_step. client NULL: the
 * targets are asked directly, which tells whether this machine's own network works. is_large: the
 * large target is asked for; that its bytes stop coming is the entry's fault. Returns 0, or -1 with
 * error filled (no memory).
 */
int prober_start(struct prober *prober, const struct client *client, const struct uuid *uuid,
                 bool is_large, void *cookie, struct error *error);

/*
 * The same by the VPN engine: only what the target says counts, and an engine that cannot be used
 * is PROBE_UNKNOWN. via is copied, its socket's path must live as long as the prober.
 */
int prober_start_via(struct prober *prober, const struct probe_via *via, bool is_large,
                     void *cookie, struct error *error);

/* How many probes are queued or under way. */
size_t prober_count(const struct prober *prober);

/*
 * Waits until something happens, wait_ms at most, and does what there is to do; it waits without
 * probes too. Returns 0, or -1 with error filled (out of memory, or libcurl is at its end).
 */
int prober_step(struct prober *prober, unsigned wait_ms, struct error *error);

#endif
