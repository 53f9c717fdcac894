#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

void
report_add_at(struct report *report, enum finding_level level, const char *path, unsigned line,
              unsigned column, const char *text)
{
    char one_line[480];
    struct finding finding = {level, path, line, column, one_line};
    size_t len = text_cut(text, sizeof(one_line) - 1);

    if (report == NULL)
        return;
    /* What is quoted may hold anything; a finding is one line of text. */
    memcpy(one_line, text, len);
    one_line[len] = '\0';
    text_clean(one_line);
    report->counts[level]++;
    if (report->add != NULL)
        report->add(report->context, &finding);
}

void
report_add(struct report *report, enum finding_level level, const char *path, const char *format,
           ...)
{
    char text[1024];
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
