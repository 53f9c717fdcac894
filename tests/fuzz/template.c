/*
 * An operator's template. The first byte of an input chooses the frame ('0' is the first), the rest
 * is the template.
 * What format_check lets pass must make whole profiles of whatever devices are called.
 */
#include "fuzz.h"

#include "escape.h"
#include "format_check.h"

enum { ROOM = 4 * 1024 * 1024 };

static const char hostile[] = "\"\\\n{{proxies}}\u2028</script>, [x: y] #\U0001f1e9\U0001f1ea";
static const struct strings none = {NULL, 0};
static struct subscription subscription; /* large */

/* So many servers by hostile names, as the set in a snapshot has them. */
static void
make_subscription(enum frame frame, uint32_t count, struct buf *texts)
{
    struct client client = {.port = 443, .address = "a.example", .encryption = "none"};
    uint32_t i;

    buf_clear(texts);
    require(buf_grow(texts, 4096));
    for (i = 0; i < count; i++) {
        struct set_entry *entry = &subscription.set.entries[i];
        size_t start = texts->len;

        escape_quoted(texts, hostile, sizeof(hostile) - 1);
        buf_put_number(texts, i);
        entry->name = texts->data + start;
        entry->name_len = (uint32_t)(texts->len - start);
        start = texts->len;
        outbound_put(texts, frame_outbound(frame), &client);
        entry->outbound = texts->data + start;
        entry->outbound_len = (uint32_t)(texts->len - start);
        subscription.order[i] = (uint16_t)i;
    }
    require(!texts->failed && texts->len <= 4096);
    subscription.set.count = subscription.count = count;
    subscription.device.name = hostile;
    subscription.device.name_len = sizeof(hostile) - 1;
}

static void
check_profiles(enum frame frame, const struct buf *compiled)
{
    const struct frame_bytes bytes = {(const uint8_t *)compiled->data, compiled->len};
    const struct frame_bytes frames[2] = {bytes, bytes};
    enum format format = frame_outbound(frame) == OUTBOUND_SING_BOX ? FORMAT_SING_BOX : FORMAT_XRAY;
    struct buf texts, out;
    json_error_t error;
    json_t *tree;
    uint32_t count;

    buf_init(&texts, ROOM);
    buf_init(&out, ROOM);
    for (count = 1; count <= 3; count += 2) {
        make_subscription(frame, count, &texts);
        buf_clear(&out);
        require(format_profile(&out, format, frames, &subscription) == 0);
        if (out.failed)
            break;
        tree = json_loadb(out.data, out.len, 0, &error);
        require(tree != NULL);
        json_decref(tree);
    }
    buf_release(&out);
    buf_release(&texts);
}

/* Every part lies within the frame, and the last one is the end. */
static void
check_walk(const struct buf *compiled)
{
    uint8_t *copy = fuzz_copy(compiled->data, compiled->len);
    enum frame_place place = PLACE_PROXIES;
    size_t left = compiled->len, text_len;
    const uint8_t *p = copy;
    const char *text;
    int rc;

    while ((rc = frame_next(&p, &left, &text, &text_len, &place)) == 1)
        require((const uint8_t *)text + text_len <= copy + compiled->len);
    require(rc == 0 && left == 0 && place == PLACE_END);
    free(copy);
}

/* As a frame from a snapshot: any bytes at all. */
static void
check_any_walk(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    size_t left = size, text_len;
    enum frame_place place;
    const uint8_t *p = copy;
    const char *text;
    int rc;

    while ((rc = frame_next(&p, &left, &text, &text_len, &place)) == 1) {
        require(place >= PLACE_END && place <= PLACE_DEVICE);
        require((const uint8_t *)text + text_len <= copy + size);
    }
    require(rc == 0 || rc == -1);
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum frame frame = size > 0 ? (enum frame)((data[0] + FRAMES - '0' % FRAMES) % FRAMES) : 0;
    size_t len = size > 0 ? size - 1 : 0;
    char *text = fuzz_copy(size > 0 ? data + 1 : data, len);
    struct error error = {.text = ""};
    struct buf compiled;

    check_any_walk(data, size);
    if (format_check(frame, text, len, &none, &error) == 0) {
        buf_init(&compiled, ROOM);
        require(frame_compile(frame, text, len, &none, &compiled, &error) == 0);
        check_walk(&compiled);
        if (frame != FRAME_CLASH)
            check_profiles(frame, &compiled);
        buf_release(&compiled);
    } else {
        require(error.text[0] != '\0');
    }
    free(text);
    return 0;
}
