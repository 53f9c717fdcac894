#include "format_check.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "document.h"

enum { ROOM = 4 * 1024 * 1024 };

/*
 * Two servers, as different as can be, by names (escaped already) that break what is not in quotes.
 */
static void
sample(struct subscription *subscription, enum outbound outbound, struct buf bufs[2])
{
    static const char *const names[2] = {"One: 'a' \\\"b\\\" # c", "Two: 'a' \\\"b\\\" # c"};
    struct client clients[2];
    int i;

    client_defaults(&clients[0], "sample.service");
    clients[0].address = clients[0].sni = "one.example.org";
    clients[0].alpn = "h2";
    client_defaults(&clients[1], NULL);
    clients[1].address = "2001:db8::2";
    clients[1].type = TRANSPORT_WS;
    clients[1].path = "/path";
    clients[1].sni = "two.example.org";
    clients[0].fp = clients[1].fp = "chrome";
    for (i = 0; i < 2; i++) {
        buf_init(&bufs[i], ROOM);
        outbound_put(&bufs[i], outbound, &clients[i]);
        subscription->set.entries[i] = (struct set_entry){.name = names[i],
                                                          .name_len = (uint32_t)strlen(names[i]),
                                                          .outbound = bufs[i].data,
                                                          .outbound_len = (uint32_t)bufs[i].len};
        subscription->order[i] = (uint16_t)i;
    }
    subscription->device.name = "Phone: 'a' \"b\" # c";
    subscription->device.name_len = (uint32_t)strlen(subscription->device.name);
    subscription->set.count = subscription->count = 2;
}

/* Only whether it is YAML at all: what it says is the app's business. */
static int
check_yaml(const struct buf *text, struct error *error)
{
    yaml_parser_t parser;
    yaml_event_t event;
    bool at_end = false;
    int rc = 0;

    if (!yaml_parser_initialize(&parser))
        return error_set(error, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text->data, text->len);
    while (rc == 0 && !at_end) {
        if (yaml_parser_parse(&parser, &event)) {
            at_end = event.type == YAML_STREAM_END_EVENT;
            yaml_event_delete(&event);
        } else {
            rc = error_set(error, "filled in for two servers it is no YAML: line %zu: %s",
                           parser.problem_mark.line + 1,
                           parser.problem != NULL ? parser.problem : "malformed");
        }
    }
    yaml_parser_delete(&parser);
    return rc;
}

static int
check_json(const struct buf *text, struct error *error)
{
    struct error problem;
    json_t *tree = document_parse(text->data, text->len, SYNTAX_JSON, &problem);

    json_decref(tree);
    if (tree != NULL)
        return 0;
    return error_set(error, "filled in for two servers it is no JSON: line %u: %s", problem.line,
                     problem.text);
}

static enum format
format_of(enum frame frame)
{
    switch (frame_outbound(frame)) {
    case OUTBOUND_CLASH:
        return FORMAT_CLASH;
    case OUTBOUND_SING_BOX:
        return FORMAT_SING_BOX;
    default:
        return FORMAT_XRAY;
    }
}

int
format_check(enum frame frame, const char *text, size_t len, const struct strings *urls,
             struct error *error)
{
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    struct buf frame_buf, bufs[2], out;
    struct frame_bytes frames[2];
    int rc = -1;

    *error = (struct error){0};
    if (subscription == NULL)
        return error_set(error, "out of memory");
    sample(subscription, frame_outbound(frame), bufs);
    buf_init(&frame_buf, ROOM);
    buf_init(&out, ROOM);
    if (frame_compile(frame, text, len, urls, &frame_buf, error) == 0) {
        frames[0] = frames[1] = (struct frame_bytes){(uint8_t *)frame_buf.data, frame_buf.len};
        rc = format_profile(&out, format_of(frame), frames, subscription);
        if (rc != 0 || out.failed)
            rc = error_set(error, "too large");
        else
            rc = frame == FRAME_CLASH ? check_yaml(&out, error) : check_json(&out, error);
    }
    buf_release(&out);
    buf_release(&frame_buf);
    buf_release(&bufs[0]);
    buf_release(&bufs[1]);
    free(subscription);
    return rc;
}
