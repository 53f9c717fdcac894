/*
 * Host names and addresses as they stand in records and links.
 */
#ifndef SIGNPOST_HOST_H
#define SIGNPOST_HOST_H

#include <stdbool.h>

enum { HOST_MAX = 256 }; /* room for any normal form and its terminator */

enum host_kind {
    HOST_BAD,
    HOST_NAME, /* RFC 1123 labels, lower case, without a final dot; IDN only as punycode */
    HOST_IPV4, /* dotted quad */
    HOST_IPV6, /* as inet_ntop writes it, without brackets */
};

/*
 * Reads a host name or address (IPv6 with or without brackets) and writes its normal form.
 * Returns its kind, or HOST_BAD with out untouched. Underscores are refused: clients that use
 * java.net.URI lose the whole host over one.
 */
enum host_kind host_parse(const char *text, char out[HOST_MAX]);

/*
 * Tells whether a host in normal form is an address that is not reached over the public
 * internet: loopback, private, link-local, shared (RFC 6598) or for documentation.
 */
bool host_is_private(const char *host);

#endif
