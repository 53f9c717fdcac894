#include "probe_parts.h"

#include <stdlib.h>
#include <strings.h>

#include "http_ask.h"

enum { NO_SUCH_METHOD = 12 }; /* gRPC's UNIMPLEMENTED */

/* Whether what answers is gRPC; ends the attempt if not. */
static bool
is_grpc(struct attempt *attempt)
{
    const struct http2 *http2 = &attempt->http2;

    if (http2->status != 200)
        attempt_end(attempt, OUTCOME_WAY, "HTTP %u to the gRPC request: wrong serviceName?",
                    http2->status);
    else if (strncasecmp(http2->type, "application/grpc", 16) != 0)
        attempt_end(attempt, OUTCOME_WAY, "not gRPC: answers HTTP 200 and %s",
                    http2->type[0] != '\0' ? http2->type : "no type");
    return attempt->outcome == OUTCOME_NONE;
}

static void
take_data(void *context, const void *bytes, size_t len)
{
    struct attempt *attempt = context;
    const uint8_t *at = bytes, *end = at + len;
    struct carried data;

    while (attempt->outcome == OUTCOME_NONE && is_grpc(attempt))
        switch (grpc_take(&attempt->grpc, &at, end, &data)) {
        case CARRIER_DATA:
            attempt_take(attempt, data.bytes, data.len);
            break;
        case CARRIER_BAD:
            attempt_end(attempt, OUTCOME_WAY, "not the gRPC messages of VLESS");
            break;
        default:
            return;
        }
}

void
grpc_ask(struct attempt *attempt)
{
    const struct client *client = attempt->client;
    struct buf text, request;
    size_t path;

    buf_init(&text, 16 * 1024);
    buf_init(&request, attempt->out.cap);
    http_ask_grpc_authority(&text, client);
    buf_putc(&text, '\0');
    path = text.len;
    http_ask_grpc_path(&text, client);
    buf_putc(&text, '\0');
    attempt_put_request(attempt, &request);
    grpc_put(&attempt->message, request.data, request.len);
    if (text.failed || request.failed || attempt->message.failed) {
        attempt_end(attempt, OUTCOME_HERE, "out of memory");
    } else {
        const struct http2_call call = {
            .scheme = client->security == SECURITY_TLS ? "https" : "http",
            .authority = text.data,
            .path = text.data + path,
            .agent = HTTP_ASK_AGENT,
            .message = attempt->message.data,
            .len = attempt->message.len,
        };

        if (http2_init(&attempt->http2, &call, take_data, attempt, &attempt->out) != 0)
            attempt_end(attempt, OUTCOME_HERE, "out of memory");
    }
    buf_release(&text);
    buf_release(&request);
}

/* The server has ended the call, or more. */
static void
end_call(struct attempt *attempt)
{
    if (attempt->http2.status != 0 && !is_grpc(attempt))
        return;
    if (attempt->http2.grpc_status == NO_SUCH_METHOD)
        attempt_end(attempt, OUTCOME_WAY, "gRPC knows no such method: wrong serviceName?");
    else
        attempt_end_by_close(attempt);
}

void
grpc_take_bytes(struct attempt *attempt, const uint8_t *bytes, size_t len)
{
    char text[VLESS_FIRST];
    const char *guess = NULL;
    int rc = http2_take(&attempt->http2, bytes, len, &attempt->out);

    if (rc != 0 && !attempt->http2.is_http2) {
        guess = vless_guess(bytes, len, text);
        attempt_end(attempt, OUTCOME_WAY, "not HTTP/2%s%s", guess != NULL ? ": answers " : "",
                    guess != NULL ? guess : "");
    } else if (rc != 0 || attempt->http2.is_closed) {
        end_call(attempt);
    }
}
