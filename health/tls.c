#include "tls.h"

#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "hex.h"
#include "host.h"

enum { SUM = 32, ALPN_MAX = 256 };

static bool
is_empty(const char *text)
{
    return text == NULL || text[0] == '\0';
}

/* Whether a sum is in a comma list of them in hexadecimal, with colons or not. */
static bool
is_listed(const unsigned char sum[SUM], const char *list)
{
    size_t i = 0;
    bool same = true;

    for (; *list != '\0'; list++) {
        if (*list == ',') {
            if (same && i == 2 * (size_t)SUM)
                return true;
            i = 0;
            same = true;
        } else if (*list != ':') {
            unsigned char byte = i < 2 * (size_t)SUM ? sum[i / 2] : 0;

            same = same && hex_value(*list) == (i % 2 ? byte & 15 : byte >> 4);
            i++;
        }
    }
    return same && i == 2 * (size_t)SUM;
}

static bool
is_pinned(X509 *certificate, const char *list)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    return X509_digest(certificate, EVP_sha256(), sum, &len) == 1 && len == SUM &&
           is_listed(sum, list);
}

/* The pinned CA's certificate among those that the server sent, or NULL. */
static X509 *
find_pinned_ca(X509_STORE_CTX *store, const char *list)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    X509 *own = X509_STORE_CTX_get0_cert(store);
    int i;

    for (i = 0; i < sk_X509_num(sent); i++) {
        X509 *certificate = sk_X509_value(sent, i);

        if (certificate != own && X509_check_ca(certificate) == 1 && is_pinned(certificate, list))
            return certificate;
    }
    return NULL;
}

static bool
is_for_name(X509 *certificate, const char *name, size_t len)
{
    char host[HOST_MAX];

    if (len == 0 || len >= sizeof(host))
        return false;
    memcpy(host, name, len);
    host[len] = '\0';
    return X509_check_host(certificate, host, len, 0, NULL) == 1 ||
           X509_check_ip_asc(certificate, host, 0) == 1;
}

static bool
is_for_a_name(X509 *certificate, const char *names)
{
    size_t len;

    for (;; names += len + 1) {
        len = strcspn(names, ",");
        if (is_for_name(certificate, names, len))
            return true;
        if (names[len] == '\0')
            return false;
    }
}

/* The chain up to a trusted one, or up to this CA alone if there is one. */
static bool
verify_chain(X509_STORE_CTX *store, X509 *ca)
{
    STACK_OF(X509) *trusted = NULL;
    int rc;

    if (ca != NULL) {
        trusted = sk_X509_new_null();
        if (trusted == NULL || sk_X509_push(trusted, ca) <= 0) {
            sk_X509_free(trusted);
            X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
            return false;
        }
        X509_STORE_CTX_set0_trusted_stack(store, trusted);
        X509_STORE_CTX_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    }
    rc = X509_verify_cert(store);
    sk_X509_free(trusted);
    return rc == 1;
}

/* In place of OpenSSL's own verification where the link says more than a name. */
static int
verify(X509_STORE_CTX *store, void *arg)
{
    struct tls *tls = arg;
    const struct client *client = tls->client;
    const char *names = !is_empty(client->vcn)   ? client->vcn
                        : !is_empty(client->sni) ? client->sni
                                                 : client->address;
    X509 *own = X509_STORE_CTX_get0_cert(store), *ca = NULL;

    if (!is_empty(client->pcs)) {
        if (is_pinned(own, client->pcs)) {
            X509_STORE_CTX_set_error(store, X509_V_OK);
            return 1;
        }
        ca = find_pinned_ca(store, client->pcs);
        if (ca == NULL) {
            tls->is_unpinned = true;
            X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
            return 0;
        }
    }
    if (!verify_chain(store, ca))
        return 0;
    if (!is_for_a_name(own, names)) {
        tls->is_misnamed = true;
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        return 0;
    }
    return 1;
}

/* The offered protocols as TLS writes them (RFC 7301 section 3.1). Returns the length. */
static unsigned
alpn_of(const struct client *client, unsigned char out[ALPN_MAX])
{
    bool is_http1 = client->type == TRANSPORT_WS || client->type == TRANSPORT_HTTPUPGRADE;
    const char *list = is_http1                 ? "http/1.1"
                       : is_empty(client->alpn) ? "h2,http/1.1" /* as browsers */
                                                : client->alpn;
    size_t used = 0, len;

    for (;; list += len + 1) {
        len = strcspn(list, ",");
        if (len > 0 && len < 256 && used + 1 + len <= ALPN_MAX) {
            out[used++] = (unsigned char)len;
            memcpy(out + used, list, len);
            used += len;
        }
        if (list[len] == '\0')
            return (unsigned)used;
    }
}

/* libcurl's last word before it makes a connection of the context. */
static CURLcode
set_context(CURL *easy, void *context, void *arg)
{
    struct tls *tls = arg;
    unsigned char alpn[ALPN_MAX];
    unsigned len;

    (void)easy;
    tls->is_started = true;
    if (!is_empty(tls->client->pcs) || !is_empty(tls->client->vcn))
        SSL_CTX_set_cert_verify_callback(context, verify, tls);
    len = alpn_of(tls->client, alpn);
    if (len > 0 && SSL_CTX_set_alpn_protos(context, alpn, len) != 0)
        return CURLE_OUT_OF_MEMORY;
    return CURLE_OK;
}

CURLcode
tls_set_up(CURL *easy, struct tls *tls, const char *ca_file)
{
    const struct client *client = tls->client;
    bool is_ours = !is_empty(client->pcs) || !is_empty(client->vcn);
    CURLcode code;

    tls->is_started = tls->is_unpinned = tls->is_misnamed = false;
    code = curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, set_context);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, tls);
    if (code == CURLE_OK && ca_file != NULL)
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    /* Without a directory libcurl reads the file once, not for every connection. */
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, is_ours ? 0L : 2L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    return code;
}
