#include "fcgi_request.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One pass over "NAME=value" strings; of a name that comes twice, the first counts. */
static void
collect(char *const *parameters, struct request *request)
{
    static const struct {
        const char *name;
        size_t len;
    } names[] = {{"REQUEST_METHOD=", 15},      {"PATH_INFO=", 10},       {"QUERY_STRING=", 13},
                 {"HTTP_IF_NONE_MATCH=", 19},  {"HTTP_USER_AGENT=", 16}, {"HTTP_ACCEPT=", 12},
                 {"HTTP_ACCEPT_LANGUAGE=", 21}};
    const char **values[] = {&request->method,        &request->path,       &request->query,
                             &request->if_none_match, &request->user_agent, &request->accept,
                             &request->language};
    size_t i;

    *request = (struct request){.method = NULL};
    for (; *parameters != NULL; parameters++) {
        const char *p = *parameters;

        if (p[0] != 'R' && p[0] != 'P' && p[0] != 'Q' && p[0] != 'H')
            continue;
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (*values[i] == NULL && strncmp(p, names[i].name, names[i].len) == 0)
                *values[i] = p + names[i].len;
    }
}

int
fcgi_request_read(FCGX_Request *fcgi, int fd, bool is_clean, struct request *request)
{
    FCGX_InitRequest(fcgi, -1, 0);
    /* Fields that fcgiapp.h asks not to touch; they have been the same since 2001. */
    fcgi->ipcFd = fd;
    fcgi->keepConnection = 1;
    if (FCGX_Accept_r(fcgi) != 0)
        return -1;
    /* It takes a read error for the end of the parameters, and does not read the empty body. */
    if ((is_clean && FCGX_GetChar(fcgi->in) != EOF) || FCGX_GetError(fcgi->in) != 0) {
        FCGX_Free(fcgi, 0);
        close(fd);
        return -1;
    }
    collect(fcgi->envp, request);
    return 0;
}

void
fcgi_request_release(FCGX_Request *fcgi)
{
    FCGX_Free(fcgi, 0);
}
