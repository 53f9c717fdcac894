#include "probe_parts.h"

#include <sys/random.h>

#include "base64.h"
#include "http_ask.h"

enum { PIECE = 16 * 1024 };

/* Asked directly, all is as over tcp. */
static enum transport
transport_of(const struct attempt *attempt)
{
    return attempt->client != NULL ? attempt->client->type : TRANSPORT_TCP;
}

static void
random_bytes(uint8_t *bytes, size_t len)
{
    /* Up to 256 bytes come whole or, on a machine that has just started, not at all. */
    if (getrandom(bytes, len, GRND_NONBLOCK) != (ssize_t)len)
        memset(bytes, 0x5a, len);
}

static void
ask_for_upgrade(struct attempt *attempt)
{
    uint8_t nonce[16];
    struct buf key;

    attempt->stage = STAGE_UPGRADE;
    if (attempt->via != NULL) {
        http_ask_connect(&attempt->out, attempt->target->host, attempt->target->port,
                         attempt->via->user);
        return;
    }
    random_bytes(nonce, sizeof(nonce));
    buf_init(&key, 64);
    base64_put(&key, (const char *)nonce, sizeof(nonce));
    buf_putc(&key, '\0');
    if (!key.failed)
        http_ask_upgrade(&attempt->out, attempt->client, key.data);
    attempt->out.failed |= key.failed;
    buf_release(&key);
}

static void
ask_for_target(struct attempt *attempt)
{
    enum transport type = transport_of(attempt);
    uint8_t mask[4];
    struct buf request;

    if (type == TRANSPORT_GRPC) {
        grpc_ask(attempt);
    } else if (type == TRANSPORT_WS) {
        buf_init(&request, attempt->out.cap);
        attempt_put_request(attempt, &request);
        random_bytes(mask, sizeof(mask));
        websocket_put(&attempt->out, request.data, request.len, mask);
        attempt->out.failed |= request.failed;
        buf_release(&request);
    } else {
        attempt_put_request(attempt, &attempt->out);
    }
    attempt->stage = STAGE_ANSWER;
}

struct curl_waitfd
stream_wants(const struct attempt *attempt)
{
    struct curl_waitfd wanted = {.fd = CURL_SOCKET_BAD, .events = CURL_WAIT_POLLIN};

    if (!attempt->is_connected || attempt->outcome != OUTCOME_NONE)
        return wanted;
    if (curl_easy_getinfo(attempt->easy, CURLINFO_ACTIVESOCKET, &wanted.fd) != CURLE_OK)
        wanted.fd = CURL_SOCKET_BAD;
    if (attempt->sent < attempt->out.len)
        wanted.events |= CURL_WAIT_POLLOUT;
    return wanted;
}

static void
send_rest(struct attempt *attempt)
{
    CURLcode code = CURLE_OK;
    size_t n;

    if (attempt->out.failed) {
        attempt_end(attempt, OUTCOME_HERE, "out of memory");
        return;
    }
    while (code == CURLE_OK && attempt->sent < attempt->out.len) {
        n = 0;
        code = curl_easy_send(attempt->easy, attempt->out.data + attempt->sent,
                              attempt->out.len - attempt->sent, &n);
        attempt->sent += n;
    }
    /* What the server said before it closed is still to be read. */
    if (code != CURLE_OK && code != CURLE_AGAIN)
        attempt->sent = attempt->out.len;
    if (attempt->sent == attempt->out.len) {
        attempt->sent = 0;
        buf_clear(&attempt->out);
    }
}

static void
take_websocket(struct attempt *attempt, const uint8_t *at, const uint8_t *end)
{
    struct carried data;

    while (attempt->outcome == OUTCOME_NONE)
        switch (websocket_take(&attempt->websocket, &at, end, &data)) {
        case CARRIER_DATA:
            attempt_take(attempt, data.bytes, data.len);
            break;
        case CARRIER_CLOSE:
            attempt_end_by_close(attempt);
            break;
        case CARRIER_BAD:
            attempt_end(attempt, OUTCOME_WAY, "not WebSocket after its upgrade");
            break;
        default:
            return;
        }
}

static void
take_upgrade(struct attempt *attempt, const uint8_t **at, const uint8_t *end)
{
    const char *what = transport_of(attempt) == TRANSPORT_WS ? "WebSocket upgrade" : "upgrade";
    enum http_head_state state = http_head_take(&attempt->upgrade, at, end);
    unsigned wanted = attempt->via != NULL ? 200 : 101;

    bool is_other = attempt->upgrade.status != 0 && attempt->upgrade.status != wanted;

    if (attempt->via != NULL && (is_other || state == HTTP_HEAD_BAD))
        attempt_end(attempt, OUTCOME_HERE, "the engine answers %u", attempt->upgrade.status);
    else if (is_other)
        attempt_end(attempt, OUTCOME_WAY, "HTTP %u to the %s: wrong path or host?",
                    attempt->upgrade.status, what);
    else if (state == HTTP_HEAD_BAD)
        attempt_end(attempt, OUTCOME_WAY, "no HTTP answer to the %s", what);
    else if (state == HTTP_HEAD_WHOLE)
        ask_for_target(attempt);
}

static void
take(struct attempt *attempt, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = bytes + len;

    if (attempt->stage == STAGE_UPGRADE)
        take_upgrade(attempt, &at, end);
    if (attempt->stage != STAGE_ANSWER || attempt->outcome != OUTCOME_NONE || at == end)
        return;
    if (transport_of(attempt) == TRANSPORT_GRPC)
        grpc_take_bytes(attempt, at, (size_t)(end - at));
    else if (transport_of(attempt) == TRANSPORT_WS)
        take_websocket(attempt, at, end);
    else
        attempt_take(attempt, at, (size_t)(end - at));
}

void
stream_step(struct attempt *attempt)
{
    uint8_t piece[PIECE];
    CURLcode code;
    size_t n;

    send_rest(attempt);
    while (attempt->outcome == OUTCOME_NONE) {
        n = 0;
        code = curl_easy_recv(attempt->easy, piece, sizeof(piece), &n);
        if (code == CURLE_AGAIN)
            return;
        if (code != CURLE_OK || n == 0) {
            attempt_end_by_close(attempt);
            return;
        }
        take(attempt, piece, n);
        send_rest(attempt);
    }
}

void
stream_connected(struct attempt *attempt)
{
    enum transport type = transport_of(attempt);

    attempt->is_connected = true;
    if (attempt->via != NULL || type == TRANSPORT_WS || type == TRANSPORT_HTTPUPGRADE)
        ask_for_upgrade(attempt);
    else
        ask_for_target(attempt);
    stream_step(attempt);
}
