#include "link.h"

#include <ctype.h>
#include <string.h>

#include "escape.h"

static void
parameter(struct buf *buf, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    buf_putc(buf, '&');
    buf_puts(buf, name);
    buf_putc(buf, '=');
    escape_percent(buf, value, strlen(value));
}

/* A host's letters may be of either case: so no word in it is mistaken. */
static void
put_address(struct buf *buf, const char *address)
{
    bool is_ipv6 = strchr(address, ':') != NULL;
    const char *p;

    buf_puts(buf, is_ipv6 ? "@[" : "@");
    for (p = address; *p != '\0'; p++) {
        if (escape_is_mistakable(p, strlen(p)))
            buf_putc(buf, (char)toupper((unsigned char)*p));
        else
            buf_putc(buf, *p);
    }
    buf_puts(buf, is_ipv6 ? "]" : "");
}

void
link_put_middle(struct buf *buf, const struct client *client)
{
    put_address(buf, client->address);
    buf_printf(buf, ":%u?", client->port);
    buf_puts(buf, "type=");
    buf_puts(buf, transport_name(client->type));
    parameter(buf, "encryption", client->encryption);
    parameter(buf, "flow", client->flow);
    parameter(buf, "host", client->host);
    parameter(buf, "path", client->path);
    parameter(buf, "serviceName", client->service);
    parameter(buf, "mode", client->mode);
    parameter(buf, "authority", client->authority);
    parameter(buf, "extra", client->extra);
    parameter(buf, "security", security_name(client->security));
    parameter(buf, "sni", client->sni);
    parameter(buf, "fp", client->fp);
    parameter(buf, "pbk", client->pbk);
    parameter(buf, "sid", client->sid);
    parameter(buf, "spx", client->spx);
    parameter(buf, "pqv", client->pqv);
    parameter(buf, "alpn", client->alpn);
    parameter(buf, "ech", client->ech);
    parameter(buf, "pcs", client->pcs);
    parameter(buf, "vcn", client->vcn);
    buf_putc(buf, '#');
}
