#include "feature.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[FEATURES] = {
    [FEATURE_XHTTP] = "xhttp",
    [FEATURE_XHTTP_EXTRA] = "xhttp extra",
    [FEATURE_HTTPUPGRADE] = "httpupgrade",
    [FEATURE_GRPC_PATH] = "custom gRPC path",
    [FEATURE_REALITY] = "reality",
    [FEATURE_VISION] = "vision",
    [FEATURE_ENCRYPTION] = "VLESS encryption",
    [FEATURE_PQV] = "pqv",
    [FEATURE_ECH] = "ech",
    [FEATURE_ECH_DNS] = "ech by DNS",
    [FEATURE_PIN] = "pcs",
    [FEATURE_PINS] = "several pcs",
    [FEATURE_VCN] = "vcn",
    [FEATURE_QUERY] = "query in path",
    [FEATURE_FP] = "uncommon fp",
};

static uint32_t
when(bool condition, enum feature feature)
{
    return condition ? FEATURE_BIT(feature) : 0;
}

size_t
split_early_data(const char *path, unsigned *early_data)
{
    const char *mark = strstr(path, "?ed=");
    char *end;
    unsigned long number;

    *early_data = 0;
    if (mark == NULL || mark[4] < '0' || mark[4] > '9')
        return strlen(path);
    number = strtoul(mark + 4, &end, 10);
    if (*end != '\0' || number > 65535)
        return strlen(path);
    *early_data = (unsigned)number;
    return (size_t)(mark - path);
}

/* A query in what an app asks for, when the early data is taken off. */
static bool
has_query(const struct client *client)
{
    bool is_upgrade = client->type == TRANSPORT_WS || client->type == TRANSPORT_HTTPUPGRADE;
    unsigned early_data;

    return is_upgrade && client->path != NULL &&
           memchr(client->path, '?', split_early_data(client->path, &early_data)) != NULL;
}

uint32_t
features_of(const struct client *client)
{
    bool has_many_sums = client->pcs != NULL && strchr(client->pcs, ',') != NULL;
    bool asks_dns = client->ech != NULL && strstr(client->ech, "://") != NULL;

    return when(client->type == TRANSPORT_XHTTP, FEATURE_XHTTP) |
           when(client->extra != NULL, FEATURE_XHTTP_EXTRA) |
           when(client->type == TRANSPORT_HTTPUPGRADE, FEATURE_HTTPUPGRADE) |
           when(client->service != NULL && client->service[0] == '/', FEATURE_GRPC_PATH) |
           when(client->security == SECURITY_REALITY, FEATURE_REALITY) |
           when(client->flow != NULL, FEATURE_VISION) |
           when(strcmp(client->encryption, "none") != 0, FEATURE_ENCRYPTION) |
           when(client->pqv != NULL, FEATURE_PQV) |
           when(client->ech != NULL && !asks_dns, FEATURE_ECH) | when(asks_dns, FEATURE_ECH_DNS) |
           when(client->pcs != NULL && !has_many_sums, FEATURE_PIN) |
           when(has_many_sums, FEATURE_PINS) | when(client->vcn != NULL, FEATURE_VCN) |
           when(has_query(client), FEATURE_QUERY) |
           when(client->fp != NULL && !client_fp_is_common(client->fp), FEATURE_FP);
}

const char *
feature_name(enum feature feature)
{
    return names[feature];
}
