/*
 * snapshot.h: a damaged file is an error, never an absent device and never a wrong answer. Every
 * byte of a small snapshot is damaged, and the file is cut at every length.
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "format.h"
#include "sample.h"

enum { DEVICES = 4, UNKNOWNS = 12, NOW = 1000, FILE_MAX = 64 * 1024 };

/* A snapshot of devices with one, two and no links, one of them expired. */
static const struct sample_file files[] = {
    {KIND_USER, "8.json", ACTIVE "}"},
    {KIND_USER, "9.json", USER ", \"groups\": [\"g\"], \"expires\": \"1970-01-01T00:00:01Z\"}"},
    {KIND_USER, "10.json", USER ", \"groups\": [\"g\"]}"},
    {KIND_DEVICE, "00000000-0000-4000-8000-000000000001.json", ACTIVE ", \"user_id\": 8}"},
    {KIND_DEVICE, "00000000-0000-4000-8000-000000000002.json", ACTIVE ", \"user_id\": 9}"},
    {KIND_DEVICE, "00000000-0000-4000-8000-000000000003.json", ACTIVE ", \"user_id\": 10}"},
    {KIND_ENDPOINT, "e.json", ACTIVE_ROUTE ", \"address\": \"e.example\", \"groups\": [\"g\"]}"},
    {KIND_USER, NULL, NULL},
};

struct answer {
    enum refusal refusal;
    struct buf links;
};

static char directory[200], path[220];
static uint8_t bytes[FILE_MAX];
static size_t size;
static struct uuid uuids[DEVICES + UNKNOWNS];
static struct answer answers[DEVICES + UNKNOWNS];
static struct subscription subscription;
static struct buf links;

/* cdb's hash, as http://cr.yp.to/cdb/cdb.txt has it. */
static uint32_t
hash(const struct uuid *uuid)
{
    uint32_t h = 5381;
    int i;

    for (i = 0; i < 16; i++)
        h = ((h << 5) + h) ^ uuid->bytes[i];
    return h;
}

/* Another UUID with the whole hash of this one: the walk must tell them apart by their records. */
static struct uuid
collide(const struct uuid *uuid)
{
    struct uuid other = *uuid;
    int a, b, c;

    for (a = 0; a < 256; a++) {
        for (b = 0; b < 256; b++) {
            for (c = 0; c < 256; c++) {
                other.bytes[13] = (uint8_t)a;
                other.bytes[14] = (uint8_t)b;
                other.bytes[15] = (uint8_t)c;
                if (hash(&other) == hash(uuid) && memcmp(&other, uuid, sizeof(other)) != 0)
                    return other;
            }
        }
    }
    fail_msg("no collision");
    return other;
}

/* Unknown UUIDs of all sorts: the same hash, the same table, one bit off, anything. */
static void
choose_uuids(void)
{
    uint32_t seed = 5;
    size_t i, n;

    uuids[0] = sample_uuid(DEVICE);
    uuids[1] = sample_uuid("00000000-0000-4000-8000-000000000001");
    uuids[2] = sample_uuid("00000000-0000-4000-8000-000000000002");
    uuids[3] = sample_uuid("00000000-0000-4000-8000-000000000003");
    for (i = DEVICES; i < DEVICES + UNKNOWNS; i++) {
        uuids[i] = uuids[i % DEVICES];
        if (i < 2 * DEVICES) {
            uuids[i] = collide(&uuids[i]);
        } else if (i < 3 * DEVICES) {
            uuids[i].bytes[i] ^= 1;
        } else {
            do
                for (n = 0; n < 16; n++)
                    uuids[i].bytes[n] = (uint8_t)sample_random(&seed);
            while ((hash(&uuids[i]) & 255) != (hash(&uuids[i % DEVICES]) & 255));
        }
    }
}

/* Every profile by every frame, so that every record is asked for. */
static int
put_profiles(struct snapshot *snapshot, struct buf *out)
{
    static const enum format formats[OUTBOUNDS] = {FORMAT_CLASH, FORMAT_SING_BOX, FORMAT_XRAY};
    struct frame_bytes frame[2];
    int i;

    for (i = 0; i < FRAMES; i++) {
        enum outbound outbound = frame_outbound((enum frame)i);

        if (subscription_add_outbounds(snapshot, outbound, &subscription) != 0 ||
            snapshot_get_frame(snapshot, i, &frame[0].bytes, &frame[0].len) != 1)
            return -1;
        frame[1] = frame[0];
        if (format_profile(out, formats[outbound], frame, &subscription) != 0)
            return -1;
    }
    return 0;
}

/* Asks for one device: 0 with the answer, or -1. */
static int
ask(struct snapshot *snapshot, const struct uuid *uuid, struct answer *answer)
{
    if (subscription_find(snapshot, uuid, NOW, FEATURES_ALL, NULL, &subscription) != 0)
        return -1;
    answer->refusal = subscription.refusal;
    if (answer->refusal != REFUSAL_NONE)
        return 0;
    format_links(&answer->links, &subscription);
    return put_profiles(snapshot, &answer->links);
}

static int
setup(void **state)
{
    struct policy_options options = {.core = NULL};
    struct compile_result result;
    struct registry registry;
    struct snapshot snapshot;
    struct error error;
    size_t i;
    int fd;

    (void)state;
    sample_directory(directory, sizeof(directory));
    snprintf(path, sizeof(path), "%s/s.cdb", directory);
    sample_registry(&registry, files);
    assert_int_equal(0, compile_snapshot(&registry, &options, path, NULL, &result, &error));
    registry_release(&registry);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    size = (size_t)read(fd, bytes, sizeof(bytes));
    close(fd);
    assert_true(size > 0 && size < sizeof(bytes));
    choose_uuids();
    buf_init(&links, FILE_MAX);
    assert_int_equal(0, snapshot_open(&snapshot, path, &error));
    for (i = 0; i < DEVICES + UNKNOWNS; i++) {
        buf_init(&answers[i].links, FILE_MAX);
        assert_int_equal(0, ask(&snapshot, &uuids[i], &answers[i]));
    }
    snapshot_close(&snapshot);
    /* The one without links is not in the file. */
    assert_int_equal(REFUSAL_NONE, answers[0].refusal);
    assert_int_equal(REFUSAL_UNKNOWN, answers[1].refusal);
    assert_int_equal(REFUSAL_EXPIRED, answers[2].refusal);
    assert_int_equal(REFUSAL_NONE, answers[3].refusal);
    for (i = DEVICES; i < DEVICES + UNKNOWNS; i++)
        assert_int_equal(REFUSAL_UNKNOWN, answers[i].refusal);
    return 0;
}

static int
teardown(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < DEVICES + UNKNOWNS; i++)
        buf_release(&answers[i].links);
    buf_release(&links);
    unlink(path);
    return rmdir(directory);
}

/* Asks the file at path for each device with a fresh open; returns how often it was an error. */
static int
check_answers(size_t offset)
{
    struct snapshot snapshot;
    struct error error;
    int errors = 0;
    size_t i;

    for (i = 0; i < DEVICES + UNKNOWNS; i++) {
        struct answer answer = {.links = links};

        if (snapshot_open(&snapshot, path, &error) != 0) {
            errors++;
            continue;
        }
        buf_clear(&answer.links);
        if (ask(&snapshot, &uuids[i], &answer) != 0) {
            errors++;
        } else if (answer.refusal != answers[i].refusal ||
                   answer.links.len != answers[i].links.len ||
                   (answer.links.len > 0 &&
                    memcmp(answer.links.data, answers[i].links.data, answer.links.len) != 0)) {
            fail_msg("byte %zu of %zu, device %zu: a wrong answer (%s)", offset, size, i,
                     refusal_token(answer.refusal));
        }
        links = answer.links;
        snapshot_close(&snapshot);
    }
    return errors;
}

/* Xors every byte in turn; a fault that no question can see is allowed only where said. */
static void
damage_every_byte(int rounds, uint8_t (*mask)(size_t offset, int round))
{
    int fd = open(path, O_WRONLY), round;
    size_t at, seen = 0;

    assert_true(fd >= 0);
    for (at = 0; at < size; at++) {
        for (round = 0; round < rounds; round++) {
            uint8_t byte = bytes[at] ^ mask(at, round);

            assert_int_equal(1, pwrite(fd, &byte, 1, (off_t)at));
            seen += check_answers(at) > 0;
        }
        assert_int_equal(1, pwrite(fd, &bytes[at], 1, (off_t)at));
    }
    close(fd);
    assert_int_equal(0, check_answers(size));
    /* Unseen is at most what nobody asked for: facts, tables of other records. */
    assert_true(seen > size * (size_t)rounds * 9 / 10);
}

static uint8_t
one_bit(size_t offset, int round)
{
    return (uint8_t)(1 << (offset + 3 * (size_t)round) % 8);
}

static uint8_t
all_bits(size_t offset, int round)
{
    (void)offset;
    (void)round;
    return 0xff;
}

static void
test_tells_a_flipped_bit_anywhere(void **state)
{
    (void)state;
    damage_every_byte(2, one_bit);
}

static void
test_tells_a_wrong_byte_anywhere(void **state)
{
    (void)state;
    damage_every_byte(1, all_bits);
}

/* Sectors that were never written, or that hold another file's. */
static void
test_tells_a_lost_block_anywhere(void **state)
{
    static uint8_t block[512];
    int fd = open(path, O_WRONLY), round;
    size_t at, len;

    (void)state;
    assert_true(fd >= 0);
    for (round = 0; round < 2; round++) {
        memset(block, round == 0 ? 0 : 0x5a, sizeof(block));
        for (at = 0; at < size; at += 64) {
            len = size - at < sizeof(block) ? size - at : sizeof(block);
            assert_int_equal(len, pwrite(fd, block, len, (off_t)at));
            (void)check_answers(at);
            assert_int_equal(len, pwrite(fd, bytes + at, len, (off_t)at));
        }
    }
    close(fd);
}

static void
test_refuses_every_cut_and_any_growth(void **state)
{
    struct snapshot snapshot;
    struct error error;
    size_t len;

    (void)state;
    for (len = size; len-- > 0;) {
        assert_int_equal(0, truncate(path, (off_t)len));
        error.text[0] = '\0';
        assert_int_equal(-1, snapshot_open(&snapshot, path, &error));
        assert_true(error.text[0] != '\0');
        assert_false(snapshot.is_open);
    }
    len = (size_t)open(path, O_WRONLY);
    assert_int_equal(size, write((int)len, bytes, size));
    close((int)len);
    assert_int_equal(0, check_answers(size));
    for (len = size + 1; len < size + 20; len++) {
        assert_int_equal(0, truncate(path, (off_t)len));
        assert_int_equal(-1, snapshot_open(&snapshot, path, &error));
    }
}

/* A footer that is right in itself, but not at its place: part of the file is missing or doubled.
 */
static void
test_refuses_a_footer_at_another_place(void **state)
{
    static const int moves[] = {-4096, -1024, -8, -1, 1, 8, 4096};
    struct snapshot snapshot;
    struct error error;
    size_t i;
    int fd;

    (void)state;
    for (i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        off_t end = (off_t)size + moves[i];

        if (end < 2048 + 2088)
            continue;
        fd = open(path, O_WRONLY | O_TRUNC);
        assert_true(fd >= 0);
        assert_int_equal(size, write(fd, bytes, size));
        assert_int_equal(0, ftruncate(fd, end));
        assert_int_equal(2088, pwrite(fd, bytes + size - 2088, 2088, end - 2088));
        close(fd);
        assert_int_equal(-1, snapshot_open(&snapshot, path, &error));
    }
}

/* A footer that is right in itself, behind another file's records. */
static void
test_refuses_a_footer_of_another_file(void **state)
{
    struct policy_options options = {.core = NULL};
    struct compile_result result;
    struct registry registry;
    struct error error;
    int fd;

    (void)state;
    sample_registry(&registry, FILES({KIND_DEVICE, DEVICE ".json",
                                      ACTIVE ", \"user_id\": 7, \"device\": \"other\"}"}));
    assert_int_equal(0, compile_snapshot(&registry, &options, path, NULL, &result, &error));
    registry_release(&registry);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(0, ftruncate(fd, (off_t)size));
    assert_int_equal(2088, pwrite(fd, bytes + size - 2088, 2088, (off_t)size - 2088));
    close(fd);
    assert_int_equal(DEVICES + UNKNOWNS, check_answers(size));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tells_a_flipped_bit_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tells_a_wrong_byte_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tells_a_lost_block_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_every_cut_and_any_growth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_a_footer_at_another_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_a_footer_of_another_file, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
