#include "http_head.h"

/* Places in "HTTP/1.x NNN". */
enum { MINOR = 7, SPACE, NUMBER, NUMBER_END = 12 };

/* One byte of the status line up to what ends the number. */
static bool
take_status(struct http_head *head, uint8_t c)
{
    bool is_digit = c >= '0' && c <= '9';

    if (head->len < MINOR)
        return c == (uint8_t) "HTTP/1."[head->len];
    if (head->len == MINOR)
        return is_digit;
    if (head->len == SPACE)
        return c == ' ';
    if (head->len < NUMBER_END) {
        head->number = head->number * 10 + (c - (unsigned)'0');
        return is_digit && head->number > 0;
    }
    head->status = head->number;
    return c == ' ' || c == '\r' || c == '\n';
}

enum http_head_state
http_head_take(struct http_head *head, const uint8_t **at, const uint8_t *end)
{
    for (; *at < end; ++*at) {
        uint8_t c = **at;

        if (head->len == HTTP_HEAD_MAX)
            return HTTP_HEAD_BAD;
        if (head->status == 0 && !take_status(head, c)) {
            head->status = 0;
            return HTTP_HEAD_BAD;
        }
        head->len++;
        if (c == '\n' && head->is_after_newline) {
            ++*at;
            return HTTP_HEAD_WHOLE;
        }
        if (c == '\n')
            head->is_after_newline = true;
        else if (c != '\r')
            head->is_after_newline = false;
    }
    return HTTP_HEAD_MORE;
}
