/* compile.h: registry -> snapshot. What is in it, what must not be, and the same bytes again. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "sample.h"
#include "subscription.h"

#define DEVICE_2 "00000000-0000-4000-8000-000000000002"
#define DEVICE_3 "00000000-0000-4000-8000-000000000003"

static const struct policy_options no_options = {.core = NULL};
static struct subscription subscription; /* large */
static struct compile_result result;

/* Compiles and returns the file's bytes, to be freed; *counts gets the findings, if not NULL. */
static char *
compile_bytes(const struct registry *registry, const struct policy_options *options, size_t *len,
              struct report *report)
{
    char directory[200], path[220], *bytes;
    struct error error;
    struct stat st;
    int fd;

    sample_directory(directory, sizeof(directory));
    snprintf(path, sizeof(path), "%s/s.cdb", directory);
    assert_int_equal(0, compile_snapshot(registry, options, path, report, &result, &error));
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(0, fstat(fd, &st));
    *len = (size_t)st.st_size;
    bytes = malloc(*len);
    assert_non_null(bytes);
    assert_int_equal(*len, read(fd, bytes, *len));
    close(fd);
    unlink(path);
    assert_int_equal(0, rmdir(directory));
    return bytes;
}

static int
find(struct snapshot *snapshot, const char *text, int64_t now)
{
    struct uuid uuid = sample_uuid(text);

    return subscription_find(snapshot, &uuid, now, FEATURES_ALL, NULL, &subscription);
}

/* Finds a device that the snapshot must have an answer for; returns its refusal. */
static enum refusal
refusal_of(struct snapshot *snapshot, const char *text)
{
    assert_int_equal(0, find(snapshot, text, 1000));
    return subscription.refusal;
}

static void
test_holds_only_what_is_served(void **state)
{
    static const char *const secrets[] = {
        "Ivan Name",  "ivan@example", "@telegram",     "cafe0f0", "c0de0f0",   "inactive phone",
        "192.0.2.77", "hostname",     "198.51.100.10", "dead0f0", "gold-plan", "no.served.example"};
    static const char *const there[] = {"mobile_006", "api.v2.rpc.11", "shop.example.org"};
    struct uuid inactive = sample_uuid(DEVICE_2);
    struct registry registry;
    size_t i, len;
    char *bytes;

    (void)state;
    sample_registry(
        &registry,
        FILES({KIND_USER, "7.json",
               USER ", \"id\": 7, \"username\": \"Ivan Name\", \"email\": \"ivan@example\", "
                    "\"telegram\": \"@telegram\", \"hash\": \"cafe0f0\", "
                    "\"groups\": [\"gold-plan\"]}"},
              {KIND_DEVICE, DEVICE ".json", ACTIVE ", \"user_id\": 7, \"device\": \"mobile_006\"}"},
              {KIND_DEVICE, DEVICE_2 ".json",
               "{\"status\": \"inactive\", \"user_id\": 7, \"device\": \"inactive phone\"}"},
              {KIND_ROUTE, ROUTE ".json",
               ACTIVE ", \"client_service_name\": \"api.v2.rpc.11\", "
                      "\"core_service_name\": \"api.v2.rpc.c0de0f0\"}"},
              {KIND_ROUTE, "entry_192.0.2.77_core_" CORE ".json",
               ACTIVE ", \"client_service_name\": \"dead0f0\"}"},
              {KIND_DOMAIN, "no.served.example.json",
               "{\"status\": \"inactive\", \"node_ip\": \"" ENTRY "\"}"},
              {KIND_NODE, ENTRY ".json", ACTIVE ", \"hostname\": \"hostname\"}"}));
    bytes = compile_bytes(&registry, &no_options, &len, NULL);
    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        if (memmem(bytes, len, secrets[i], strlen(secrets[i])) != NULL)
            fail_msg("'%s' is in the snapshot", secrets[i]);
    for (i = 0; i < sizeof(there) / sizeof(there[0]); i++)
        assert_non_null(memmem(bytes, len, there[i], strlen(there[i])));
    assert_null(memmem(bytes, len, &inactive, sizeof(inactive)));
    assert_null(memmem(bytes, len, DEVICE_2, 36));
    free(bytes);
    registry_release(&registry);
}

/* A fleet of random users, devices and endpoints, added forwards or backwards. */
static void
random_registry(struct registry *registry, uint32_t seed, bool backwards)
{
    enum { FILES_MAX = 150 };
    static struct {
        enum kind kind;
        char name[80], text[400];
    } files[FILES_MAX];
    static const char *const statuses[] = {"active", "active", "active", "inactive"};
    int i, n;

    for (i = 0; i < FILES_MAX; i++) {
        unsigned a = sample_random(&seed) % 4, b = sample_random(&seed) % 4;
        const char *status = statuses[sample_random(&seed) % 4];

        if (i < 30) {
            files[i].kind = KIND_USER;
            snprintf(files[i].name, sizeof(files[i].name), "%d.json", i + 1);
            snprintf(files[i].text, sizeof(files[i].text),
                     "{\"status\": \"%s\", \"core_nodes\": [\"10.0.0.%u\", \"10.0.0.%u\"], "
                     "\"groups\": [\"g%u\", \"g%u\"], \"expires\": \"1970-01-0%uT00:00:00Z\"}",
                     status, a, b, b, sample_random(&seed) % 6, 1 + a);
        } else if (i < 90) {
            files[i].kind = KIND_DEVICE;
            snprintf(files[i].name, sizeof(files[i].name),
                     "00000000-0000-4000-8000-0000000000%02d.json", i - 30);
            snprintf(files[i].text, sizeof(files[i].text),
                     "{\"status\": \"%s\", \"user_id\": %u, \"device\": \"d%d\"}", status,
                     1 + sample_random(&seed) % 32, i);
        } else if (i < 140) {
            files[i].kind = KIND_ROUTE;
            snprintf(files[i].name, sizeof(files[i].name), "entry_10.0.1.%d_core_10.0.0.%u.json",
                     i % 20, (unsigned)(i / 20) % 4);
            snprintf(files[i].text, sizeof(files[i].text),
                     "{\"status\": \"%s\", \"client_service_name\": \"s%d\", \"priority\": %u, "
                     "\"groups\": [%s]}",
                     status, i, a,
                     b == 0   ? "\"g1\""
                     : b == 1 ? "\"g2\", \"g3\""
                              : "");
        } else {
            files[i].kind = KIND_DOMAIN;
            snprintf(files[i].name, sizeof(files[i].name), "d%d.example.json", i);
            snprintf(files[i].text, sizeof(files[i].text),
                     "{\"status\": \"%s\", \"node_ip\": \"10.0.1.%d\"}", status, i % 20);
        }
    }
    registry_init(registry);
    for (i = 0; i < FILES_MAX; i++) {
        n = backwards ? FILES_MAX - 1 - i : i;
        sample_add(registry, files[n].kind, files[n].name, files[n].text);
    }
    registry_sort(registry, NULL);
}

static void
test_gives_the_same_bytes_again(void **state)
{
    struct registry one, two;
    size_t len, other_len;
    char *bytes, *other;
    uint32_t seed;

    (void)state;
    for (seed = 1; seed < 8; seed++) {
        random_registry(&one, seed, false);
        random_registry(&two, seed, true);
        bytes = compile_bytes(&one, &no_options, &len, NULL);
        other = compile_bytes(&two, &no_options, &other_len, NULL);
        assert_int_equal(len, other_len);
        assert_memory_equal(bytes, other, len);
        free(bytes);
        free(other);
        registry_release(&one);
        registry_release(&two);
    }
}

/* What the policy says of a device, by hand: no memory of sets, no encoding of numbers. */
static void
compare_with_policy(const struct policy *policy, const struct device *device,
                    struct snapshot *snapshot, int64_t now)
{
    const struct endpoint *list[256];
    const struct user *user;
    enum refusal refusal = policy_device(policy, device, now, &user);
    size_t count = refusal == REFUSAL_NONE ? policy_select(policy, user, list) : 0, i;
    char needle[100];

    assert_true(policy->count < 256);
    assert_int_equal(
        0, subscription_find(snapshot, &device->uuid, now, FEATURES_ALL, NULL, &subscription));
    if (count == 0) {
        assert_int_not_equal(REFUSAL_NONE, subscription.refusal);
        return;
    }
    assert_int_equal(REFUSAL_NONE, subscription.refusal);
    assert_int_equal(count, subscription.count);
    assert_int_equal(strlen(device->name), subscription.device.name_len);
    assert_memory_equal(device->name, subscription.device.name, subscription.device.name_len);
    for (i = 0; i < count; i++) {
        const struct set_entry *entry = &subscription.set.entries[i];

        snprintf(needle, sizeof(needle), "&serviceName=%s&", list[i]->client.service);
        assert_non_null(memmem(entry->middle, entry->middle_len, needle, strlen(needle)));
    }
}

static void
test_agrees_with_the_policy(void **state)
{
    static const int64_t times[] = {-1, 0, 86400, 86399, 2 * 86400, INT64_MAX};
    struct policy_options options[] = {{.by_name = true}, {.core = "10.0.0.1", .by_name = true}};
    const struct device *device;
    struct registry registry;
    struct snapshot snapshot;
    struct policy policy;
    struct error error;
    uint32_t seed;
    size_t i, n;

    (void)state;
    for (seed = 11; seed < 19; seed++) {
        random_registry(&registry, seed, false);
        sample_open(&registry, &options[seed % 2], &snapshot);
        assert_int_equal(0, policy_init(&policy, &registry, &options[seed % 2], &error));
        for (i = 0; (device = registry_at(&registry, KIND_DEVICE, i)) != NULL; i++)
            for (n = 0; n < sizeof(times) / sizeof(times[0]); n++)
                compare_with_policy(&policy, device, &snapshot, times[n]);
        policy_release(&policy);
        snapshot_close(&snapshot);
        registry_release(&registry);
    }
}

static void
test_counts_what_is_in(void **state)
{
    struct registry registry;
    size_t len;

    (void)state;
    sample_registry(&registry,
                    FILES({KIND_DEVICE, DEVICE_2 ".json", ACTIVE ", \"user_id\": 7}"},
                          {KIND_DEVICE, DEVICE_3 ".json", ACTIVE ", \"user_id\": 8}"},
                          {KIND_USER, "8.json", ACTIVE "}"}, {KIND_USER, "9.json", USER "}"},
                          {KIND_ROUTE, "entry_" ENTRY "_core_" CORE_2 ".json", ACTIVE_ROUTE "}"}));
    free(compile_bytes(&registry, &no_options, &len, NULL));
    assert_int_equal(2, result.devices);
    assert_int_equal(1, result.users);
    assert_int_equal(1, result.endpoints);
    assert_int_equal(1, result.sets);
    registry_release(&registry);
    registry_init(&registry);
    registry_sort(&registry, NULL);
    free(compile_bytes(&registry, &no_options, &len, NULL));
    assert_int_equal(0, result.devices + result.users + result.endpoints + result.sets);
    registry_release(&registry);
}

/* Cores and groups are two lists: what is in one must not be taken for the other. */
static void
test_keeps_cores_and_groups_apart(void **state)
{
    struct registry registry;
    struct snapshot snapshot;

    (void)state;
    sample_registry(
        &registry,
        FILES({KIND_DEVICE, DEVICE_2 ".json", ACTIVE ", \"user_id\": 8}"},
              {KIND_DEVICE, DEVICE_3 ".json", ACTIVE ", \"user_id\": 9}"},
              {KIND_USER, "8.json", ACTIVE ", \"groups\": [\"" CORE "\"]}"},
              {KIND_USER, "9.json", USER ", \"groups\": [\"a\"]}"},
              {KIND_ENDPOINT, "e.json",
               ACTIVE_ROUTE ", \"address\": \"e.example\", \"groups\": [\"" CORE "\", \"a\"]}"}));
    sample_open(&registry, NULL, &snapshot);
    assert_int_equal(REFUSAL_NONE, refusal_of(&snapshot, DEVICE));
    assert_int_equal(1, subscription.count);
    assert_memory_equal("@shop.", subscription.set.entries[0].middle, 6);
    assert_int_equal(REFUSAL_NONE, refusal_of(&snapshot, DEVICE_2));
    assert_int_equal(1, subscription.count);
    assert_memory_equal("@e.example", subscription.set.entries[0].middle, 10);
    assert_int_equal(REFUSAL_NONE, refusal_of(&snapshot, DEVICE_3));
    assert_int_equal(2, subscription.count);
    snapshot_close(&snapshot);
    registry_release(&registry);
}

static void
test_reports_sets_that_are_cut(void **state)
{
    struct report report = {NULL, NULL, {0}};
    struct registry registry;
    char name[20], text[200];
    size_t len;
    int i;

    (void)state;
    registry_init(&registry);
    sample_add_all(&registry, sample_base);
    sample_add(&registry, KIND_DEVICE, DEVICE_2 ".json", ACTIVE ", \"user_id\": 7}");
    for (i = 0; i < SET_MAX + 5; i++) {
        snprintf(name, sizeof(name), "e%d.json", i);
        snprintf(text, sizeof(text), ACTIVE_ROUTE ", \"address\": \"e%d.example\"}", i);
        sample_add(&registry, KIND_ENDPOINT, name, text);
    }
    registry_sort(&registry, NULL);
    free(compile_bytes(&registry, &no_options, &len, &report));
    assert_int_equal(1, report.counts[FINDING_ERROR]); /* once, not for each device */
    assert_int_equal(SET_MAX, result.endpoints);
    assert_int_equal(2, result.devices);
    registry_release(&registry);
}

/* An endpoint record whose xhttp settings are `size` bytes of what triples when encoded. */
static char *
large_endpoint(size_t size, int priority)
{
    char *text = malloc(size + 400), *p;

    assert_non_null(text);
    p = text + sprintf(text,
                       ACTIVE ", \"address\": \"e.example\", \"type\": \"xhttp\", "
                              "\"priority\": %d, \"extra\": {\"a\": \"",
                       priority);
    memset(p, '#', size);
    memcpy(p + size, "\"}}", 4);
    return text;
}

/*
 * A record never takes others with it (DESIGN.md section 4), be it ever so large, and a device is
 * never answered as if the snapshot were damaged.
 */
static void
check_large(size_t size, int priority)
{
    char *text = large_endpoint(size, priority), directory[200], path[220];
    struct registry registry;
    struct snapshot snapshot;
    struct error error = {.text = ""};
    int rc;

    sample_registry(&registry,
                    FILES({KIND_ENDPOINT, "large.json", text}, {KIND_USER, "8.json", ACTIVE "}"},
                          {KIND_DEVICE, DEVICE_2 ".json", ACTIVE ", \"user_id\": 8}"}));
    free(text);
    sample_directory(directory, sizeof(directory));
    snprintf(path, sizeof(path), "%s/s.cdb", directory);
    rc = compile_snapshot(&registry, &no_options, path, NULL, &result, &error);
    if (rc == 0)
        rc = snapshot_open(&snapshot, path, &error);
    unlink(path);
    rmdir(directory);
    registry_release(&registry);
    if (rc != 0)
        fail_msg("%zu bytes, priority %d: %s", size, priority, error.text);
    /* User 7 has the route too; user 8 had only the large one. */
    if (find(&snapshot, DEVICE, 0) != 0 || find(&snapshot, DEVICE_2, 0) != 0)
        fail_msg("%zu bytes, priority %d: answered as damaged", size, priority);
    assert_int_equal(REFUSAL_UNKNOWN, subscription.refusal);
    assert_int_equal(0, find(&snapshot, DEVICE, 0));
    assert_int_equal(1, subscription.count);
    snapshot_close(&snapshot);
}

static void
test_serves_the_rest_behind_a_large_endpoint(void **state)
{
    (void)state;
    check_large(400 * 1000, 200);
}

static void
test_serves_the_rest_before_a_large_endpoint(void **state)
{
    (void)state;
    check_large(400 * 1000, 1);
}

static void
test_survives_the_largest_endpoint(void **state)
{
    (void)state;
    check_large(1000 * 1000, 200);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_only_what_is_served),
        cmocka_unit_test(test_gives_the_same_bytes_again),
        cmocka_unit_test(test_agrees_with_the_policy),
        cmocka_unit_test(test_counts_what_is_in),
        cmocka_unit_test(test_keeps_cores_and_groups_apart),
        cmocka_unit_test(test_reports_sets_that_are_cut),
        cmocka_unit_test(test_serves_the_rest_behind_a_large_endpoint),
        cmocka_unit_test(test_serves_the_rest_before_a_large_endpoint),
        cmocka_unit_test(test_survives_the_largest_endpoint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
