/* Xray's words; see outbound.h. */
#include <string.h>

#include "escape.h"
#include "outbound_parts.h"

static void
put_tls(struct buf *buf, const struct client *client)
{
    buf_puts(buf, ",\"tlsSettings\":{");
    put_field(buf, "\"fingerprint\":", client->fp);
    put_field(buf, ",\"serverName\":", client->sni);
    put_array(buf, ",\"alpn\":", client->alpn);
    put_field(buf, ",\"echConfigList\":", client->ech);
    put_field(buf, ",\"pinnedPeerCertSha256\":", client->pcs);
    put_field(buf, ",\"verifyPeerCertByName\":", client->vcn);
    buf_putc(buf, '}');
}

static void
put_reality(struct buf *buf, const struct client *client)
{
    buf_puts(buf, ",\"realitySettings\":{");
    put_field(buf, "\"fingerprint\":", client->fp);
    put_field(buf, ",\"serverName\":", client->sni);
    put_field(buf, ",\"publicKey\":", client->pbk);
    put_field(buf, ",\"shortId\":", client->sid);
    put_field(buf, ",\"spiderX\":", client->spx);
    put_field(buf, ",\"mldsa65Verify\":", client->pqv);
    buf_putc(buf, '}');
}

static void
put_grpc(struct buf *buf, const struct client *client)
{
    put_field(buf, ",\"grpcSettings\":{\"serviceName\":", client->service);
    put_field(buf, ",\"authority\":", client->authority);
    if (client->mode != NULL && strcmp(client->mode, "multi") == 0)
        buf_puts(buf, ",\"multiMode\":true");
    buf_putc(buf, '}');
}

static void
put_transport(struct buf *buf, const struct client *client)
{
    switch (client->type) {
    case TRANSPORT_GRPC:
        put_grpc(buf, client);
        return;
    case TRANSPORT_WS:
        put_field(buf, ",\"wsSettings\":{\"path\":", client->path);
        break;
    case TRANSPORT_HTTPUPGRADE:
        put_field(buf, ",\"httpupgradeSettings\":{\"path\":", client->path);
        break;
    case TRANSPORT_XHTTP:
        put_field(buf, ",\"xhttpSettings\":{\"path\":", client->path);
        put_field(buf, ",\"mode\":", client->mode);
        if (client->extra != NULL) {
            buf_puts(buf, ",\"extra\":");
            buf_puts(buf, client->extra); /* JSON as it is */
        }
        break;
    default:
        return;
    }
    put_field(buf, ",\"host\":", client->host);
    buf_putc(buf, '}');
}

void
outbound_put_xray(struct buf *buf, const struct client *client)
{
    put_field(buf, ",\"encryption\":", client->encryption);
    put_field(buf, ",\"flow\":", client->flow);
    put_field(buf, "}],\"address\":", client->address);
    buf_printf(buf, ",\"port\":%u}]},\"streamSettings\":{\"network\":\"%s\",\"security\":\"%s\"",
               client->port, transport_name(client->type), security_name(client->security));
    if (client->security == SECURITY_TLS)
        put_tls(buf, client);
    else if (client->security == SECURITY_REALITY)
        put_reality(buf, client);
    put_transport(buf, client);
    buf_puts(buf, "}}");
}
