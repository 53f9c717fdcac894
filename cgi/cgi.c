#include "cgi.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "file.h"

enum { BODY_MAX = 1024 * 1024, OUT_MAX = 4 * 1024 * 1024 };

/*
 * Where the web server gives a body by a socket (Apache's mod_cgid), leaving it unread would reset
 * that and lose the answer. Nothing else is done with it.
 */
static void
discard_body(void)
{
    const char *length = getenv("CONTENT_LENGTH");
    long left = length != NULL ? strtol(length, NULL, 10) : 0;
    char bytes[4096];
    ssize_t n;

    if (left > BODY_MAX)
        left = BODY_MAX;
    while (left > 0) {
        n = read(STDIN_FILENO, bytes, left < (long)sizeof(bytes) ? (size_t)left : sizeof(bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        left -= n;
    }
}

int
cgi_run(struct service *service)
{
    struct request request = {
        .method = getenv("REQUEST_METHOD"),
        .path = getenv("PATH_INFO"),
        .query = getenv("QUERY_STRING"),
        .if_none_match = getenv("HTTP_IF_NONE_MATCH"),
        .user_agent = getenv("HTTP_USER_AGENT"),
        .accept = getenv("HTTP_ACCEPT"),
        .language = getenv("HTTP_ACCEPT_LANGUAGE"),
    };
    struct buf out;
    int rc;

    discard_body();
    buf_init(&out, OUT_MAX);
    service_answer(service, &request, &out);
    rc = out.failed || file_write_all(STDOUT_FILENO, out.data, out.len) != 0 ? 1 : 0;
    buf_release(&out);
    return rc;
}
