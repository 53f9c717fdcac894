/*
 * Looking at a FastCGI request before libfcgi reads it (FastCGI Specification 1.0, section 3).
 *
 * libfcgi blocks on half a request, can be made to abort by lengths that do not fit memory and to
 * overrun its stack by FCGI_GET_VALUES. So what lies in the socket is looked at first, and only a
 * request that is whole, small and plain is handed on. A peer that sends its next request before
 * the end of an answer breaks the specification (3.3) and may lose it: libfcgi may read on beyond
 * what was looked at, and throws that away.
 */
#ifndef SIGNPOST_HEAD_H
#define SIGNPOST_HEAD_H

#include <stdbool.h>
#include <stddef.h>

enum {
    /*
     * Bytes of records up to the end of the parameters. lighttpd and Apache pass a path, which may
     * have 8 KiB, in half a dozen of them.
     */
    HEAD_MAX = 64 * 1024,
    HEAD_PAIRS_MAX = 512,
    /* Enough bytes to judge any request: this many are never a part of one. */
    HEAD_PEEK = HEAD_MAX + 8 + 256
};

enum head_verdict {
    HEAD_WHOLE,
    HEAD_PART, /* nothing wrong so far, but there must come more */
    HEAD_BAD   /* not a request that we take: close the connection */
};

struct head {
    bool keep_connection; /* the peer's FCGI_KEEP_CONN */
    /*
     * The request ends with an empty FCGI_STDIN and nothing comes after it. Only then may the
     * connection be kept: libfcgi does not skip a body, and what a client put into one would be
     * read as the next request.
     */
    bool is_clean;
};

/*
 * Judges the first len bytes of a connection: FCGI_BEGIN_REQUEST as responder, FCGI_PARAMS (well
 * formed, without NUL), the end of the parameters and the first FCGI_STDIN record's head, all of
 * one request id, without padding where libfcgi would not skip it. head is filled when the verdict
 * is HEAD_WHOLE.
 */
enum head_verdict head_check(const unsigned char *bytes, size_t len, struct head *head);

#endif
