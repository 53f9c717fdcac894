/*
 * The responder's words to the operator: stderr, or syslog where stderr leads nowhere (spawn-fcgi
 * gives /dev/null). Never a UUID, never an address.
 */
#ifndef SIGNPOST_LOG_H
#define SIGNPOST_LOG_H

#include <syslog.h>

/* Looks where stderr leads; call once. */
void log_open(void);

/* Says one line (printf-like, without newline) at a priority of syslog(3). */
void log_say(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
