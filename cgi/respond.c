#include "respond.h"

#include <string.h>

#include "base64.h"
#include "fault.h"
#include "hex.h"
#include "metadata.h"
#include "negotiate.h"
#include "siphash.h"

/*
 * A set's links (SET_BYTES_MAX) and as many remarks; base64 makes 4 of 3, and what it is made of
 * may be a profile as well.
 */
enum { LINKS_MAX = 2 * 1024 * 1024, BODY_MAX = 3 * 1024 * 1024, FIELDS_MAX = 32 * 1024 };

void
site_init(struct site *site, const struct config *config)
{
    site->snapshot = NULL;
    site->config = config;
    usage_init(&site->usage);
    memset(&site->liveness, 0, sizeof(site->liveness));
    buf_init(&site->links, LINKS_MAX);
    buf_init(&site->body, BODY_MAX);
    buf_init(&site->fields, FIELDS_MAX);
    show_init(&site->show);
}

void
site_release(struct site *site)
{
    usage_close(&site->usage);
    liveness_release(&site->liveness);
    buf_release(&site->links);
    buf_release(&site->body);
    buf_release(&site->fields);
    show_release(&site->show);
}

/* "/<address>" or "/api/<address>", and then nothing or "/<format>". */
static int
parse_path(const char *path, struct address *address, const char **suffix)
{
    size_t len;

    *suffix = NULL;
    if (path == NULL)
        return -1;
    if (strncmp(path, "/api/", 5) == 0)
        path += 4;
    if (path[0] != '/')
        return -1;
    len = strcspn(path + 1, "/");
    if (path[1 + len] == '/')
        *suffix = path + len + 2;
    return address_parse(path + 1, len, address);
}

/*
 * Whether If-None-Match (RFC 9110 section 13.1.2) names the tag: a list, compared weakly, since a
 * server that compresses the body also weakens the tag.
 */
static bool
is_none_match(const char *header, const char *etag)
{
    size_t len = strlen(etag), n;

    header += strspn(header, " \t");
    if (*header == '*')
        return header[1 + strspn(header + 1, " \t")] == '\0';
    while (*header != '\0') {
        header += strspn(header, " \t,");
        if (strncmp(header, "W/", 2) == 0)
            header += 2;
        if (*header != '"')
            return false;
        n = strcspn(header + 1, "\"") + 2;
        if (header[n - 1] != '"')
            return false;
        if (n == len && memcmp(header, etag, len) == 0)
            return true;
        header += n;
    }
    return false;
}

/* The tag hashes what the body is made of, and tells formats of the same links apart. */
static void
make_etag(const struct buf *made_of, enum format format, char etag[ETAG_SIZE])
{
    uint8_t key[16] = "signpost etag 1";
    uint64_t hash;
    int i;

    key[15] = (uint8_t)format;
    hash = siphash(key, made_of->data, made_of->len);
    etag[0] = etag[17] = '"';
    for (i = 0; i < 8; i++)
        hex_put(etag + 1 + 2 * i, (uint8_t)(hash >> (56 - 8 * i)));
    etag[18] = '\0';
}

static void
outage(struct response *response, bool is_damaged)
{
    response->status = 503;
    response->is_damaged = is_damaged;
}

static void
miss(struct response *response, enum refusal refusal)
{
    response->status = 404;
    response->refusal = refusal;
}

/* What was used, where the file of it can be trusted. */
static struct traffic
traffic_of(struct site *site)
{
    const struct snapshot_device *device = &site->subscription.device;
    struct traffic traffic = {.total = device->traffic_limit};

    traffic.is_known = usage_find(&site->usage, device->user_id, &traffic.upload,
                                  &traffic.download);
    if (fault_happened()) { /* cut short while it was read; no word of it counts */
        usage_close(&site->usage);
        traffic = (struct traffic){.total = device->traffic_limit};
    }
    return traffic;
}

/* A profile into body. Returns 0, or -1 when the snapshot is damaged. */
static int
make_profile(struct site *site, const struct choice *choice)
{
    enum frame first = choice->format == FORMAT_CLASH  ? FRAME_CLASH
                       : choice->format == FORMAT_XRAY ? FRAME_XRAY
                                                       : choice->frame;
    int count = choice->format == FORMAT_XRAY ? 2 : 1, i;
    struct frame_bytes frames[2];

    if (subscription_add_outbounds(site->snapshot, frame_outbound(first), &site->subscription) != 0)
        return -1;
    for (i = 0; i < count; i++)
        if (snapshot_get_frame(site->snapshot, (int)first + i, &frames[i].bytes, &frames[i].len) !=
            1)
            return -1;
    return format_profile(&site->body, choice->format, frames, &site->subscription);
}

/* Makes body, tag and fields. Returns 0, or -1 when the snapshot is damaged. */
static int
make_answer(const struct request *request, struct site *site, const struct choice *choice,
            struct response *response)
{
    const struct buf *made_of = &site->body;
    struct metadata metadata = {
        &site->config->profile, &site->config->policy.urls, &site->subscription, {0}};

    /* Each may have failed in an answer before, and not every answer uses all of them. */
    buf_clear(&site->links);
    buf_clear(&site->body);
    buf_clear(&site->fields);
    response->body = &site->body;
    if (format_is_profile(choice->format)) {
        if (make_profile(site, choice) != 0)
            return -1;
    } else {
        made_of = &site->links;
        format_links(&site->links, &site->subscription);
    }
    /* What the snapshot gave has been read: from here on a fault is the usage file's. */
    if (fault_happened()) {
        response->is_torn = true;
        return -1;
    }
    metadata.traffic = traffic_of(site);
    if (choice->format == FORMAT_PAGE) {
        show_page(&site->show, &metadata, request->user_agent, request->language, &site->links,
                  &site->body, &site->fields);
        made_of = &site->body;
    } else {
        metadata_put(&site->fields, &metadata);
    }
    if (choice->format == FORMAT_LINKS) {
        response->body = &site->links;
    } else if (choice->format == FORMAT_BASE64) {
        base64_put(&site->body, site->links.data, site->links.len);
    }
    make_etag(made_of, choice->format, response->etag);
    response->fields = &site->fields;
    return 0;
}

/* Which device in which form. Returns false when the request is a miss. */
static bool
read_request(const struct request *request, const struct config *config, struct address *address,
             struct choice *choice)
{
    struct hints hints = {request->query, NULL, request->user_agent, request->accept};

    return parse_path(request->path, address, &hints.suffix) == 0 &&
           negotiate(&hints, &config->agents, choice) == 0;
}

void
respond(const struct request *request, struct site *site, int64_t now, struct response *response)
{
    struct address address;
    struct choice choice;

    memset(response, 0, sizeof(*response));
    /* First, so that in an outage a wrong path looks like any other. */
    if (site->snapshot == NULL) {
        outage(response, false);
        return;
    }
    response->is_head = request->method != NULL && strcmp(request->method, "HEAD") == 0;
    if ((!response->is_head && (request->method == NULL || strcmp(request->method, "GET") != 0)) ||
        !read_request(request, site->config, &address, &choice)) {
        miss(response, REFUSAL_UNKNOWN);
        return;
    }
    if (subscription_ask(site->snapshot, &address, now, choice.known, &site->liveness,
                         &site->subscription) != 0) {
        outage(response, true);
        return;
    }
    if (site->subscription.refusal != REFUSAL_NONE || choice.format == FORMAT_NONE) {
        miss(response, choice.format == FORMAT_NONE ? REFUSAL_ROBOT : site->subscription.refusal);
        return;
    }
    response->format = choice.format;
    if (make_answer(request, site, &choice, response) != 0) {
        outage(response, true);
        return;
    }
    if (site->links.failed || site->fields.failed || response->body->failed) {
        outage(response, false);
        return;
    }
    response->status = request->if_none_match != NULL &&
                               is_none_match(request->if_none_match, response->etag)
                           ? 304
                           : 200;
}

void
response_put(struct buf *buf, const struct response *response)
{
    switch (response->status) {
    case 200:
        buf_puts(buf, "Status: 200 OK\r\nContent-Type: ");
        buf_puts(buf, format_content_type(response->format));
        buf_puts(buf, "\r\nContent-Length: ");
        buf_put_number(buf, response->body->len);
        break;
    case 304:
        buf_puts(buf, "Status: 304 Not Modified");
        break;
    case 404:
        /* The web server puts its own page here; nothing of ours shall show through. */
        buf_puts(buf, "Status: 404 Not Found\r\nContent-Type: text/html\r\n\r\n");
        return;
    default:
        buf_puts(buf, "Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
                      "Retry-After: 60\r\n\r\n");
        return;
    }
    buf_puts(buf, "\r\nETag: ");
    buf_puts(buf, response->etag);
    buf_puts(buf, "\r\nCache-Control: private, no-cache\r\nVary: User-Agent, Accept");
    if (response->format == FORMAT_PAGE)
        buf_puts(buf, ", Accept-Language");
    buf_puts(buf, "\r\n");
    buf_put(buf, response->fields->data, response->fields->len);
    buf_puts(buf, "\r\n");
    if (response->status == 200 && !response->is_head)
        buf_put(buf, response->body->data, response->body->len);
}
