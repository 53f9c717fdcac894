#include "frame.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "escape.h"
#include "host.h"
#include "text.h"

enum { PART_HEAD = 5 }; /* u32 length of the text, u8 place */

/* The files of templates/ become part of the program. */
#define EMBED(name, file)                                                                        \
    __asm__(".section .rodata\n" #name "_start:\n.incbin \"" TEMPLATES_DIR "/" file "\"\n" #name \
            "_end:\n.byte 0\n.previous\n");                                                      \
    extern const char name##_start[], name##_end[];

EMBED(frame_clash, "clash.yaml")
EMBED(frame_sing_box, "sing-box.json")
EMBED(frame_sing_box_1_11, "sing-box-1.11.json")
EMBED(frame_sing_box_1_10, "sing-box-1.10.json")
EMBED(frame_sing_box_1_9, "sing-box-1.9.json")
EMBED(frame_xray, "xray.json")
EMBED(frame_xray_one, "xray-one.json")

static const struct {
    const char *name;
    enum outbound outbound;
    const char *start, *end;
} frames[FRAMES] = {
    [FRAME_CLASH] = {"clash", OUTBOUND_CLASH, frame_clash_start, frame_clash_end},
    [FRAME_SING_BOX] = {"sing-box", OUTBOUND_SING_BOX, frame_sing_box_start, frame_sing_box_end},
    [FRAME_SING_BOX_1_11] = {"sing-box-1.11", OUTBOUND_SING_BOX, frame_sing_box_1_11_start,
                             frame_sing_box_1_11_end},
    [FRAME_SING_BOX_1_10] = {"sing-box-1.10", OUTBOUND_SING_BOX, frame_sing_box_1_10_start,
                             frame_sing_box_1_10_end},
    [FRAME_SING_BOX_1_9] = {"sing-box-1.9", OUTBOUND_SING_BOX, frame_sing_box_1_9_start,
                            frame_sing_box_1_9_end},
    [FRAME_XRAY] = {"xray", OUTBOUND_XRAY, frame_xray_start, frame_xray_end},
    [FRAME_XRAY_ONE] = {"xray-one", OUTBOUND_XRAY, frame_xray_one_start, frame_xray_one_end},
};

const char *
frame_name(enum frame frame)
{
    return frames[frame].name;
}

enum outbound
frame_outbound(enum frame frame)
{
    return frames[frame].outbound;
}

const char *
frame_default(enum frame frame, size_t *len)
{
    *len = (size_t)(frames[frame].end - frames[frame].start);
    return frames[frame].start;
}

/* The host of a public URL in normal form. */
static enum host_kind
host_of_url(const char *url, char host[HOST_MAX])
{
    const char *start = strstr(url, "://"), *end;
    char text[HOST_MAX + 2];
    size_t len;

    if (start == NULL)
        return HOST_BAD;
    start += 3;
    end = start + strcspn(start, "/?#");
    if (memchr(start, '@', (size_t)(end - start)) != NULL)
        start = (const char *)memchr(start, '@', (size_t)(end - start)) + 1;
    len = *start == '[' ? strcspn(start, "]") + 1 : strcspn(start, ":/?#");
    if (len >= sizeof(text))
        return HOST_BAD;
    memcpy(text, start, len);
    text[len] = '\0';
    return host_parse(text, host);
}

/* One rule that sends a host through the tunnel, whichever server is alive. */
static void
put_rule(struct buf *buf, enum frame frame, enum host_kind kind, const char *host)
{
    bool is_name = kind == HOST_NAME;
    int bits = kind == HOST_IPV4 ? 32 : 128;

    switch (frames[frame].outbound) {
    case OUTBOUND_CLASH:
        if (is_name)
            buf_printf(buf, "  - \"DOMAIN,%s,Auto\"\n", host);
        else
            buf_printf(buf, "  - \"IP-CIDR%s,%s/%d,Auto,no-resolve\"\n",
                       kind == HOST_IPV4 ? "" : "6", host, bits);
        break;
    case OUTBOUND_SING_BOX:
        if (is_name)
            buf_printf(buf, "{\"domain\":[\"%s\"],\"outbound\":\"Auto\"},", host);
        else
            buf_printf(buf, "{\"ip_cidr\":[\"%s/%d\"],\"outbound\":\"Auto\"},", host, bits);
        break;
    default:
        buf_printf(buf, "{\"type\":\"field\",\"%s\":[\"%s%s\"],\"%s\":\"%s\"},",
                   is_name ? "domain" : "ip", is_name ? "full:" : "", host,
                   frame == FRAME_XRAY ? "balancerTag" : "outboundTag",
                   frame == FRAME_XRAY ? "Auto" : "proxy-1");
        break;
    }
}

static void
put_public_rules(struct buf *buf, enum frame frame, const struct strings *urls)
{
    char hosts[2][HOST_MAX]; /* this one, and an earlier one */
    enum host_kind kind;
    size_t i, k;

    for (i = 0; i < urls->count; i++) {
        kind = host_of_url(urls->items[i], hosts[0]);
        if (kind == HOST_BAD)
            continue;
        for (k = 0; k < i; k++)
            if (host_of_url(urls->items[k], hosts[1]) != HOST_BAD &&
                strcmp(hosts[0], hosts[1]) == 0)
                break;
        if (k == i)
            put_rule(buf, frame, kind, hosts[0]);
    }
}

static bool
is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* Which place a word names; PLACE_END for none. */
static enum frame_place
place_of(const char *text, size_t len)
{
    static const char *const words[] = {[PLACE_PROXIES] = "proxies",
                                        [PLACE_NAMES] = "names",
                                        [PLACE_NAME] = "name",
                                        [PLACE_DEVICE] = "device"};
    int i;

    for (i = PLACE_PROXIES; i <= PLACE_DEVICE; i++)
        if (is_word(text, len, words[i]))
            return (enum frame_place)i;
    return PLACE_END;
}

/* Closes the part whose text starts behind head. */
static void
end_part(struct buf *buf, size_t head, enum frame_place place)
{
    if (buf->failed)
        return;
    put_u32((uint8_t *)buf->data + head, (uint32_t)(buf->len - head - PART_HEAD));
    buf->data[head + 4] = (char)place;
}

/* Tells of a place that is none: where its braces open, and what stands in them. */
static int
wrong(struct error *error, const char *text, const char *open, size_t len)
{
    const char *p;
    char word[24];

    /* What is none may end within a character, and the text need not be terminated. */
    len = len < sizeof(word) - 1 ? len : sizeof(word) - 1;
    memcpy(word, open + 2, len);
    word[len] = '\0';
    word[strcspn(word, "\r\n")] = '\0';
    error_set(error,
              "'{{%.*s' is none of {{proxies}}, {{names}}, {{name}}, {{device}}, "
              "{{public_rules}}",
              (int)text_cut(word, sizeof(word) - 4), word);
    error->line = error->column = 1;
    for (p = text; p < open; p++) {
        error->column += ((unsigned char)*p & 0xc0) != 0x80;
        if (*p == '\n') {
            error->line++;
            error->column = 1;
        }
    }
    return -1;
}

int
frame_compile(enum frame frame, const char *text, size_t len, const struct strings *urls,
              struct buf *buf, struct error *error)
{
    static const uint8_t empty[PART_HEAD];
    const char *p, *end = text + len, *open, *word, *close;
    size_t head = buf->len;
    bool has_proxies = false;
    enum frame_place place;

    /* Some editors' byte order mark: JSON may have none (RFC 8259 section 8.1). */
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    p = text;
    error->line = error->column = 0;
    buf_put(buf, empty, sizeof(empty));
    while ((open = memmem(p, (size_t)(end - p), "{{", 2)) != NULL) {
        word = open + 2;
        close = memmem(word, (size_t)(end - word), "}}", 2);
        buf_put(buf, p, (size_t)(open - p));
        if (close == NULL)
            return wrong(error, text, open, (size_t)(end - word));
        p = close + 2;
        if (is_word(word, (size_t)(close - word), "public_rules")) {
            put_public_rules(buf, frame, urls);
            continue;
        }
        place = place_of(word, (size_t)(close - word));
        if (place == PLACE_END)
            return wrong(error, text, open, (size_t)(close - word));
        has_proxies |= place == PLACE_PROXIES;
        end_part(buf, head, place);
        head = buf->len;
        buf_put(buf, empty, sizeof(empty));
    }
    buf_put(buf, p, (size_t)(end - p));
    end_part(buf, head, PLACE_END);
    if (!has_proxies)
        return error_set(error, "holds no {{proxies}}: nobody would get a server");
    return buf->failed ? error_set(error, "too large, or no memory") : 0;
}

int
frame_next(const uint8_t **bytes, size_t *len, const char **text, size_t *text_len,
           enum frame_place *place)
{
    if (*len == 0)
        return 0;
    if (*len < PART_HEAD)
        return -1;
    *text_len = get_u32(*bytes);
    if ((*bytes)[4] > PLACE_DEVICE || *text_len > *len - PART_HEAD)
        return -1;
    *place = (enum frame_place)(*bytes)[4];
    *text = (const char *)*bytes + PART_HEAD;
    *bytes += PART_HEAD + *text_len;
    *len -= PART_HEAD + *text_len;
    /* The last part, and no other, is followed by nothing. */
    return (*place == PLACE_END) != (*len == 0) ? -1 : 1;
}
