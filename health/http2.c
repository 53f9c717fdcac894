#include "http2.h"

#include <string.h>

#include <nghttp2/nghttp2.h>

/* What to send next of the message; afterwards nothing, but the stream is not ended. */
static ssize_t
give(nghttp2_session *session, int32_t stream, uint8_t *out, size_t size, uint32_t *flags,
     nghttp2_data_source *source, void *context)
{
    struct http2 *http2 = context;
    size_t n = http2->len - http2->sent;

    (void)session, (void)stream, (void)flags, (void)source;
    if (n == 0)
        return NGHTTP2_ERR_DEFERRED;
    if (n > size)
        n = size;
    memcpy(out, http2->message + http2->sent, n);
    http2->sent += n;
    return (ssize_t)n;
}

static int
take_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t len,
          void *context)
{
    struct http2 *http2 = context;

    (void)session, (void)flags;
    if (stream == http2->stream)
        http2->data(http2->context, bytes, len);
    return 0;
}

/* A number of up to three digits, or -1. */
static int
number(const uint8_t *text, size_t len)
{
    int value = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        if (i == 3 || text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return len > 0 ? value : -1;
}

static int
take_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
            size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *context)
{
    struct http2 *http2 = context;

    (void)session, (void)flags;
    if (frame->hd.stream_id != http2->stream)
        return 0;
    if (name_len == 7 && memcmp(name, ":status", 7) == 0 && number(value, len) > 0) {
        http2->status = (unsigned)number(value, len);
    } else if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0) {
        http2->grpc_status = number(value, len);
    } else if (name_len == 12 && memcmp(name, "content-type", 12) == 0) {
        if (len >= sizeof(http2->type))
            len = sizeof(http2->type) - 1;
        memcpy(http2->type, value, len);
        http2->type[len] = '\0';
    }
    return 0;
}

static int
take_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *http2 = context;

    (void)session;
    if (frame->hd.type == NGHTTP2_SETTINGS)
        http2->is_http2 = true;
    if (frame->hd.stream_id == http2->stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        http2->is_closed = true;
    return 0;
}

static int
take_close(nghttp2_session *session, int32_t stream, uint32_t code, void *context)
{
    struct http2 *http2 = context;

    (void)session, (void)code;
    if (stream == http2->stream)
        http2->is_closed = true;
    return 0;
}

static int
make_session(struct http2 *http2)
{
    static const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session = NULL;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return -1;
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, take_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, take_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, take_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, take_close);
    if (nghttp2_session_client_new(&session, callbacks, http2) != 0)
        session = NULL;
    nghttp2_session_callbacks_del(callbacks);
    http2->session = session;
    return session != NULL && nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 1) == 0
               ? 0
               : -1;
}

static nghttp2_nv
header(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void
put(struct http2 *http2, struct buf *out)
{
    const uint8_t *bytes;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(http2->session, &bytes)) > 0)
        buf_put(out, bytes, (size_t)n);
    if (n < 0)
        out->failed = true;
}

int
http2_init(struct http2 *http2, const struct http2_call *call, http2_data *data, void *context,
           struct buf *out)
{
    /* As grpc-go sends them. */
    const nghttp2_nv headers[] = {
        header(":method", "POST"),
        header(":scheme", call->scheme),
        header(":path", call->path),
        header(":authority", call->authority),
        header("content-type", "application/grpc"),
        header("user-agent", call->agent),
        header("te", "trailers"),
    };
    const nghttp2_data_provider provider = {.read_callback = give};

    *http2 = (struct http2){
        .data = data,
        .context = context,
        .message = call->message,
        .len = call->len,
        .grpc_status = -1,
    };
    if (make_session(http2) != 0)
        return -1;
    http2->stream = nghttp2_submit_request(http2->session, NULL, headers,
                                           sizeof(headers) / sizeof(headers[0]), &provider, NULL);
    if (http2->stream <= 0)
        return -1;
    put(http2, out);
    return out->failed ? -1 : 0;
}

void
http2_release(struct http2 *http2)
{
    nghttp2_session_del(http2->session);
    http2->session = NULL;
}

int
http2_take(struct http2 *http2, const void *bytes, size_t len, struct buf *out)
{
    ssize_t n = nghttp2_session_mem_recv(http2->session, bytes, len);

    /* It is at its end only when its own farewell has gone out. */
    put(http2, out);
    return n == (ssize_t)len && nghttp2_session_want_read(http2->session) ? 0 : -1;
}
