/*
 * What apps are told, for the tests of metadata.h and show.h: one subscription with settings that
 * tests change. What is asserted here is not the subject of any test.
 */
#ifndef SIGNPOST_UNIT_TOLD_H
#define SIGNPOST_UNIT_TOLD_H

#include "metadata.h"

#define TOLD_UUID "8f3c5d1e-6324-4d53-ad4f-8cda48b30811"

static struct subscription told_subscription; /* large */
static struct profile_settings told_profile;
static struct strings told_urls;
static struct metadata told;

static inline void
told_name(const char *device, const char *user)
{
    told_subscription.device.name = device;
    told_subscription.device.name_len = strlen(device);
    told_subscription.device.user = user;
    told_subscription.device.user_len = strlen(user);
}

/* Adds a link of that name. */
static inline void
told_add(const char *remark)
{
    struct set_entry *entry = &told_subscription.set.entries[told_subscription.count];

    entry->middle = "@a.example:443?type=tcp#";
    entry->middle_len = (uint32_t)strlen(entry->middle);
    entry->remark = remark;
    entry->remark_len = (uint32_t)strlen(remark);
    told_subscription.order[told_subscription.count] = (uint16_t)told_subscription.count;
    told_subscription.set.count = ++told_subscription.count;
}

/* As without any settings: a device "phone" that never expires. */
static inline int
told_set_up(void **state)
{
    (void)state;
    memset(&told_subscription, 0, sizeof(told_subscription));
    assert_int_equal(0, uuid_parse(TOLD_UUID, UUID_TEXT, &told_subscription.uuid));
    told_subscription.device.expires = INT64_MAX;
    told_name("phone", "");
    told_add("phone");
    config_default_profile(&told_profile);
    if (told_profile.filename == NULL)
        told_profile.filename = told_profile.title;
    told_urls = (struct strings){NULL, 0};
    told = (struct metadata){&told_profile, &told_urls, &told_subscription, {0}};
    return 0;
}

#define with_told(test) cmocka_unit_test_setup(test, told_set_up)

#endif
