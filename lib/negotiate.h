/*
 * What a request says about the form that it wants -> a format.
 */
#ifndef SIGNPOST_NEGOTIATE_H
#define SIGNPOST_NEGOTIATE_H

#include "format.h"

/*
 * Decides by the query ("format=links"; a terminated string, or NULL). A format that is not
 * known here gets the default, base64: every client app reads it, and an app that asks for more
 * than we have must not lose its servers.
 */
enum format negotiate(const char *query);

#endif
