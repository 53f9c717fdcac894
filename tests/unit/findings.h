/* A report that keeps what it is told, for tests of what is said about records. */
#ifndef SIGNPOST_UNIT_FINDINGS_H
#define SIGNPOST_UNIT_FINDINGS_H

#include <stdio.h>

#include "report.h"

enum { FOUND_MAX = 64 };

struct found {
    enum finding_level level;
    unsigned line, column;
    char path[128];
    char text[512];
};

struct findings {
    struct report report;
    size_t count; /* of all; items hold the first FOUND_MAX */
    struct found items[FOUND_MAX];
};

static inline void
findings_add(void *context, const struct finding *finding)
{
    struct findings *findings = context;
    struct found *found;

    if (findings->count < FOUND_MAX) {
        found = &findings->items[findings->count];
        found->level = finding->level;
        found->line = finding->line;
        found->column = finding->column;
        snprintf(found->path, sizeof(found->path), "%s", finding->path);
        snprintf(found->text, sizeof(found->text), "%s", finding->text);
    }
    findings->count++;
}

/* Forgets what was found; to be called before the report is used. */
static inline void
findings_init(struct findings *findings)
{
    memset(findings, 0, sizeof(*findings));
    findings->report.add = findings_add;
    findings->report.context = findings;
}

/* The first finding of a level whose text holds the part, or NULL. */
static inline const struct found *
findings_look(const struct findings *findings, enum finding_level level, const char *part)
{
    size_t i;

    for (i = 0; i < findings->count && i < FOUND_MAX; i++)
        if (findings->items[i].level == level && strstr(findings->items[i].text, part) != NULL)
            return &findings->items[i];
    return NULL;
}

/* Everything that was found, for the message of a test that fails. */
static inline void
findings_print(const struct findings *findings)
{
    size_t i;

    for (i = 0; i < findings->count && i < FOUND_MAX; i++)
        print_error("  %s:%u:%u: level %d: %s\n", findings->items[i].path, findings->items[i].line,
                    findings->items[i].column, (int)findings->items[i].level,
                    findings->items[i].text);
}

#endif
