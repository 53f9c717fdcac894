#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool use_syslog;

void
log_open(void)
{
    struct stat null, err;

    use_syslog = fstat(STDERR_FILENO, &err) != 0 ||
                 (stat("/dev/null", &null) == 0 && S_ISCHR(err.st_mode) &&
                  err.st_rdev == null.st_rdev);
    if (use_syslog)
        openlog("signpost.fcgi", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void
log_say(int priority, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    if (use_syslog) {
        vsyslog(priority, format, args);
    } else {
        vsnprintf(line, sizeof(line), format, args);
        fprintf(stderr, "signpost.fcgi[%d]: %s\n", (int)getpid(), line);
    }
    va_end(args);
}
