/* remark.h: names of links. Templates, uniqueness, never empty. */
#include "unit.h"

#include "escape.h"
#include "remark.h"
#include "sample.h"

enum { MOST = 40 };

struct fixture {
    struct pool pool;
    struct endpoint endpoints[MOST];
    const struct endpoint *list[MOST];
    const char *remarks[MOST];
    size_t count;
};

static void
setup(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    pool_init(&f->pool);
}

static void
add(struct fixture *f, const char *label, const char *name, const char *location,
    const char *address)
{
    f->endpoints[f->count] = (struct endpoint){
        .id = label, .label = label, .name = name, .location = location};
    f->endpoints[f->count].client.address = address;
    f->list[f->count] = &f->endpoints[f->count];
    f->count++;
}

static void
make(struct fixture *f, const char *template)
{
    struct buf buf;
    size_t i;

    assert_int_equal(0, remark_make(template, f->list, f->count, false, &f->pool, f->remarks));
    buf_init(&buf, 1 << 20);
    for (i = 0; i < f->count; i++) {
        buf_clear(&buf);
        remark_escape(&buf, f->remarks[i], escape_percent);
        f->remarks[i] = pool_copy(&f->pool, buf.data, buf.len);
    }
    buf_release(&buf);
}

/* Makes the remark of a single endpoint and compares it. */
static void
check_one(const char *template, const char *label, const char *name, const char *expected)
{
    struct fixture f;

    setup(&f);
    add(&f, label, name, NULL, "a.example");
    make(&f, template);
    assert_string_equal(expected, f.remarks[0]);
    pool_release(&f.pool);
}

static void
test_is_the_device_alone_or_with_the_label(void **state)
{
    struct fixture f;

    (void)state;
    check_one(NULL, "Moscow", NULL, "\x01");
    setup(&f);
    add(&f, "Moscow", NULL, "Moscow", "a.example");
    add(&f, "Berlin", NULL, "Berlin", "b.example");
    make(&f, NULL);
    assert_string_equal("\x01%20Moscow", f.remarks[0]);
    assert_string_equal("\x01%20"
                        "Berlin",
                        f.remarks[1]);
    pool_release(&f.pool);
    setup(&f);
    make(&f, NULL);
    pool_release(&f.pool);
}

static void
test_expands_templates(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    add(&f, "L", "N", "P", "a.example");
    make(&f, "{device}|{label}|{name}|{location}|{domain}");
    assert_string_equal("\x01%7CL%7CN%7CP%7Ca.example", f.remarks[0]);
    make(&f, "{label}{label} }x");
    assert_string_equal("LL%20%7Dx", f.remarks[0]);
    make(&f, "VPN");
    assert_string_equal("VPN", f.remarks[0]);
    pool_release(&f.pool);
}

/* A value is text: no placeholder in it, nothing left raw. */
static void
test_encodes_what_it_puts_in(void **state)
{
    (void)state;
    check_one("{label}", "{device}", NULL, "%7Bdevice%7D");
    check_one("{label}", "\xd0\x9c\xf0\x9f\x87\xa9", NULL, "%D0%9C%F0%9F%87%A9");
    check_one("{label}", "a?b#c&d=e%f+g:h,i;j\"k\\l", NULL,
              "a%3Fb%23c%26d%3De%25f%2Bg%3Ah%2Ci%3Bj%22k%5Cl");
    check_one("{label}", "A-z_0.9~", NULL, "A-z_0.9~");
    check_one("\xf0\x9f\x9a\x80 {device}!", "x", NULL, "%F0%9F%9A%80%20\x01%21");
}

static void
test_closes_gaps_and_is_never_empty(void **state)
{
    (void)state;
    check_one("{name} {label}", "L", NULL, "L");
    check_one("{label} {name}", "L", NULL, "L");
    check_one("A {name} {location} B", "L", NULL, "A%20B");
    check_one("{label}", "A  B", NULL, "A%20B");
    check_one("{name}", "L", NULL, "L");
    check_one("{name} {location} ", "L", NULL, "L");
    check_one("  ", "L", NULL, "L");
    check_one("", "L", NULL, "L");
}

static void
test_tells_equal_remarks_apart(void **state)
{
    struct fixture f;
    int i;

    (void)state;
    /* The first keeps its remark, the others get their labels. */
    setup(&f);
    add(&f, "a", NULL, "DE", "a.example");
    add(&f, "b", NULL, "DE", "b.example");
    add(&f, "c", NULL, "NL", "c.example");
    make(&f, "{device} {location}");
    assert_string_equal("\x01%20"
                        "DE",
                        f.remarks[0]);
    assert_string_equal("\x01%20"
                        "DE%20b",
                        f.remarks[1]);
    assert_string_equal("\x01%20NL", f.remarks[2]);
    pool_release(&f.pool);
    /* The same entry by two cores: labels are unique in a core only. */
    setup(&f);
    for (i = 0; i < 3; i++)
        add(&f, "DE", NULL, "DE", "a.example");
    add(&f, "DE 2", NULL, "DE", "a.example");
    make(&f, NULL);
    assert_string_equal("\x01%20"
                        "DE",
                        f.remarks[0]);
    for (i = 1; i < 4; i++)
        assert_string_not_equal(f.remarks[i - 1], f.remarks[i]);
    assert_string_not_equal(f.remarks[1], f.remarks[3]);
    pool_release(&f.pool);
}

static void
test_is_unique_for_random_lists(void **state)
{
    static const char *const words[] = {"DE", "DE 2", "DE 3", "2", "", " ", "D", "DE  2", NULL};
    static const char *const templates[] = {NULL,     "{device} {label}", "{label}",
                                            "{name}", "{location}{name}", "VPN",
                                            "",       "{label} {label}",  "{domain} {label}"};
    struct fixture f;
    uint32_t seed = 1;
    size_t i, n;
    int round;

    (void)state;
    for (round = 0; round < 300; round++) {
        setup(&f);
        for (n = 1 + sample_random(&seed) % MOST; n > 0; n--)
            add(&f, words[sample_random(&seed) % 4], words[sample_random(&seed) % 9],
                words[sample_random(&seed) % 9], words[sample_random(&seed) % 4]);
        make(&f, templates[sample_random(&seed) % 9]);
        for (i = 0; i < f.count; i++) {
            assert_true(f.remarks[i][0] != '\0');
            for (n = 0; n < i; n++)
                assert_string_not_equal(f.remarks[n], f.remarks[i]);
        }
        pool_release(&f.pool);
    }
}

/* Every part as long as records let it be. */
static void
test_has_room_for_long_parts(void **state)
{
    char name[256], label[512], address[254];
    struct fixture f;

    (void)state;
    memset(name, '%', sizeof(name) - 1);
    memset(label, '%', sizeof(label) - 1);
    memset(address, 'a', sizeof(address) - 1);
    name[sizeof(name) - 1] = label[sizeof(label) - 1] = address[sizeof(address) - 1] = '\0';
    setup(&f);
    add(&f, label, name, name, address);
    add(&f, label, name, name, address);
    make(&f, "{device} {label} {name} {location} {domain}");
    assert_string_not_equal(f.remarks[0], f.remarks[1]);
    pool_release(&f.pool);
}

/* The longest template that the settings take (255 bytes) with the longest names. */
static void
test_has_room_for_long_templates(void **state)
{
    char template[256] = "", name[256];
    struct fixture f;

    (void)state;
    while (strlen(template) + 6 < sizeof(template))
        strncat(template, "{name}", 7);
    memset(name, '%', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    setup(&f);
    add(&f, "L", name, NULL, "a.example");
    make(&f, template);
    pool_release(&f.pool);
}

static void
test_checks_templates(void **state)
{
    static const char *const good[] = {
        "", "VPN", "}", "{device}", "{label}{name} {location}", "a {domain} b }", "{label}}"};
    static const char *const wrong[] = {"{",        "{}",          "{Device}",
                                        "{device",  "{ label}",    "{port}",
                                        "{{label}", "{label} {x}", "a{label {name}"};
    struct error error;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(0, remark_check(good[i], &error));
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        error.text[0] = '\0';
        assert_int_equal(-1, remark_check(wrong[i], &error));
        assert_non_null(strstr(error.text, "{location}"));
    }
    assert_int_equal(-1, remark_check("a {label} {port} b", &error));
    assert_non_null(strstr(error.text, "{port}"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_the_device_alone_or_with_the_label),
        cmocka_unit_test(test_expands_templates),
        cmocka_unit_test(test_encodes_what_it_puts_in),
        cmocka_unit_test(test_closes_gaps_and_is_never_empty),
        cmocka_unit_test(test_tells_equal_remarks_apart),
        cmocka_unit_test(test_is_unique_for_random_lists),
        cmocka_unit_test(test_has_room_for_long_parts),
        cmocka_unit_test(test_has_room_for_long_templates),
        cmocka_unit_test(test_checks_templates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
