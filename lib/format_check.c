#include "format_check.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "document.h"

enum { ROOM = 4 * 1024 * 1024 };

/*
 * Two servers, as different as can be, by names (escaped already) that break what is not in quotes,
 * or behind a backslash.
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
    subscription->device.name = "My phone: 'a' \"b\" # c";
    subscription->device.name_len = (uint32_t)strlen(subscription->device.name);
    subscription->set.count = subscription->count = 2;
}

/* Whether an event is of what our own reader of YAML refuses, and apps do not. */
static bool
is_elaborate(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    default:
        return false;
    }
}

/* Only whether it is YAML at all: what it says is the app's business. */
static int
check_syntax(const struct buf *text, bool *has_anchors, struct error *error)
{
    yaml_parser_t parser;
    yaml_event_t event;
    bool at_end = false;
    int rc = 0;

    *has_anchors = false;
    if (!yaml_parser_initialize(&parser))
        return error_set(error, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text->data, text->len);
    while (rc == 0 && !at_end) {
        if (yaml_parser_parse(&parser, &event)) {
            at_end = event.type == YAML_STREAM_END_EVENT;
            *has_anchors |= is_elaborate(&event);
            yaml_event_delete(&event);
        } else {
            rc = error_set_at(error, (unsigned)parser.problem_mark.line + 1, 1, "%s",
                              parser.problem != NULL ? parser.problem : "malformed");
        }
    }
    yaml_parser_delete(&parser);
    return rc;
}

static int
check_document(const struct buf *text, enum frame frame, struct error *error)
{
    bool is_yaml = frame == FRAME_CLASH, has_anchors = false;
    json_t *tree;

    if (is_yaml && check_syntax(text, &has_anchors, error) != 0)
        return -1;
    if (has_anchors)
        return 0;
    /* This finds a key that stands twice, too. */
    tree = document_parse(text->data, text->len, is_yaml ? SYNTAX_YAML : SYNTAX_JSON, error);
    json_decref(tree);
    return tree != NULL ? 0 : -1;
}

static size_t
lines_in(const struct buf *text)
{
    size_t lines = 0, i;

    for (i = 0; i < text->len; i++)
        lines += text->data[i] == '\n';
    return lines;
}

/* How many line ends come in where a rule's place stands. */
static size_t
lines_of_rules(enum frame frame, const struct strings *urls)
{
    static const char text[] = "{{proxies}}{{public_rules}}";
    struct error ignored;
    struct buf buf;
    size_t lines;

    buf_init(&buf, ROOM);
    (void)frame_compile(frame, text, sizeof(text) - 1, urls, &buf, &ignored);
    lines = lines_in(&buf);
    buf_release(&buf);
    return lines;
}

/* The template's line from which a line of the profile came. */
static unsigned
line_in_template(const char *text, size_t len, unsigned line, size_t of_proxies, size_t of_rules)
{
    const char *p, *end = text + len;
    size_t filled = 1;
    unsigned own = 1;

    for (p = text; p < end && filled < line; p++) {
        if (*p == '\n') {
            filled++;
            own++;
        } else if (end - p >= 11 && memcmp(p, "{{proxies}}", 11) == 0) {
            filled += of_proxies;
        } else if (end - p >= 16 && memcmp(p, "{{public_rules}}", 16) == 0) {
            filled += of_rules;
        }
    }
    return own;
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

/* Fills the frame in for so many servers and looks at what comes of it. */
static int
check_filled(enum frame frame, const struct frame_bytes *bytes, struct subscription *subscription,
             uint32_t count, struct error *problem)
{
    const struct frame_bytes frames[2] = {*bytes, *bytes};
    struct error why;
    struct buf out;
    int rc;

    subscription->set.count = subscription->count = count;
    buf_init(&out, ROOM);
    rc = format_profile(&out, format_of(frame), frames, subscription);
    if (rc != 0 || out.failed)
        rc = error_set(problem, "too large");
    else if ((rc = check_document(&out, frame, &why)) != 0)
        rc = error_set_at(problem, why.line, why.column, "no %s: %s",
                          frame == FRAME_CLASH ? "YAML" : "JSON", why.text);
    buf_release(&out);
    return rc;
}

int
format_check(enum frame frame, const char *text, size_t len, const struct strings *urls,
             struct error *error)
{
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    struct buf compiled, bufs[2];
    struct error problem = {0};
    uint32_t count;
    int rc;

    *error = (struct error){0};
    if (subscription == NULL)
        return error_set(error, "out of memory");
    sample(subscription, frame_outbound(frame), bufs);
    buf_init(&compiled, ROOM);
    rc = frame_compile(frame, text, len, urls, &compiled, error);
    /* What is sound for one and for two is so for any number: a third comes as the second did. */
    for (count = 2; rc == 0 && count > 0; count--) {
        const struct frame_bytes bytes = {(uint8_t *)compiled.data, compiled.len};

        rc = check_filled(frame, &bytes, subscription, count, &problem);
        if (rc != 0)
            error_set_at(error,
                         line_in_template(text, len, problem.line, frame == FRAME_CLASH ? count : 1,
                                          lines_of_rules(frame, urls)),
                         1, "filled in for %s it is %s", count == 1 ? "one server" : "two servers",
                         problem.text);
    }
    buf_release(&compiled);
    buf_release(&bufs[0]);
    buf_release(&bufs[1]);
    free(subscription);
    return rc;
}
