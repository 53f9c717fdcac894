/* What an attempt that ends without an answer says about the entry, and in which words. */
#include "probe_parts.h"

#include <errno.h>
#include <string.h>

/* A gRPC server greets whatever the request. */
static bool
is_before_http2(const struct attempt *attempt)
{
    return attempt->stage == STAGE_ANSWER && attempt->http2.session != NULL &&
           !attempt->http2.is_http2;
}

void
attempt_end_by_close(struct attempt *attempt)
{
    const struct vless_reply *reply = &attempt->reply;

    if (attempt->stage == STAGE_UPGRADE && attempt->via != NULL)
        attempt_end(attempt, OUTCOME_HERE, "the engine closed the connection");
    else if (attempt->stage == STAGE_UPGRADE)
        attempt_end(attempt, OUTCOME_WAY, "closed before an answer to the upgrade");
    else if (is_before_http2(attempt))
        attempt_end(attempt, OUTCOME_WAY, "closed before an answer in HTTP/2");
    else if (reply->http.status != 0)
        attempt_end(attempt, OUTCOME_WAY, "closed after %zu of %zu bytes", reply->body,
                    reply->wanted_body);
    else if (reply->http.len > 0)
        attempt_end(attempt, OUTCOME_BEYOND, "closed within the target's answer");
    else if (reply->len > 0)
        /* So does Xray; v2ray says nothing at all. */
        attempt_end(attempt, OUTCOME_BEYOND, "VLESS, but nothing from the target");
    else if (attempt->websocket.close != 0)
        attempt_end(attempt, OUTCOME_BEYOND, "closed before an answer (WebSocket code %u)",
                    attempt->websocket.close);
    else if (attempt->http2.grpc_status > 0)
        attempt_end(attempt, OUTCOME_BEYOND, "closed before an answer (gRPC status %d)",
                    attempt->http2.grpc_status);
    else
        attempt_end(attempt, OUTCOME_BEYOND, "closed before an answer");
    if (attempt->client != NULL && attempt->outcome == OUTCOME_BEYOND)
        attempt->hint = reply->len > 0 ? ": the node has no way out?"
                                       : ": wrong UUID, or the node has no way out";
}

static bool
has_passed(const struct attempt *attempt, CURLINFO info)
{
    curl_off_t when = 0;

    return curl_easy_getinfo(attempt->easy, info, &when) == CURLE_OK && when > 0;
}

void
attempt_end_by_timeout(struct attempt *attempt)
{
    const struct vless_reply *reply = &attempt->reply;

    if (attempt->stage != STAGE_ANSWER && attempt->via != NULL)
        attempt_end(attempt, OUTCOME_HERE, "the engine does not answer");
    else if (attempt->stage == STAGE_UPGRADE)
        attempt_end(attempt, OUTCOME_WAY, "timed out: no answer to the upgrade");
    else if (is_before_http2(attempt))
        attempt_end(attempt, OUTCOME_WAY, "timed out: no answer in HTTP/2");
    else if (attempt->stage == STAGE_ANSWER && reply->http.status != 0)
        attempt_end(attempt, OUTCOME_WAY, "stalled after %zu of %zu bytes", reply->body,
                    reply->wanted_body);
    else if (attempt->stage == STAGE_ANSWER)
        attempt_end(attempt, OUTCOME_BEYOND, "timed out: no answer to the request");
    else if (!has_passed(attempt, CURLINFO_NAMELOOKUP_TIME_T))
        attempt_end(attempt, OUTCOME_WAY, "timed out looking up the name");
    else if (!attempt->tls.is_started)
        attempt_end(attempt, OUTCOME_WAY, "timed out connecting");
    else
        attempt_end(attempt, OUTCOME_WAY, "timed out in TLS after the ClientHello");
}

/* Errors of connecting that tell of this machine and nothing of the entry. */
static bool
is_here(int number)
{
    return number == ENETUNREACH || number == ENETDOWN || number == EAFNOSUPPORT ||
           number == EADDRNOTAVAIL || number == EACCES || number == EPERM || number == EMFILE ||
           number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

static int
system_error(const struct attempt *attempt)
{
    long number = 0;

    if (!attempt->has_way && attempt->no_way != 0)
        return attempt->no_way;
    curl_easy_getinfo(attempt->easy, CURLINFO_OS_ERRNO, &number);
    return (int)number;
}

/* libcurl's message without what people have no use for. */
static const char *
plain(const char *text)
{
    static const char *const prefixes[] = {
        "SSL certificate problem: ", "SSL: ", "TLS connect error: "};
    const char *end;
    size_t i;

    for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
            text += strlen(prefixes[i]);
    /* "OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number" */
    if (strstr(text, "error:") != NULL && (end = strstr(text, "::")) != NULL)
        text = end + 2;
    return text;
}

void
attempt_end_by_curl(struct attempt *attempt, CURLcode code)
{
    const char *says = attempt->curl_says[0] != '\0' ? plain(attempt->curl_says)
                                                     : curl_easy_strerror(code);
    int number = system_error(attempt);

    if (attempt->via != NULL && code != CURLE_OPERATION_TIMEDOUT) {
        attempt_end(attempt, OUTCOME_HERE, "the engine cannot be reached: %s", says);
        return;
    }
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        attempt_end(attempt, OUTCOME_WAY, "the name cannot be looked up");
        break;
    case CURLE_COULDNT_CONNECT:
        attempt_end(attempt, is_here(number) ? OUTCOME_HERE : OUTCOME_WAY, "connecting: %s",
                    number != 0 ? strerror(number) : says);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        attempt_end_by_timeout(attempt);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        if (attempt->tls.is_unpinned)
            says = "none of those in pcs";
        else if (attempt->tls.is_misnamed)
            says = "for another name";
        attempt_end(attempt, OUTCOME_WAY, "certificate: %s", says);
        break;
    case CURLE_SSL_CONNECT_ERROR:
        attempt_end(attempt, OUTCOME_WAY, "TLS: %s",
                    strstr(says, "SSL_ERROR_SYSCALL") != NULL ? "closed in the handshake" : says);
        break;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION:
        attempt_end(attempt, OUTCOME_HERE, "%s", says);
        break;
    default:
        attempt_end(attempt, OUTCOME_WAY, "%s", says);
    }
}
