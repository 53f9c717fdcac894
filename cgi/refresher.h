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

/* Asks the child to compile now, since the snapshot has turned out to be damaged. */
void refresher_rebuild(const struct refresher *refresher);

enum refresher_run {
    REFRESHER_AWAITED,    /* compile, and wait for it */
    REFRESHER_BACKGROUND, /* look whether there is anything to compile; runs alone */
    REFRESHER_REPAIR      /* look at every byte of the snapshot, too; runs alone */
};

/*
 * For a CGI program, which has no child: compiles once. Returns 0, or -1 with error filled when
 * that cannot be started.
 */
int refresher_run(const char *config_file, enum refresher_run how, struct error *error);

#endif
