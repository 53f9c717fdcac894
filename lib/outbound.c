#include "outbound.h"

#include <string.h>

#include "escape.h"
#include "outbound_parts.h"

static const uint32_t features[OUTBOUNDS] = {
    [OUTBOUND_CLASH] = FEATURES_MIHOMO,
    [OUTBOUND_SING_BOX] = FEATURES_SING_BOX,
    [OUTBOUND_XRAY] = FEATURES_ALL,
};

uint32_t
outbound_features(enum outbound outbound)
{
    return features[outbound];
}

void
outbound_put(struct buf *buf, enum outbound outbound, const struct client *client)
{
    static void (*const put[OUTBOUNDS])(struct buf *, const struct client *) = {
        [OUTBOUND_CLASH] = outbound_put_clash,
        [OUTBOUND_SING_BOX] = outbound_put_sing_box,
        [OUTBOUND_XRAY] = outbound_put_xray,
    };

    put[outbound](buf, client);
}

void
put_field(struct buf *buf, const char *before, const char *value)
{
    if (value == NULL)
        return;
    buf_puts(buf, before);
    escape_string(buf, value);
}

void
put_array(struct buf *buf, const char *before, const char *list)
{
    size_t len;

    if (list == NULL)
        return;
    buf_puts(buf, before);
    buf_putc(buf, '[');
    for (;;) {
        len = strcspn(list, ",");
        buf_putc(buf, '"');
        escape_quoted(buf, list, len);
        buf_putc(buf, '"');
        if (list[len] == '\0')
            break;
        buf_putc(buf, ',');
        list += len + 1;
    }
    buf_putc(buf, ']');
}

unsigned
put_path(struct buf *buf, const char *before, const struct client *client)
{
    unsigned early_data;
    size_t len = split_early_data(client->path, &early_data);

    buf_puts(buf, before);
    buf_putc(buf, '"');
    escape_quoted(buf, client->path, len);
    buf_putc(buf, '"');
    return early_data;
}

const char *
host_of(const struct client *client)
{
    return client->host != NULL ? client->host : client->sni;
}
