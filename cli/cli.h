/*
 * signpost, the operator's command: what its subcommands share. Each takes its own arguments
 * (argv[0] is its name) and returns the exit status.
 */
#ifndef SIGNPOST_CLI_H
#define SIGNPOST_CLI_H

#include <jansson.h>

#include "config.h"
#include "error.h"
#include "registry.h"
#include "report.h"

/* Exit statuses. What EXIT_FOUND means differs by subcommand; its help says it. */
enum { EXIT_OK = 0, EXIT_FOUND = 1, EXIT_TROUBLE = 2 };

int check_main(int argc, char **argv);
int compile_main(int argc, char **argv);
int diff_main(int argc, char **argv);
int drain_main(int argc, char **argv); /* undrain too */
int explain_main(int argc, char **argv);
int rekey_main(int argc, char **argv);
int status_main(int argc, char **argv);
int token_main(int argc, char **argv);

/* Prints "signpost: text" on stderr; returns EXIT_TROUBLE. */
int trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For getopt's '?': points to the subcommand's help; returns EXIT_TROUBLE. */
int usage_trouble(const char *subcommand);

/*
 * Loads the settings (file may be NULL) and, unless directory is NULL, puts it in place of the
 * setting `data`. Prints what is wrong and returns -1.
 */
int load_settings(struct config *config, const char *file, const char *directory);

/*
 * Reads the registry as a compile would now, with the records that are kept back where what the
 * last one remembers can be read. Prints why it cannot and returns -1.
 */
int load_served(const struct config *config, struct registry *registry);

/*
 * Reads the files under a directory, committed or not, with everything that is wrong with them.
 * Prints why it cannot and returns -1.
 */
int load_files(const char *directory, struct registry *registry, struct report *report);

/* Prints that no registry is known; returns EXIT_TROUBLE. */
int no_data(void);

/* A report's function: prints "path:line:column: error: text" to the stream that is its context. */
void print_finding(void *stream, const struct finding *finding);

/* Text for JSON, of whatever bytes: a file's name need not be UTF-8, and then is shown in ASCII. */
json_t *json_text(const char *text);

/* The word for a finding's level. */
const char *level_name(enum finding_level level);

#endif
