/*
 * What the harnesses share. A harness is one file here, NAME.c, with LLVMFuzzerTestOneInput; it may
 * have a dictionary NAME.dict and inputs to start from in seeds/NAME/. An input that has found
 * something is kept in tests/hostile/NAME/, by a name that says what it was. `make fuzz` does the
 * rest.
 *
 * Whatever is handed on lies in a block of exactly its size, so that AddressSanitizer sees every
 * read past it.
 */
#ifndef SIGNPOST_FUZZ_H
#define SIGNPOST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What must hold for every input; else the input is a finding. */
#define require(condition)                                                                 \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* A copy of len bytes; the caller frees it. */
static inline void *
fuzz_copy(const void *bytes, size_t len)
{
    void *copy = malloc(len > 0 ? len : 1);

    require(copy != NULL);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

/* The same as a string: it ends at the first NUL. NULL stays NULL. */
static inline char *
fuzz_string(const void *bytes, size_t len)
{
    size_t used = bytes != NULL ? strnlen(bytes, len) : 0;
    char *copy;

    if (bytes == NULL)
        return NULL;
    copy = malloc(used + 1);
    require(copy != NULL);
    memcpy(copy, bytes, used);
    copy[used] = '\0';
    return copy;
}

/*
 * An input as lines, for several strings at once: count copies, which the caller frees. A line that
 * is "-" or not there is NULL. What follows the last line's newline is not looked at.
 */
static inline void
fuzz_lines(const uint8_t *data, size_t size, char **lines, size_t count)
{
    const uint8_t *p = data, *end = data + size, *newline;
    size_t i, len;

    for (i = 0; i < count; i++) {
        lines[i] = NULL;
        if (p == NULL || p >= end)
            continue;
        newline = memchr(p, '\n', (size_t)(end - p));
        len = (size_t)((newline != NULL ? newline : end) - p);
        if (len != 1 || *p != '-')
            lines[i] = fuzz_string(p, len);
        p = newline != NULL ? newline + 1 : NULL;
    }
}

/* Whether people can be shown the text: UTF-8. */
static inline bool
fuzz_is_utf8(const char *text)
{
    json_t *string = json_string(text);
    bool is_utf8 = string != NULL;

    json_decref(string);
    return is_utf8;
}

#endif
