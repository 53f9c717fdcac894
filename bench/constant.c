/*
 * The responder's event loop with a constant for an answer: what respond() costs is the difference
 * to it. fd 0 is the listening socket; the answer (CGI output) is the file named as argument.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fastcgi.h"
#include "file.h"

static void
answer(void *context, const struct request *request, struct buf *out)
{
    const struct buf *constant = context;

    (void)request;
    buf_put(out, constant->data, constant->len);
}

static void
turn(void *context, int64_t now_ms)
{
    (void)context;
    (void)now_ms;
}

static void
child(void *context)
{
    (void)context;
}

int
main(int argc, char **argv)
{
    struct buf constant;
    struct fastcgi_app app = {&constant, answer, turn, child};
    struct error error;
    int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;

    buf_init(&constant, 1024 * 1024);
    if (fd < 0 || file_read_all(fd, &constant) != 0) {
        perror(argc == 2 ? argv[1] : "usage: constant FILE");
        return 2;
    }
    close(fd);
    if (fastcgi_run(STDIN_FILENO, &app, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}
