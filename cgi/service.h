/*
 * What a responder process holds on to: settings, the open snapshot, and room to answer in. Keeps
 * the snapshot current; an unusable new file never costs the one that works.
 */
#ifndef SIGNPOST_SERVICE_H
#define SIGNPOST_SERVICE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "respond.h"
#include "snapshot.h"

/* How old, in milliseconds, the knowledge of the file may get. */
enum { SERVICE_LOOK_MS = 200 };

/* How many nanoseconds every miss takes: some times what any of them needs. */
enum { SERVICE_MISS_NS = 5000 };

struct service {
    struct config config;
    struct site site;
    struct snapshot snapshot;
    char path[PATH_MAX];  /* of the snapshot file */
    char usage[PATH_MAX]; /* of the usage file */
    int spare;            /* a descriptor held for opening the next snapshot, or -1 */
    int64_t looked;       /* when, on the monotonic clock in milliseconds; -1: never */
    char said[512];       /* the last problem that was logged */
    bool is_to_stay;      /* more than one request: what the first would take is done before */
    bool is_quiet;        /* do not tell why a snapshot cannot be opened */
    bool wants_rebuild;   /* the snapshot has turned out to be damaged */
    bool said_damaged;    /* that the open snapshot is damaged */
    bool said_no_path;    /* that the web server sends no PATH_INFO */
};

/* Loads the settings (file may be NULL) and tries to open the snapshot. Returns -1 with error. */
int service_init(struct service *service, const char *file, struct error *error);
void service_release(struct service *service);

/* Opens the snapshot again if the file has changed; says what is wrong with it, once. */
void service_look(struct service *service, int64_t now_ms);

/* Of the files that the service reads: how many paths service_readable may give. */
enum { SERVICE_READABLE_MAX = 20 };

/*
 * Writes the paths of all that the service may read from now on, files or the directories of files
 * that are replaced. Returns how many.
 */
size_t service_readable(const struct service *service, char paths[SERVICE_READABLE_MAX][PATH_MAX]);

/* Answers one request as CGI output, appended to out. */
void service_answer(struct service *service, const struct request *request, struct buf *out);

#endif
