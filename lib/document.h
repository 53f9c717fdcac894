/*
 * Bytes of a JSON or YAML file -> one tree (jansson's), under limits that hold for any input.
 *
 * Both syntaxes: at most DOCUMENT_MAX bytes, nesting at most DOCUMENT_DEPTH, no duplicate keys,
 * valid UTF-8, one document. JSON is RFC 8259 as jansson reads it strictly. YAML is what libyaml's
 * parser accepts, less anchors, aliases, tags and keys that are not plain text.
 *
 * YAML scalars: quoted ones are strings. Plain ones are null (null, ~, nothing), booleans (true,
 * false) or integers only in the one form that prints back the same (0, -7, 2351; not 012, 1e3,
 * 0x1f, +1); everything else, yes and no and 12:30 and 1.5 among it, is the string that it looks
 * like. A field that wants text may take an integer back as text, and nothing is lost on the way.
 */
#ifndef SIGNPOST_DOCUMENT_H
#define SIGNPOST_DOCUMENT_H

#include <stddef.h>

#include <jansson.h>

#include "error.h"

enum {
    DOCUMENT_MAX = 1024 * 1024, /* bytes */
    DOCUMENT_DEPTH = 32,        /* mappings and sequences inside one another */
};

enum document_syntax {
    SYNTAX_NONE, /* not a name of ours */
    SYNTAX_JSON, /* .json */
    SYNTAX_YAML, /* .yaml, .yml */
};

/*
 * Tells the syntax by the end of a file's name. *stem, if not NULL, becomes the length of the
 * name without that end (for SYNTAX_NONE, of all of it).
 */
enum document_syntax document_syntax(const char *name, size_t *stem);

/*
 * Parses len bytes. Returns a new reference that the caller releases with json_decref, or NULL
 * with error filled, with line and column wherever the input has a place to blame, or with
 * is_shortage: then nothing is said of the input.
 */
json_t *document_parse(const char *bytes, size_t len, enum document_syntax syntax,
                       struct error *error);

/*
 * A tree as JSON text, which the caller frees, or NULL without memory; flags are jansson's. Its own
 * json_dumps may leave words out when there is no memory for them.
 */
char *document_text(const json_t *tree, size_t flags);

/*
 * Finds where a mapping's key stands in a document that was parsed before, for a message about
 * its value, or a list's item: path is a NULL-terminated list of keys, and of items' numbers from 0
 * in decimal, from the root. Sets line and column (from 1)
 * and returns 0, or returns -1 where the place cannot be told. Meant for the rare case that
 * something is wrong: it reads the document again.
 */
int document_locate(const char *bytes, size_t len, const char *const *path, unsigned *line,
                    unsigned *column);

#endif
