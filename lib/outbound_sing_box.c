/* sing-box's words; see outbound.h. */
#include "outbound_parts.h"

static void
put_tls(struct buf *buf, const struct client *client)
{
    buf_puts(buf, ",\"tls\":{\"enabled\":true");
    put_field(buf, ",\"server_name\":", client->sni);
    put_array(buf, ",\"alpn\":", client->alpn);
    put_field(buf, ",\"utls\":{\"enabled\":true,\"fingerprint\":", client->fp);
    buf_putc(buf, '}');
    if (client->ech != NULL) {
        put_field(buf, ",\"ech\":{\"enabled\":true,\"config\":[\"-----BEGIN ECH CONFIGS-----\",",
                  client->ech);
        buf_puts(buf, ",\"-----END ECH CONFIGS-----\"]}");
    }
    if (client->security == SECURITY_REALITY) {
        put_field(buf, ",\"reality\":{\"enabled\":true,\"public_key\":", client->pbk);
        put_field(buf, ",\"short_id\":", client->sid);
        buf_putc(buf, '}');
    }
    buf_putc(buf, '}');
}

static void
put_ws(struct buf *buf, const struct client *client)
{
    unsigned early_data = put_path(buf, ",\"transport\":{\"type\":\"ws\",\"path\":", client);

    if (host_of(client) != NULL) {
        put_field(buf, ",\"headers\":{\"Host\":", host_of(client));
        buf_putc(buf, '}');
    }
    if (early_data > 0)
        buf_printf(buf,
                   ",\"max_early_data\":%u,\"early_data_header_name\":\"Sec-WebSocket-Protocol\"",
                   early_data);
    buf_putc(buf, '}');
}

/* There is no word for tcp: it is what remains. */
static void
put_transport(struct buf *buf, const struct client *client)
{
    switch (client->type) {
    case TRANSPORT_WS:
        put_ws(buf, client);
        break;
    case TRANSPORT_GRPC:
        put_field(buf, ",\"transport\":{\"type\":\"grpc\",\"service_name\":", client->service);
        buf_putc(buf, '}');
        break;
    case TRANSPORT_HTTPUPGRADE:
        /* It has no early data. */
        (void)put_path(buf, ",\"transport\":{\"type\":\"httpupgrade\",\"path\":", client);
        put_field(buf, ",\"host\":", host_of(client));
        buf_putc(buf, '}');
        break;
    default:
        break;
    }
}

void
outbound_put_sing_box(struct buf *buf, const struct client *client)
{
    put_field(buf, ",\"server\":", client->address);
    buf_printf(buf, ",\"server_port\":%u", client->port);
    put_field(buf, ",\"flow\":", client->flow);
    if (client->security != SECURITY_NONE)
        put_tls(buf, client);
    put_transport(buf, client);
    buf_putc(buf, '}');
}
