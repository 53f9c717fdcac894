/*
 * What an entry node, or whoever is in its place, answers a probe. An input is a byte that says how
 * it is carried and what is wanted, one that says into which pieces it falls, and the answer: read
 * at once and in pieces, it must come out the same.
 */
#include "fuzz.h"

#include "carrier.h"
#include "http2.h"
#include "vless.h"

enum { RAW, WEBSOCKET, GRPC, GRPC_HTTP2, CARRIERS };
enum { IS_BARE = 4, HAS_BODY = 8, IS_UPGRADED = 16, BODY = 40 };

struct reader {
    int carrier;
    bool is_upgrading;
    struct http_head upgrade;
    struct websocket websocket;
    struct grpc grpc;
    struct http2 http2;
    struct vless_reply reply;
    enum vless_state state;
    enum carrier_event event;
    bool has_ended;
};

static void
take_stream(struct reader *reader, const uint8_t *bytes, size_t len)
{
    struct vless_reply *reply = &reader->reply;

    require(len > 0);
    reader->state = vless_reply_take(reply, bytes, len);
    reader->has_ended = reader->state != VLESS_MORE;
    require(reply->body <= reply->len && reply->http.len <= reply->len);
    require(reply->http.status == 0 || (reply->http.status >= 100 && reply->http.status <= 999));
    if (reader->state == VLESS_DONE)
        require(reply->http.status != reply->wanted || reply->body >= reply->wanted_body);
    /* Nothing but the exact bytes is a sign of life. */
    if (reader->state == VLESS_DONE && !reply->is_bare)
        require(reply->first_len >= 2 && reply->first[0] == 0);
}

static void
take_carried(struct reader *reader, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = bytes + len;
    struct carried data;

    do {
        reader->event = reader->carrier == WEBSOCKET
                            ? websocket_take(&reader->websocket, &at, end, &data)
                            : grpc_take(&reader->grpc, &at, end, &data);
        require(at >= bytes && at <= end);
        if (reader->event == CARRIER_DATA) {
            require(data.bytes >= bytes && data.bytes + data.len <= end);
            take_stream(reader, data.bytes, data.len);
        }
    } while (reader->event == CARRIER_DATA && !reader->has_ended);
    require(reader->event != CARRIER_MORE || at == end);
    reader->has_ended |= reader->event == CARRIER_CLOSE || reader->event == CARRIER_BAD;
}

static void
take_http2_data(void *context, const void *bytes, size_t len)
{
    struct reader *reader = context;

    if (!reader->has_ended)
        take_carried(reader, bytes, len);
}

static void
take_http2(struct reader *reader, const uint8_t *bytes, size_t len)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    if (http2_take(&reader->http2, bytes, len, &out) != 0 || reader->http2.is_closed)
        reader->has_ended = true;
    buf_release(&out);
}

static void
take(struct reader *reader, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = bytes + len;

    if (reader->is_upgrading) {
        enum http_head_state state = http_head_take(&reader->upgrade, &at, end);

        require(at <= end && (state != HTTP_HEAD_MORE || at == end));
        reader->is_upgrading = state == HTTP_HEAD_MORE;
        reader->has_ended = state == HTTP_HEAD_BAD;
    }
    if (at == end || reader->has_ended)
        return;
    if (reader->carrier == RAW)
        take_stream(reader, at, (size_t)(end - at));
    else if (reader->carrier == GRPC_HTTP2)
        take_http2(reader, at, (size_t)(end - at));
    else
        take_carried(reader, at, (size_t)(end - at));
}

static void
start(struct reader *reader, uint8_t how)
{
    static const struct http2_call call = {"https", "a.example", "/a/Tun", "agent", "abc", 3};
    struct buf out;

    memset(reader, 0, sizeof(*reader));
    reader->carrier = how % CARRIERS;
    reader->is_upgrading = (how & IS_UPGRADED) != 0;
    vless_reply_init(&reader->reply, 204, (how & HAS_BODY) != 0 ? BODY : 0);
    reader->reply.is_bare = (how & IS_BARE) != 0;
    buf_init(&out, 1 << 20);
    if (reader->carrier == GRPC_HTTP2)
        require(http2_init(&reader->http2, &call, take_http2_data, reader, &out) == 0);
    buf_release(&out);
}

/* Reads all of it, in pieces of up to so many bytes that change from one to the next. */
static void
read_all(struct reader *reader, uint8_t how, const uint8_t *bytes, size_t len, size_t most)
{
    size_t at, n, piece = most;

    start(reader, how);
    for (at = 0; at < len && !reader->has_ended; at += n) {
        uint8_t *block;

        n = len - at < piece ? len - at : piece;
        block = fuzz_copy(bytes + at, n);
        take(reader, block, n);
        free(block);
        piece = 1 + (piece * 7 + 3) % most;
    }
    if (reader->carrier == GRPC_HTTP2)
        http2_release(&reader->http2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reader whole, pieces;
    char text[VLESS_FIRST];
    const char *guess;

    if (size < 3)
        return 0;
    read_all(&whole, data[0], data + 2, size - 2, size);
    read_all(&pieces, data[0], data + 2, size - 2, 1 + data[1] % 40u);
    require(whole.upgrade.status == pieces.upgrade.status);
    /* To nghttp2 1.52 of Debian each piece of a frame's header is one of the CONTINUATIONs it
     * bears. */
    require(whole.has_ended == pieces.has_ended ||
            (whole.carrier == GRPC_HTTP2 && pieces.has_ended));
    /* nghttp2 drops a piece of DATA that goes past the content-length; the stream ends with it. */
    if (whole.carrier != GRPC_HTTP2 || !pieces.has_ended) {
        require(whole.reply.http.status == pieces.reply.http.status);
        require(whole.state == pieces.state);
    }
    /* The body's end may lie within a piece. */
    if (!pieces.has_ended) {
        require(whole.reply.len == pieces.reply.len && whole.reply.body == pieces.reply.body);
        require(whole.websocket.close == pieces.websocket.close);
    }
    guess = vless_guess(whole.reply.first, whole.reply.first_len, text);
    require(guess == NULL || strlen(guess) < VLESS_FIRST);
    return 0;
}
