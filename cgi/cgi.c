#include "cgi.h"

#include <stdlib.h>
#include <unistd.h>

#include "file.h"

int
cgi_run(struct service *service)
{
    struct request request = {
        .method = getenv("REQUEST_METHOD"),
        .path = getenv("PATH_INFO"),
        .query = getenv("QUERY_STRING"),
        .if_none_match = getenv("HTTP_IF_NONE_MATCH"),
    };
    struct buf out;
    int rc;

    buf_init(&out, 4 * 1024 * 1024);
    service_answer(service, &request, &out);
    rc = out.failed || file_write_all(STDOUT_FILENO, out.data, out.len) != 0 ? 1 : 0;
    buf_release(&out);
    return rc;
}
