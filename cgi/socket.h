/* A listening UNIX socket of our own, for starts by hand. */
#ifndef SIGNPOST_SOCKET_H
#define SIGNPOST_SOCKET_H

#include "error.h"

/*
 * Binds and listens at a path, mode 0660. A socket that nobody listens on is replaced; one that
 * somebody does is left alone, and an error. Returns the descriptor, or -1 with error filled.
 */
int socket_listen(const char *path, struct error *error);

/* Removes the socket, if it still is the one that socket_listen made. */
void socket_remove(const char *path);

#endif
