/*
 * What the responder can still do once it is ready: answer on the descriptors that it has, and read
 * what it serves. By seccomp (libseccomp) an allow-list of system calls, by Landlock, where the
 * kernel has it (5.13), no file but those named here; no_new_privs, no core dumps, nobody of the
 * same user looks into it. What is not allowed fails with EPERM (EACCES for files): a call that a
 * library makes in vain must not become an outage.
 */
#ifndef SIGNPOST_SANDBOX_H
#define SIGNPOST_SANDBOX_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* What is left open. */
struct sandbox {
    /*
     * Files to read, and directories to read all files of, as they are now, not what comes in
     * their place; of what is not there yet, the nearest directory above that is there.
     */
    const char *const *readable;
    size_t readable_count;
    const char *socket; /* a file to remove at the end; NULL: none */
    pid_t child;        /* a process to end; 0: none */
};

enum sandbox_state {
    SANDBOX_FAILED = -1, /* error is filled; part of it may be in place */
    SANDBOX_FULL,
    SANDBOX_WITHOUT_LANDLOCK, /* the kernel has none: any file can be read that the user may read */
    SANDBOX_LEFT_OUT          /* built with AddressSanitizer, which could not work in it */
};

/* Enters it for good. Of one thread; children keep what it takes away, those before are not in it.
 */
enum sandbox_state sandbox_enter(const struct sandbox *sandbox, struct error *error);

/* No core dumps (they would hold UUIDs), and no look into the process for others of its user. */
void sandbox_keep_memory(void);

#endif
