#include "error.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static void
set(struct error *error, unsigned line, unsigned column, const char *format, va_list args)
{
    char whole[1024];
    size_t len;

    error->line = line;
    error->column = column;
    error->is_shortage = false;
    vsnprintf(whole, sizeof(whole), format, args);
    /* What is quoted may be long; cut it between characters. */
    len = text_cut(whole, sizeof(error->text) - 1);
    memcpy(error->text, whole, len);
    error->text[len] = '\0';
}

int
error_set(struct error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(error, 0, 0, format, args);
    va_end(args);
    return -1;
}

int
error_no_memory(struct error *error)
{
    error_set(error, "out of memory");
    error->is_shortage = true;
    return -1;
}

int
error_errno(struct error *error, int code)
{
    error_set(error, "%s", strerror(code));
    error->is_shortage = code == ENOMEM || code == EMFILE || code == ENFILE;
    return -1;
}

int
error_set_at(struct error *error, unsigned line, unsigned column, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(error, line, column, format, args);
    va_end(args);
    return -1;
}

char *
error_string(const struct error *error, const char *path, char *out, size_t size)
{
    char whole[PATH_MAX + sizeof(error->text)];
    size_t len;

    if (error->line > 0)
        snprintf(whole, sizeof(whole), "%s:%u:%u: %s", path, error->line, error->column,
                 error->text);
    else
        snprintf(whole, sizeof(whole), "%s: %s", path, error->text);
    len = text_cut(whole, size - 1);
    memcpy(out, whole, len);
    out[len] = '\0';
    return out;
}
