/* DESIGN.md section 3: the status part of the way, device and user. */
#include "unit.h"

#include "sample.h"

static const struct policy_options no_options = {.core = NULL};

struct fixture {
    struct registry registry;
    struct policy policy;
};

static void
setup(struct fixture *f, const struct sample_file *changes, const struct policy_options *options)
{
    struct error error;

    sample_registry(&f->registry, changes);
    assert_int_equal(0, policy_init(&f->policy, &f->registry, options, &error));
}

static void
teardown(struct fixture *f)
{
    policy_release(&f->policy);
    registry_release(&f->registry);
}

static void
check_device(const char *device, const char *user, int64_t now, enum refusal expected)
{
    struct fixture f;
    struct uuid uuid = sample_uuid(DEVICE);
    const struct user *found = NULL;
    enum refusal refusal;

    setup(&f, FILES({KIND_DEVICE, DEVICE ".json", device}, {KIND_USER, "7.json", user}),
          &no_options);
    refusal = policy_device(&f.policy, registry_device(&f.registry, &uuid), now, &found);
    if (refusal != expected)
        fail_msg("%s / %s at %lld: %s instead of %s", device, user, (long long)now,
                 refusal_token(refusal), refusal_token(expected));
    if (expected == REFUSAL_NONE)
        assert_ptr_equal(registry_user(&f.registry, 7), found);
    teardown(&f);
}

static void
test_asks_the_status_of_device_and_user(void **state)
{
    static const char device[] = ACTIVE ", \"user_id\": 7}", user[] = USER "}";
    static const char *const wrong[] = {
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": \"inactive\"}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": \"archived\"}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": \"blocked\"}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": \"actve\"}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": \"Active\"}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": \"active \"}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": \"\"}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": null}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": true}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": [\"active\"]}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"]}",
        "{\"user_id\": 7, \"core_nodes\": [\"" CORE "\"], \"status\": \"active\"", /* torn */
        "",
    };
    size_t i;

    (void)state;
    check_device(device, user, 0, REFUSAL_NONE);
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check_device(wrong[i], user, 0, REFUSAL_DEVICE_STATUS);
        check_device(device, wrong[i], 0, REFUSAL_USER_STATUS);
    }
    check_device(NULL, user, 0, REFUSAL_UNKNOWN);
    check_device(device, NULL, 0, REFUSAL_NO_USER);
    check_device(ACTIVE ", \"user_id\": 8}", user, 0, REFUSAL_NO_USER);
    /* Without a user_id the record is not understood at all. */
    check_device(ACTIVE "}", user, 0, REFUSAL_DEVICE_STATUS);
    /* Identity is the file's name and must agree with the field inside. */
    check_device(ACTIVE ", \"user_id\": 7, \"uuid\": \"" UNKNOWN "\"}", user, 0,
                 REFUSAL_DEVICE_STATUS);
    check_device(device, USER ", \"id\": 8}", 0, REFUSAL_USER_STATUS);
}

static void
test_expires_at_the_second(void **state)
{
    static const char device[] = ACTIVE ", \"user_id\": 7}";
    static const char at_100[] = USER ", \"expires\": \"1970-01-01T00:01:40Z\"}";
    static const char day[] = USER ", \"expires\": \"1970-01-02\"}";

    (void)state;
    check_device(device, at_100, INT64_MIN, REFUSAL_NONE);
    check_device(device, at_100, 99, REFUSAL_NONE);
    check_device(device, at_100, 100, REFUSAL_EXPIRED);
    check_device(device, at_100, 101, REFUSAL_EXPIRED);
    check_device(device, at_100, INT64_MAX, REFUSAL_EXPIRED);
    check_device(device, day, 2 * 86400 - 2, REFUSAL_NONE);
    check_device(device, day, 2 * 86400, REFUSAL_EXPIRED);
    check_device(device, USER "}", INT64_MAX - 1, REFUSAL_NONE);
    check_device(device, USER ", \"expires\": null}", INT64_MAX - 1, REFUSAL_NONE);
    /* What cannot be read is not taken for "never". */
    check_device(device, USER ", \"expires\": \"soon\"}", 0, REFUSAL_USER_STATUS);
    check_device(device, USER ", \"expires\": 1}", 0, REFUSAL_USER_STATUS);
}

static void
test_settles_nothing_between_two_files_of_one_record(void **state)
{
    const struct user *user;
    struct uuid uuid = sample_uuid(DEVICE);
    struct fixture f;

    (void)state;
    setup(&f, FILES({KIND_USER, "7.yaml", "status: active\ncore_nodes: [" CORE "]\n"}),
          &no_options);
    assert_int_equal(REFUSAL_USER_STATUS,
                     policy_device(&f.policy, registry_device(&f.registry, &uuid), 0, &user));
    teardown(&f);
}

static void
test_names_devices(void **state)
{
    struct device device = {.name = "phone"};
    struct user user = {.username = "Ivan"};

    (void)state;
    assert_string_equal("phone", policy_device_name(&device, &user));
    device.name = NULL;
    assert_string_equal("Ivan", policy_device_name(&device, &user));
    user.username = NULL;
    assert_string_equal("device", policy_device_name(&device, &user));
}

static void
test_has_words_of_its_own_for_every_refusal(void **state)
{
    int i, n;

    (void)state;
    for (i = 0; i < REFUSALS; i++) {
        assert_true(strlen(refusal_text((enum refusal)i)) > 0);
        assert_true(strlen(refusal_token((enum refusal)i)) > 0);
        assert_null(strchr(refusal_token((enum refusal)i), ' '));
        for (n = 0; n < i; n++) {
            assert_string_not_equal(refusal_text((enum refusal)n), refusal_text((enum refusal)i));
            assert_string_not_equal(refusal_token((enum refusal)n), refusal_token((enum refusal)i));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_the_status_of_device_and_user),
        cmocka_unit_test(test_expires_at_the_second),
        cmocka_unit_test(test_settles_nothing_between_two_files_of_one_record),
        cmocka_unit_test(test_names_devices),
        cmocka_unit_test(test_has_words_of_its_own_for_every_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
