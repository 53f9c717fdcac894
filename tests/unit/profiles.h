/*
 * A subscription made by hand and profiles of it, for the tests of formats and frames: no snapshot
 * and no registry. What is asserted here is not the subject of any test.
 */
#ifndef SIGNPOST_UNIT_PROFILES_H
#define SIGNPOST_UNIT_PROFILES_H

#include "clients.h"
#include "escape.h"
#include "format.h"
#include "remark.h"

#define PROFILE_ROOM (4 * 1024 * 1024)

static struct subscription profile_subscription; /* large */
static struct buf profile_texts;                 /* what its entries point into */

static inline int
profile_set_up(void **state)
{
    (void)state;
    memset(&profile_subscription, 0, sizeof(profile_subscription));
    buf_init(&profile_texts, PROFILE_ROOM);
    /* All of it at once, so that nothing in it moves. */
    assert_true(buf_grow(&profile_texts, PROFILE_ROOM));
    assert_int_equal(0, uuid_parse(CLIENT_UUID, strlen(CLIENT_UUID), &profile_subscription.uuid));
    return 0;
}

static inline int
profile_tear_down(void **state)
{
    (void)state;
    buf_release(&profile_texts);
    return 0;
}

/* Forgets the endpoints; the device's name lasts as long as the string. */
static inline void
profile_begin(const char *device)
{
    buf_clear(&profile_texts);
    profile_subscription.set.count = profile_subscription.count = 0;
    profile_subscription.device.name = device;
    profile_subscription.device.name_len = strlen(device);
}

/* Adds an endpoint; its remark may hold REMARK_DEVICE. */
static inline void
profile_add(const char *remark, enum outbound outbound, const struct client *client)
{
    struct set *set = &profile_subscription.set;
    struct set_entry *entry = &set->entries[set->count];
    struct buf *buf = &profile_texts;
    size_t start = buf->len;

    assert_true(set->count < SET_MAX);
    remark_escape(buf, remark, escape_quoted);
    entry->name = buf->data + start;
    entry->name_len = (uint32_t)(buf->len - start);
    start = buf->len;
    remark_escape(buf, remark, escape_percent);
    entry->remark = buf->data + start;
    entry->remark_len = (uint32_t)(buf->len - start);
    start = buf->len;
    outbound_put(buf, outbound, client);
    entry->outbound = buf->data + start;
    entry->outbound_len = (uint32_t)(buf->len - start);
    entry->middle = "@a.example:443?type=tcp#";
    entry->middle_len = (uint32_t)strlen(entry->middle);
    assert_false(buf->failed);
    profile_subscription.order[set->count] = (uint16_t)set->count;
    profile_subscription.count = ++set->count;
}

/* The same, as plain as can be. */
static inline void
profile_add_plain(const char *remark, enum outbound outbound)
{
    struct client client = client_of(TRANSPORT_TCP, SECURITY_NONE);

    profile_add(remark, outbound, &client);
}

static inline enum format
profile_format(enum frame frame)
{
    return frame_outbound(frame) == OUTBOUND_CLASH      ? FORMAT_CLASH
           : frame_outbound(frame) == OUTBOUND_SING_BOX ? FORMAT_SING_BOX
                                                        : FORMAT_XRAY;
}

/*
 * Fills templates in: one, or two for Xray's array, of which the second is that of one server. The
 * buffer is initialized to hold at most cap bytes and released by the caller. Returns what
 * format_profile does.
 */
static inline int
profile_fill(struct buf *out, size_t cap, enum frame frame, const char *const texts[2],
             const struct strings *urls)
{
    static const struct strings none = {NULL, 0};
    enum format format = profile_format(frame);
    struct frame_bytes frames[2];
    struct buf compiled[2];
    struct error error;
    int i, rc;

    for (i = 0; i < 2; i++) {
        buf_init(&compiled[i], PROFILE_ROOM);
        if (i == 0 || texts[i] != NULL) {
            if (frame_compile(i == 0 ? frame : FRAME_XRAY_ONE, texts[i], strlen(texts[i]),
                              urls != NULL ? urls : &none, &compiled[i], &error) != 0)
                fail_msg("%s", error.text);
        }
        frames[i] = (struct frame_bytes){(const uint8_t *)compiled[i].data, compiled[i].len};
    }
    buf_init(out, cap);
    rc = format_profile(out, format, frames, &profile_subscription);
    buf_release(&compiled[0]);
    buf_release(&compiled[1]);
    return rc;
}

#define with_profile(test) cmocka_unit_test_setup_teardown(test, profile_set_up, profile_tear_down)

#endif
