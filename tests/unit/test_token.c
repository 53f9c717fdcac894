/* token.h, and what stands in a device's record of its addresses. */
#include "unit.h"

#include "reading.h"
#include "token.h"

#define UUID  "8f3c5d1e-6324-4d53-ad4f-8cda48b30811"
#define NAMED UUID ".yaml"
#define PATH  "devices/" NAMED
#define HEAD  "status: active\nuser_id: 7\n"
#define TOKEN "AbCdEfGhIjKlMnOpQrSt_-"

static void
test_sha256(void **state)
{
    /* FIPS 180-4: "abc", and nothing; and one longer than a block. */
    static const struct {
        const char *text, *hash;
    } cases[] = {
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t hash[TOKEN_HASH], back[TOKEN_HASH];
    char text[TOKEN_HASH_TEXT + 1];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        token_hash(cases[i].text, strlen(cases[i].text), hash);
        token_write_hash(hash, text);
        assert_string_equal(cases[i].hash, text);
        assert_int_equal(0, token_read_hash(text, TOKEN_HASH_TEXT, back));
        assert_memory_equal(hash, back, TOKEN_HASH);
        assert_int_equal(-1, token_read_hash(text, TOKEN_HASH_TEXT - 1, back));
        text[63] = 'g';
        assert_int_equal(-1, token_read_hash(text, TOKEN_HASH_TEXT, back));
    }
}

static void
test_forms(void **state)
{
    static const char *const good[] = {"12345678", TOKEN, "--------", "sing-box",
                                       "8f3c5d1e63244d53ad4f8cda48b30811"};
    static const char *const wrong[] = {
        "",          "1234567",         UUID,
        "1234567.",  "1234567/",        "1234567 ",
        "1234567\n", "1234567\xc3\xa9", "8F3C5D1E-6324-4D53-AD4F-8CDA48B30811"};
    char most[TOKEN_MAX + 1];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(token_is_form(good[i], strlen(good[i])));
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(token_is_form(wrong[i], strlen(wrong[i])));
    memset(most, 'a', sizeof(most));
    assert_true(token_is_form(most, TOKEN_MAX));
    assert_false(token_is_form(most, TOKEN_MAX + 1));
    assert_false(token_is_form("1234567\0", 8));
}

static void
test_bytes_become_a_token(void **state)
{
    /* RFC 4648 section 5, without padding. */
    static const uint8_t bytes[3][TOKEN_BYTES] = {
        {0},
        {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
        {0, 16, 131, 16, 81, 135, 32, 146, 139, 48, 211, 143, 65, 20, 147, 81}};
    char text[TOKEN_TEXT + 1];

    (void)state;
    token_write(bytes[0], text);
    assert_string_equal("AAAAAAAAAAAAAAAAAAAAAA", text);
    token_write(bytes[1], text);
    assert_string_equal("_____________________w", text);
    token_write(bytes[2], text);
    assert_string_equal("ABCDEFGHIJKLMNOPQRSTUQ", text);
    assert_true(token_is_form(text, TOKEN_TEXT));
}

static const struct device_addresses *
read_addresses(const char *text)
{
    const struct device *device = read_one(KIND_DEVICE, NAMED, text);

    assert_int_equal(STATUS_ACTIVE, status_of(device));
    return device->addresses;
}

static void
assert_token(const struct token *token, const char *text, int64_t until, const char *start)
{
    uint8_t hash[TOKEN_HASH];

    token_hash(text, strlen(text), hash);
    assert_memory_equal(hash, token->hash, TOKEN_HASH);
    assert_true(until == token->until);
    assert_string_equal(start, token->start);
}

static void
test_a_record_without_says_nothing(void **state)
{
    (void)state;
    assert_null(read_addresses(HEAD));
    assert_null(read_addresses(HEAD "tokens: ~\nuuid_addresses: ~\n"));
    assert_nothing_found();
}

static void
test_every_form_of_an_item(void **state)
{
    const struct device_addresses *addresses;

    (void)state;
    addresses = read_addresses(HEAD "tokens: [" TOKEN "]\n");
    assert_int_equal(1, addresses->count);
    assert_token(&addresses->tokens[0], TOKEN, EXPIRES_NEVER, "AbCd");
    assert_int_equal(UUID_ADDRESS_DEFAULT, addresses->uuid);
    /* YAML takes it for a number. */
    addresses = read_addresses(HEAD "tokens:\n  - 1234567890\n");
    assert_token(&addresses->tokens[0], "1234567890", EXPIRES_NEVER, "1234");
    addresses = read_addresses(HEAD "tokens: [{token: " TOKEN ", until: 2026-02-28}]\n");
    assert_token(&addresses->tokens[0], TOKEN, 1772323199, "AbCd");
    addresses = read_addresses(
        HEAD "tokens:\n- sha256: BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\n"
             "  until: 2026-03-01T00:00:00Z\n");
    assert_token(&addresses->tokens[0], "abc", 1772323200, "");
    assert_int_equal(2, read_addresses(HEAD "tokens: [aaaaaaaa, bbbbbbbb]\n")->count);
    assert_int_equal(0, read_addresses(HEAD "tokens: []\n")->count);
    assert_nothing_found();
}

static void
test_the_switch(void **state)
{
    (void)state;
    assert_int_equal(UUID_ADDRESS_OFF,
                     read_addresses(HEAD "tokens: [aaaaaaaa]\nuuid_addresses: off\n")->uuid);
    assert_int_equal(UUID_ADDRESS_OFF,
                     read_addresses(HEAD "tokens: [aaaaaaaa]\nuuid_addresses: false\n")->uuid);
    assert_int_equal(UUID_ADDRESS_ON, read_addresses(HEAD "uuid_addresses: on\n")->uuid);
    assert_int_equal(UUID_ADDRESS_ON, read_addresses(HEAD "uuid_addresses: true\n")->uuid);
    assert_nothing_found();
    assert_int_equal(UUID_ADDRESS_OFF,
                     read_addresses(HEAD "tokens: [aaaaaaaa]\nuuid_addresses: of\n")->uuid);
    assert_found(FINDING_ERROR, PATH, 4, 1, "uuid_addresses: must be on or off");
    assert_int_equal(UUID_ADDRESS_OFF, read_addresses(HEAD "uuid_addresses: off\n")->uuid);
    assert_found(FINDING_WARNING, PATH, 3, 1, "there is no token");
}

/* Each is told at its place, without itself, and costs nothing but itself. */
static void
test_wrong_items_are_none(void **state)
{
    static const struct {
        const char *item, *part;
    } cases[] = {
        {"short", "8 to 128"},
        {UUID, "no UUID"},
        {"'Secret12 Secret12'", "8 to 128"},
        {"-12345678.5", "8 to 128"},
        {"true", "must be a string"},
        {"[Secret12]", "must be a string"},
        {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256"},
        {"{}", "one of token and sha256"},
        {"{token: ~}", "one of token and sha256"},
        {"{token: Secret12, sha256: Secret12}", "one of token and sha256"},
        {"{token: Secr}", "8 to 128"},
        {"{token: [Secret12]}", "must be a string"},
        {"{sha256: Secret12}", "64 hexadecimal"},
        {"{Secret12: 2026-12-31}", "unknown field"},
        {"{token: Secret12, untill: 2026-12-31}", "unknown field"},
        {"{token: Secret12, until: Secret12}", "neither a date"},
        {"{token: Secret12, until: 2026-02-30}", "neither a date"},
        {"{token: Secret12, until: [2026]}", "must be text"},
    };
    const struct device_addresses *addresses;
    char text[400];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), HEAD "tokens:\n- " TOKEN "\n- %s\n- %s\n", cases[i].item,
                 "bbbbbbbb");
        addresses = read_addresses(text);
        assert_int_equal(2, addresses->count);
        assert_int_equal(1, findings.count);
        assert_int_equal(FINDING_ERROR, findings.items[0].level);
        assert_int_equal(5, findings.items[0].line);
        if (strstr(findings.items[0].text, cases[i].part) == NULL)
            fail_msg("%s: %s", cases[i].item, findings.items[0].text);
        assert_null(strstr(findings.items[0].text, "Secret12"));
    }
    assert_int_equal(0, read_addresses(HEAD "tokens: Secret12\n")->count);
    assert_found(FINDING_ERROR, PATH, 3, 1, "tokens: must be a list");
    assert_int_equal(0, read_addresses(HEAD "tokens: {Secret12: a}\n")->count);
}

static void
test_one_twice_ends_first(void **state)
{
    const struct device_addresses *addresses;

    (void)state;
    addresses = read_addresses(HEAD "tokens: [{token: aaaaaaaa, until: 2026-03-02}, aaaaaaaa, "
                                    "{token: aaaaaaaa, until: 2026-02-28}]\n");
    assert_int_equal(1, addresses->count);
    assert_token(&addresses->tokens[0], "aaaaaaaa", 1772323199, "aaaa");
    assert_found(FINDING_ERROR, PATH, 3, 1, "twice");
}

static void
test_owners(void **state)
{
    struct token_owners owners;
    const struct device *one, *two;

    (void)state;
    add(KIND_DEVICE, NAMED, HEAD "tokens: [aaaaaaaa, bbbbbbbb]\n");
    add(KIND_DEVICE, "8f3c5d1e-6324-4d53-ad4f-8cda48b30812.yaml",
        "status: blocked\nuser_id: 7\ntokens: [bbbbbbbb, cccccccc]\n");
    assert_int_equal(0, registry_sort(&registry, NULL));
    assert_int_equal(0, registry_tokens(&registry, &owners, &findings.report));
    one = registry_at(&registry, KIND_DEVICE, 0);
    two = registry_at(&registry, KIND_DEVICE, 1);
    assert_int_equal(2, owners.count);
    assert_int_equal(1, findings.count);
    assert_found(FINDING_ERROR, two->record.path, 0, 0, PATH " has one of them too");
    assert_int_equal(1, token_owners_have(&owners, &one->addresses->tokens[0], one) +
                            token_owners_have(&owners, &one->addresses->tokens[1], one));
    assert_int_equal(1, token_owners_have(&owners, &two->addresses->tokens[0], two) +
                            token_owners_have(&owners, &two->addresses->tokens[1], two));
    token_owners_release(&owners);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_bytes_become_a_token),
        on_empty(test_a_record_without_says_nothing),
        on_empty(test_every_form_of_an_item),
        on_empty(test_the_switch),
        on_empty(test_wrong_items_are_none),
        on_empty(test_one_twice_ends_first),
        on_empty(test_owners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
