/* What compile.c and compile_watch.c share; for them only. */
#ifndef SIGNPOST_COMPILE_PARTS_H
#define SIGNPOST_COMPILE_PARTS_H

#include "pass.h"

/* The last thing that kept us from compiling, so that it is told once; "" for none. */
struct complaint {
    char text[sizeof(((struct error *)NULL)->text)];
};

/* Tells of an obstacle unless it is the one that was told last. priority is syslog's. */
void compile_complain(struct complaint *last, int priority, const char *what, const char *text);

/* A report's function: tells a finding, without whole UUIDs, where others are told. */
void compile_say_finding(void *context, const struct finding *finding);

/* One pass, alone on this machine, and what is to be told of it. Returns the exit status. */
int compile_pass(struct pass *pass, struct complaint *last);

/* Milliseconds of the monotonic clock. */
int64_t compile_clock(void);

/* How long to leave the registry alone after a look that took this long: not to be a burden. */
int64_t compile_rest(int64_t took_ms, int64_t least);

/* Watches until the pipe's other end closes (-1: for good). Returns the exit status. */
int compile_watch(const struct config *config, int pipe);

#endif
