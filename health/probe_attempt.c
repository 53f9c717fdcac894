/* One attempt: what all transports have in common. */
#include "probe_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

enum { OUT_MAX = 64 * 1024 };

long long
attempt_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
attempt_end(struct attempt *attempt, enum outcome outcome, const char *format, ...)
{
    va_list args;
    char *p;

    if (attempt->outcome != OUTCOME_NONE)
        return;
    attempt->outcome = outcome;
    attempt->reason[0] = '\0';
    if (format == NULL)
        return;
    va_start(args, format);
    vsnprintf(attempt->reason, sizeof(attempt->reason), format, args);
    va_end(args);
    /* Part of it may be a stranger's words. */
    for (p = attempt->reason; *p != '\0'; p++)
        if ((unsigned char)(*p - ' ') > '~' - ' ')
            *p = '?';
}

/*
 * Makes a socket for libcurl, unless this machine has no way to the address, which connecting a
 * datagram socket tells without a packet: of a name with several addresses the others count.
 */
static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct attempt *attempt = context;
    int way = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd = CURL_SOCKET_BAD;

    (void)purpose;
    if (way >= 0 && connect(way, &address->addr, address->addrlen) == 0)
        fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0)
        attempt->has_way = true;
    else
        attempt->no_way = errno;
    if (way >= 0)
        close(way);
    return fd;
}

/* Everything that does not depend on the transport. */
static CURLcode
set_way(struct attempt *attempt)
{
    const struct client *client = attempt->client;
    const char *address = client != NULL ? client->address : attempt->target->host;
    const char *name = client != NULL && client->security == SECURITY_TLS && client->sni != NULL
                           ? client->sni
                           : address;
    unsigned port = client != NULL ? client->port : attempt->target->port;
    const char *scheme = client != NULL && client->security == SECURITY_TLS ? "https" : "http";
    char text[2 * HOST_MAX + 32];
    CURL *easy = attempt->easy;
    CURLcode code;

    snprintf(text, sizeof(text), strchr(name, ':') != NULL ? "%s://[%s]:%u/" : "%s://%s:%u/",
             scheme, name, port);
    code = curl_easy_setopt(easy, CURLOPT_URL, text);
    snprintf(text, sizeof(text), strchr(address, ':') != NULL ? "::[%s]:%u" : "::%s:%u", address,
             port);
    attempt->connect_to = curl_slist_append(NULL, text);
    if (code != CURLE_OK || attempt->connect_to == NULL)
        return CURLE_OUT_OF_MEMORY;
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, attempt->connect_to);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, attempt->curl_says);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (attempt->via != NULL) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, attempt->via->socket);
    } else {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, attempt);
    }
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    /* Of several addresses, each gets a share of this. */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(attempt->deadline - attempt->started));
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    /* Else an attempt that is given up waits for its thread, which waits for a name server. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    return CURLE_OK;
}

/* Makes the handle that will connect. */
static CURLcode
set_up(struct attempt *attempt, const struct probe_options *options)
{
    const struct client *client = attempt->client;
    CURLcode code;

    attempt->easy = curl_easy_init();
    if (attempt->easy == NULL)
        return CURLE_OUT_OF_MEMORY;
    code = set_way(attempt);
    if (code == CURLE_OK && client != NULL && client->security == SECURITY_TLS)
        code = tls_set_up(attempt->easy, &attempt->tls, options->ca_file);
    return code;
}

void
attempt_init(struct attempt *attempt, const struct client *client, const struct uuid *uuid,
             const struct probe_via *via, const struct target *target,
             const struct probe_options *options, long long deadline, long long end)
{
    CURLcode code;

    *attempt = (struct attempt){
        .client = client,
        .uuid = uuid,
        .via = via,
        .target = target,
        .started = attempt_now(),
        .deadline = deadline,
        .end = end,
        .hint = "",
        .tls = {.client = client},
    };
    buf_init(&attempt->out, OUT_MAX);
    buf_init(&attempt->message, OUT_MAX);
    vless_reply_init(&attempt->reply, target->status, target->body);
    attempt->reply.is_bare = client == NULL;
    code = set_up(attempt, options);
    if (code != CURLE_OK)
        attempt_end_by_curl(attempt, code);
}

void
attempt_release(struct attempt *attempt)
{
    curl_easy_cleanup(attempt->easy);
    curl_slist_free_all(attempt->connect_to);
    attempt->easy = NULL;
    attempt->connect_to = NULL;
    http2_release(&attempt->http2);
    buf_release(&attempt->out);
    buf_release(&attempt->message);
}

void
attempt_put_request(struct attempt *attempt, struct buf *buf)
{
    if (attempt->client != NULL)
        vless_put_request(buf, attempt->uuid, attempt->target->host, attempt->target->port);
    target_put_request(buf, attempt->target);
}

static void
end_as_foreign(struct attempt *attempt, bool is_vless)
{
    char text[VLESS_FIRST];
    const char *guess = vless_guess(attempt->reply.first, attempt->reply.first_len, text);
    const char *what = attempt->client != NULL ? "VLESS" : "HTTP";

    if (guess != NULL)
        attempt_end(attempt, OUTCOME_WAY, "not %s: answers %s%s", what, guess,
                    strncmp(guess, "HTTP", 4) == 0 ? " (wrong UUID?)" : "");
    else if (is_vless)
        attempt_end(attempt, OUTCOME_BEYOND, "the target's answer is no HTTP");
    else
        attempt_end(attempt, OUTCOME_WAY, "not %s", what);
}

void
attempt_take(struct attempt *attempt, const uint8_t *bytes, size_t len)
{
    struct vless_reply *reply = &attempt->reply;
    enum vless_state state;

    if (attempt->outcome != OUTCOME_NONE)
        return;
    state = vless_reply_take(reply, bytes, len);
    if (reply->http.status != 0 && attempt->ms == 0) {
        attempt->ms = (unsigned)(attempt_now() - attempt->started) + 1;
        attempt->deadline = attempt->end;
    }
    if (state == VLESS_DONE && reply->http.status == reply->wanted)
        attempt_end(attempt, OUTCOME_RIGHT, NULL);
    else if (state == VLESS_DONE)
        attempt_end(attempt, OUTCOME_BEYOND, "the target answered %u, not %u", reply->http.status,
                    reply->wanted);
    else if (state == VLESS_NO_HTTP || state == VLESS_FOREIGN)
        end_as_foreign(attempt, state == VLESS_NO_HTTP);
}
