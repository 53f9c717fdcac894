/*
 * TLS of a probe as the link wants it (Xray-core transport/internet/tls): which names and
 * certificates are right, and which protocols are offered. By libcurl and its OpenSSL.
 */
#ifndef SIGNPOST_TLS_H
#define SIGNPOST_TLS_H

#include <stdbool.h>

#include <curl/curl.h>

#include "client.h"

/* What one connection's verification needs and finds; it must live as long as the handle. */
struct tls {
    const struct client *client;
    bool is_started;  /* found: the connection is there, the greeting goes out */
    bool is_unpinned; /* found: no certificate is one of those in pcs */
    bool is_misnamed; /* found: the certificate is for none of the names in vcn */
};

/*
 * Sets the handle up for a client with security tls:
 * - certificates of ca_file (PEM; NULL: the system's) are trusted; the name of the URL is right,
 *   or those in vcn;
 * - with pcs, a server that shows one of those certificates as its own is right whatever its name;
 *   one that shows such a CA's certificate is right if that has signed for the name;
 * - the protocols that apps offer are offered, and libcurl is not told what was agreed: it would
 *   start to speak HTTP/2 by itself (7.88).
 * Returns CURLE_OK, or why the handle cannot do it.
 */
CURLcode tls_set_up(CURL *easy, struct tls *tls, const char *ca_file);

#endif
