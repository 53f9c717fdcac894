#include "unit.h"

#include "uuid.h"

static void
test_reads_either_case(void **state)
{
    struct uuid uuid;
    char text[UUID_TEXT + 1];

    (void)state;
    assert_int_equal(0, uuid_parse("8F3C5D1E-6324-4d53-AD4F-8cda48b30811", 36, &uuid));
    assert_int_equal(0x8f, uuid.bytes[0]);
    assert_int_equal(0x11, uuid.bytes[15]);
    uuid_format(&uuid, text);
    assert_string_equal("8f3c5d1e-6324-4d53-ad4f-8cda48b30811", text);
}

static void
test_refuses_every_other_form(void **state)
{
    static const char *const wrong[] = {
        "",
        "8f3c5d1e-6324-4d53-ad4f-8cda48b3081",    /* short */
        "8f3c5d1e-6324-4d53-ad4f-8cda48b308111",  /* long */
        "8f3c5d1e63244d53ad4f8cda48b30811",       /* no hyphens */
        "{8f3c5d1e-6324-4d53-ad4f-8cda48b30811}", /* braces */
        "8f3c5d1e-6324-4d53-ad4f-8cda48b3081g",   /* no digit */
        "8f3c5d1e-6324-4d53-ad4f-8cda48b3081 ",   /* space */
        "8f3c5d1-e6324-4d53-ad4f-8cda48b30811",   /* hyphen elsewhere */
        "8f3c5d1e_6324_4d53_ad4f_8cda48b30811",   /* other hyphens */
        "-8f3c5d1e-6324-4d53-ad4f-8cda48b3081",   /* shifted */
        "８f3c5d1e-6324-4d53-ad4f-8cda48b308",    /* a full-width digit */
    };
    struct uuid uuid;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(-1, uuid_parse(wrong[i], strlen(wrong[i]), &uuid));
    /* A NUL inside the 36 characters. */
    assert_int_equal(-1, uuid_parse("8f3c5d1e-6324-4d53-ad4f-8cda48b3081\0", 36, &uuid));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_either_case),
        cmocka_unit_test(test_refuses_every_other_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
