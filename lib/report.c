#include "report.h"

#include <stdarg.h>
#include <stdio.h>

void
report_add_at(struct report *report, enum finding_level level, const char *path, unsigned line,
              unsigned column, const char *text)
{
    struct finding finding = {level, path, line, column, text};

    if (report == NULL)
        return;
    report->counts[level]++;
    if (report->add != NULL)
        report->add(report->context, &finding);
}

void
report_add(struct report *report, enum finding_level level, const char *path, const char *format,
           ...)
{
    char text[480];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    report_add_at(report, level, path, 0, 0, text);
}

void
report_error(struct report *report, const char *path, const struct error *error)
{
    report_add_at(report, FINDING_ERROR, path, error->line, error->column, error->text);
}
