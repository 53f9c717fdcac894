#include "remark.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { REMARK_MAX = 2048, EXPANDED_MAX = 64 * 1024 };

enum placeholder { DEVICE, LABEL, NAME, LOCATION, DOMAIN, PLACEHOLDERS };

static const char *const placeholders[PLACEHOLDERS] = {"{device}", "{label}", "{name}",
                                                       "{location}", "{domain}"};

/* Which placeholder the text starts with, or PLACEHOLDERS. */
static int
placeholder(const char *text)
{
    int i;

    for (i = 0; i < PLACEHOLDERS; i++)
        if (strncmp(text, placeholders[i], strlen(placeholders[i])) == 0)
            break;
    return i;
}

int
remark_check(const char *template, struct error *error)
{
    const char *p;

    for (p = strchr(template, '{'); p != NULL; p = strchr(p + 1, '{'))
        if (placeholder(p) == PLACEHOLDERS)
            return error_set(error,
                             "'%.*s' starts with none of {device}, {label}, {name}, "
                             "{location}, {domain}",
                             (int)text_cut(p, 20), p);
    return 0;
}

static const char *
value_of(int which, const struct endpoint *endpoint, const char *label)
{
    const char *value;

    switch (which) {
    case DEVICE:
        return "\x01"; /* REMARK_DEVICE */
    case LABEL:
        return label;
    case NAME:
        value = endpoint->name;
        break;
    case LOCATION:
        value = endpoint->location;
        break;
    default:
        value = endpoint->client.address;
        break;
    }
    return value != NULL ? value : "";
}

/* Appends text; spaces at the start and after another space are left out. */
static void
put_words(struct buf *buf, const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (text[i] != ' ' || (buf->len > 0 && buf->data[buf->len - 1] != ' '))
            buf_putc(buf, text[i]);
}

static char *
expand(const char *template, const struct endpoint *endpoint, const char *label, struct buf *buf,
       struct pool *pool)
{
    const char *p = template, *value;
    int which;

    buf_clear(buf);
    while (*p != '\0') {
        which = placeholder(p);
        if (which < PLACEHOLDERS) {
            value = value_of(which, endpoint, label);
            put_words(buf, value, strlen(value));
            p += strlen(placeholders[which]);
        } else {
            put_words(buf, p++, 1);
        }
    }
    while (buf->len > 0 && buf->data[buf->len - 1] == ' ')
        buf->len--;
    /* Nothing came of it. The device's name would not do: another endpoint's may be the same. */
    if (buf->len == 0)
        buf_puts(buf, label);
    buf_putc(buf, '\0');
    return buf->failed ? NULL : pool_copy(pool, buf->data, text_cut(buf->data, REMARK_MAX));
}

static bool
is_taken(const char *const *remarks, size_t count, const char *text)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (strcmp(remarks[i], text) == 0)
            return true;
    return false;
}

/* Of strings that an earlier one is equal to, gives the later ones a number. */
static int
number_equals(const char **texts, size_t count, struct pool *pool)
{
    size_t i, number;

    for (i = 1; i < count; i++) {
        const char *plain = texts[i];

        for (number = 2; texts[i] != NULL && is_taken(texts, i, texts[i]); number++)
            texts[i] = pool_printf(pool, "%s %zu", plain, number);
        if (texts[i] == NULL)
            return -1;
    }
    return 0;
}

/* A remark that an earlier one has already gets the label, and a number if that does not help. */
static int
make_unique(const char *const *labels, size_t count, struct pool *pool, const char **remarks)
{
    size_t i;

    for (i = 1; i < count; i++) {
        if (!is_taken(remarks, i, remarks[i]) || strstr(remarks[i], labels[i]) != NULL)
            continue;
        remarks[i] = pool_printf(pool, "%s %s", remarks[i], labels[i]);
        if (remarks[i] == NULL)
            return -1;
    }
    return number_equals(remarks, count, pool);
}

void
remark_escape(struct buf *buf, const char *remark,
              void (*escape)(struct buf *buf, const char *bytes, size_t len))
{
    size_t len;

    for (;;) {
        len = strcspn(remark, "\x01");
        escape(buf, remark, len);
        remark += len;
        if (*remark == '\0')
            return;
        buf_putc(buf, *remark++);
    }
}

/* The endpoints' labels; two of a core and of none may still be equal. */
static const char **
make_labels(const struct endpoint *const *list, size_t count, bool is_wide, struct pool *pool)
{
    const char **labels = calloc(count + 1, sizeof(*labels));
    size_t i;

    for (i = 0; labels != NULL && i < count; i++)
        labels[i] = is_wide ? list[i]->wide_label : list[i]->label;
    if (labels != NULL && number_equals(labels, count, pool) != 0) {
        free(labels);
        return NULL;
    }
    return labels;
}

int
remark_make(const char *template, const struct endpoint *const *list, size_t count, bool is_wide,
            struct pool *pool, const char **remarks)
{
    const char **labels = make_labels(list, count, is_wide, pool);
    struct buf buf;
    size_t i;
    int rc = labels != NULL ? 0 : -1;

    if (template == NULL)
        template = count == 1 ? "{device}" : "{device} {label}";
    buf_init(&buf, EXPANDED_MAX);
    for (i = 0; i < count && rc == 0; i++)
        if ((remarks[i] = expand(template, list[i], labels[i], &buf, pool)) == NULL)
            rc = -1;
    if (rc == 0)
        rc = make_unique(labels, count, pool, remarks);
    buf_release(&buf);
    free(labels);
    return rc;
}
