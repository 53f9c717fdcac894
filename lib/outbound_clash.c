/* mihomo's words; see outbound.h. */
#include <string.h>

#include "outbound_parts.h"

static void
put_reality(struct buf *buf, const struct client *client)
{
    put_field(buf, ", \"reality-opts\": {\"public-key\": ", client->pbk);
    put_field(buf, ", \"short-id\": ", client->sid);
    buf_putc(buf, '}');
}

static void
put_tls(struct buf *buf, const struct client *client)
{
    buf_puts(buf, ", \"tls\": true");
    put_field(buf, ", \"servername\": ", client->sni);
    put_field(buf, ", \"client-fingerprint\": ", client->fp);
    put_array(buf, ", \"alpn\": ", client->alpn);
    put_field(buf, ", \"fingerprint\": ", client->pcs);
    if (client->ech != NULL) {
        put_field(buf, ", \"ech-opts\": {\"enable\": true, \"config\": ", client->ech);
        buf_putc(buf, '}');
    }
    if (client->security == SECURITY_REALITY)
        put_reality(buf, client);
}

/* ws, and httpupgrade, which is an option of it. */
static void
put_ws(struct buf *buf, const struct client *client)
{
    unsigned early_data = put_path(buf, ", \"network\": \"ws\", \"ws-opts\": {\"path\": ", client);

    if (host_of(client) != NULL) {
        put_field(buf, ", \"headers\": {\"Host\": ", host_of(client));
        buf_putc(buf, '}');
    }
    if (client->type == TRANSPORT_HTTPUPGRADE)
        buf_puts(buf, ", \"v2ray-http-upgrade\": true");
    else if (early_data > 0)
        buf_printf(buf,
                   ", \"max-early-data\": %u, "
                   "\"early-data-header-name\": \"Sec-WebSocket-Protocol\"",
                   early_data);
    buf_putc(buf, '}');
}

static void
put_transport(struct buf *buf, const struct client *client)
{
    switch (client->type) {
    case TRANSPORT_WS:
    case TRANSPORT_HTTPUPGRADE:
        put_ws(buf, client);
        break;
    case TRANSPORT_GRPC:
        put_field(buf, ", \"network\": \"grpc\", \"grpc-opts\": {\"grpc-service-name\": ",
                  client->service);
        buf_putc(buf, '}');
        break;
    case TRANSPORT_XHTTP:
        put_field(buf, ", \"network\": \"xhttp\", \"xhttp-opts\": {\"path\": ", client->path);
        put_field(buf, ", \"host\": ", host_of(client));
        put_field(buf, ", \"mode\": ", client->mode);
        buf_putc(buf, '}');
        break;
    default:
        buf_puts(buf, ", \"network\": \"tcp\"");
        break;
    }
}

void
outbound_put_clash(struct buf *buf, const struct client *client)
{
    put_field(buf, ", \"server\": ", client->address);
    buf_printf(buf, ", \"port\": %u, \"udp\": true, \"packet-encoding\": \"xudp\"", client->port);
    put_field(buf, ", \"flow\": ", client->flow);
    if (strcmp(client->encryption, "none") != 0)
        put_field(buf, ", \"encryption\": ", client->encryption);
    if (client->security != SECURITY_NONE)
        put_tls(buf, client);
    put_transport(buf, client);
    buf_puts(buf, "}\n");
}
