/* qr.h: the picture, read back from its path. Whether scanners read it, a browser test asks. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "qr.h"

enum { MOST = 177 };

struct picture {
    int side; /* modules, without the quiet zone */
    bool dark[MOST][MOST];
};

/* Reads "m1 0h7…" as a browser draws it; every stroke lies within the symbol. */
static void
draw(const char *path, struct picture *picture)
{
    int x = 0, y = 0, dx, dy, run, n;

    while (sscanf(path, "m%d %dh%d%n", &dx, &dy, &run, &n) == 3) {
        x += dx;
        y += dy;
        assert_true(x >= 0 && y >= 0 && run > 0 && x + run <= picture->side && y < picture->side);
        for (; run > 0; run--)
            picture->dark[y][x++] = true;
        path += n;
    }
    assert_memory_equal("\"/></svg>", path, 10);
}

static void
make(size_t len, struct picture *picture)
{
    char *text = malloc(len);
    const char *path;
    struct buf buf;
    int wide, high;

    assert_non_null(text);
    memset(text, 'a', len);
    buf_init(&buf, 1 << 20);
    assert_true(qr_put(&buf, text, len, "label"));
    buf_putc(&buf, '\0');
    assert_false(buf.failed);
    assert_non_null(strstr(buf.data, " role=\"img\" aria-label=\"label\">"));
    /* 4 modules of quiet on each side; a stroke's line is in the middle of its row. */
    assert_int_equal(2, sscanf(buf.data, "<svg viewBox=\"-4 -4.5 %d %d\"", &wide, &high));
    assert_int_equal(wide, high);
    memset(picture, 0, sizeof(*picture));
    picture->side = wide - 8;
    path = strstr(buf.data, "<path stroke=\"#000\" d=\"");
    assert_non_null(path);
    draw(path + 23, picture);
    buf_release(&buf);
    free(text);
}

/* A square with a ring and a heart, light around it. */
static void
check_finder(const struct picture *picture, int left, int top)
{
    int x, y, ring;

    for (y = -1; y <= 7; y++) {
        for (x = -1; x <= 7; x++) {
            if (left + x < 0 || top + y < 0 || left + x >= picture->side ||
                top + y >= picture->side)
                continue;
            ring = abs(x - 3) > abs(y - 3) ? abs(x - 3) : abs(y - 3);
            assert_int_equal(ring != 2 && ring != 4, picture->dark[top + y][left + x]);
        }
    }
}

static void
test_symbols_of_all_sizes(void **state)
{
    /* Versions by ISO/IEC 18004 table 7: level M up to 106 bytes, L above. */
    static const struct {
        size_t len;
        int side;
    } cases[] = {{1, 21},   {14, 21},  {15, 25},  {60, 33},  {62, 33},    {63, 37},
                 {106, 41}, {107, 41}, {134, 41}, {135, 45}, {2809, 173}, {QR_MAX, 177}};
    struct picture picture;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make(cases[i].len, &picture);
        assert_int_equal(cases[i].side, picture.side);
        check_finder(&picture, 0, 0);
        check_finder(&picture, picture.side - 7, 0);
        check_finder(&picture, 0, picture.side - 7);
    }
}

static void
test_nothing_and_too_much_give_nothing(void **state)
{
    char text[QR_MAX + 1];
    struct buf buf;

    (void)state;
    memset(text, 'a', sizeof(text));
    buf_init(&buf, 1 << 20);
    assert_false(qr_put(&buf, text, 0, "label"));
    assert_false(qr_put(&buf, text, QR_MAX + 1, "label"));
    assert_int_equal(0, buf.len);
    assert_false(buf.failed);
    buf_release(&buf);
    buf_init(&buf, 100);
    assert_true(qr_put(&buf, text, 60, "label"));
    assert_true(buf.failed);
    buf_release(&buf);
}

/* The block characters show the same modules as the picture does. */
static void
test_lines_for_a_terminal(void **state)
{
    static const char *const blocks[] = {"\u2588", "\u2580", "\u2584", " "}; /* by dark rows */
    struct picture picture;
    const char *p;
    char text[60];
    struct buf buf;
    int x, y, dark;

    (void)state;
    memset(text, 'a', sizeof(text));
    make(sizeof(text), &picture);
    buf_init(&buf, 1 << 20);
    assert_true(qr_put_text(&buf, text, sizeof(text), false));
    buf_putc(&buf, '\0');
    assert_false(buf.failed);
    p = buf.data;
    for (y = -4; y < picture.side + 4; y += 2, p++) {
        for (x = -4; x < picture.side + 4; x++) {
            bool is_wide = x >= 0 && x < picture.side;

            dark = is_wide && y >= 0 && y < picture.side && picture.dark[y][x] ? 2 : 0;
            dark += is_wide && y + 1 >= 0 && y + 1 < picture.side && picture.dark[y + 1][x];
            assert_memory_equal(blocks[dark], p, strlen(blocks[dark]));
            p += strlen(blocks[dark]);
        }
        assert_int_equal('\n', *p);
    }
    assert_int_equal('\0', *p);
    assert_false(qr_put_text(&buf, text, 0, true));
    buf_release(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symbols_of_all_sizes),
        cmocka_unit_test(test_lines_for_a_terminal),
        cmocka_unit_test(test_nothing_and_too_much_give_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
