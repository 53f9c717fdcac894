/* Plain CGI (RFC 3875): one request from the environment, the answer to stdout. */
#ifndef SIGNPOST_CGI_H
#define SIGNPOST_CGI_H

#include "service.h"

/* Returns the exit status: 0, or 1 when the answer could not be written. */
int cgi_run(struct service *service);

#endif
