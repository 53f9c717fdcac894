/*
 * The child process that keeps the snapshot fresh where nobody else does: `signpost compile
 * --watch`, for trials and shared hosting.
 */
#ifndef SIGNPOST_REFRESHER_H
#define SIGNPOST_REFRESHER_H

#include <sys/types.h>

#include "error.h"

struct refresher {
    pid_t pid; /* 0: none */
    int pipe;  /* its other end tells the child that we live */
};

/*
 * Starts it, with the given settings file (NULL: as by default) and this environment. Its
 * standard descriptors lead to /dev/null and it inherits no other but the pipe: a child that held
 * the listening socket would keep web servers from starting a new responder. Returns 0, or -1 with
 * error filled.
 */
int refresher_start(struct refresher *refresher, const char *config_file, struct error *error);

/* After SIGCHLD: returns whether it was this child that ended. */
int refresher_ended(struct refresher *refresher);

/* Ends the child and waits for its end. Should we be killed instead, the pipe ends it. */
void refresher_stop(struct refresher *refresher);

#endif
