/*
 * signpost, the operator's command: what its subcommands share. Each takes its own arguments
 * (argv[0] is its name) and returns the exit status.
 */
#ifndef SIGNPOST_CLI_H
#define SIGNPOST_CLI_H

#include "config.h"
#include "error.h"
#include "report.h"

/* Exit statuses. What EXIT_FOUND means differs by subcommand; its help says it. */
enum { EXIT_OK = 0, EXIT_FOUND = 1, EXIT_TROUBLE = 2 };

int check_main(int argc, char **argv);
int compile_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int status_main(int argc, char **argv);

/* Prints "signpost: text" on stderr; returns EXIT_TROUBLE. */
int trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For getopt's '?': points to the subcommand's help; returns EXIT_TROUBLE. */
int usage_trouble(const char *subcommand);

/*
 * Loads the settings (file may be NULL) and, unless directory is NULL, puts it in place of the
 * setting `data`. Prints what is wrong and returns -1.
 */
int load_settings(struct config *config, const char *file, const char *directory);

/* Prints that no registry is known; returns EXIT_TROUBLE. */
int no_data(void);

/* A report's function: prints "path:line:column: error: text" to the stream that is its context. */
void print_finding(void *stream, const struct finding *finding);

/* The word for a finding's level. */
const char *level_name(enum finding_level level);

#endif
