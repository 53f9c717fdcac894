/* A request by libfcgi, from a connection that is known (head.h) to hold a whole one. */
#ifndef SIGNPOST_FCGI_REQUEST_H
#define SIGNPOST_FCGI_REQUEST_H

#include <stdbool.h>

#include <fcgiapp.h>

#include "respond.h"

/*
 * Reads the request from fd without waiting, given that it is whole; is_clean says that its end
 * is there too, and is then taken off the socket. Fills request with pointers into fcgi, good
 * until fcgi_request_release. Returns 0, or -1 when libfcgi does not like it after all: then
 * fd is closed and nothing needs a release.
 */
int fcgi_request_read(FCGX_Request *fcgi, int fd, bool is_clean, struct request *request);

/* Frees what the request holds. fd stays open, and nothing is written to it. */
void fcgi_request_release(FCGX_Request *fcgi);

#endif
