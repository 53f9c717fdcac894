/*
 * Remarks: the names of links, by which people and apps tell servers apart. Fixed when the
 * registry is compiled, before health or a client's abilities take endpoints away.
 *
 * A template may hold {device}, {label}, {name}, {location}, {domain} (the address) and any other
 * text. Without one, the remark is the device's name when the device has one endpoint, else the
 * name with the endpoint's label.
 */
#ifndef SIGNPOST_REMARK_H
#define SIGNPOST_REMARK_H

#include "buf.h"
#include "policy.h"

/* Stands in a finished remark where the device's name goes. */
enum { REMARK_DEVICE = 1 };

/* Finds an unknown placeholder in a template. Returns 0, or -1 with error filled. */
int remark_check(const char *template, struct error *error);

/*
 * Makes the remarks of the endpoints that one device gets together: remarks[i] for list[i],
 * strings in the pool with REMARK_DEVICE in them; unique and never empty. template may be NULL;
 * is_wide says that the labels are the wide ones. Returns 0, or -1 without memory.
 */
int remark_make(const char *template, const struct endpoint *const *list, size_t count,
                bool is_wide, struct pool *pool, const char **remarks);

/*
 * Appends a remark escaped, but for REMARK_DEVICE: by escape_percent for links, by escape_quoted
 * for profiles.
 */
void remark_escape(struct buf *buf, const char *remark,
                   void (*escape)(struct buf *buf, const char *bytes, size_t len));

#endif
