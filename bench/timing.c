/*
 * Asks requests of several kinds in random order on one kept connection and notes how long each
 * takes, from the first byte sent to the last one received, for bench/timing.
 *
 *     timing ADDRESS COUNT SIZE FILE…
 *
 * ADDRESS: the path of a UNIX socket, or a port on 127.0.0.1. SIZE: the bytes of every answer; one
 * of another size or none at all ends the program with a message. FILE, one for each kind:
 * requests, each behind its length of four bytes, least first, which are asked in turn. COUNT: how
 * many of each kind. Prints, kind by kind, COUNT numbers of 4 bytes: nanoseconds.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { KINDS_MAX = 16, ANSWER_MAX = 64 * 1024, WARM_UP = 2000 };

struct kind {
    char *requests; /* as in the file */
    size_t len, at;
    uint32_t *times;
    size_t count;
};

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int
connect_to(const char *address)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval limit = {.tv_sec = 10};
    int is_path = strchr(address, '/') != NULL, on = 1, rc;
    int fd = socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

    if (is_path) {
        if (strlen(address) >= sizeof(path.sun_path)) {
            fputs("timing: the path is too long\n", stderr);
            exit(2);
        }
        memcpy(path.sun_path, address, strlen(address));
        rc = connect(fd, (struct sockaddr *)&path, sizeof(path));
    } else {
        port.sin_port = htons((uint16_t)strtoul(address, NULL, 10));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        rc = connect(fd, (struct sockaddr *)&port, sizeof(port));
    }
    if (fd < 0 || rc != 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0)
        die("connect");
    return fd;
}

static void
load(struct kind *kind, const char *name, size_t count)
{
    FILE *file = fopen(name, "rb");
    long len = 0;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) <= 4)
        die(name);
    rewind(file);
    kind->len = (size_t)len;
    kind->requests = malloc(kind->len);
    kind->times = calloc(count, sizeof(*kind->times));
    if (kind->requests == NULL || kind->times == NULL ||
        fread(kind->requests, 1, kind->len, file) != kind->len)
        die(name);
    fclose(file);
}

/* Asks the next request of a kind; returns the nanoseconds. */
static int64_t
ask(int fd, struct kind *kind, size_t size)
{
    static char answer[ANSWER_MAX];
    int64_t start;
    uint32_t len;
    size_t got = 0;
    ssize_t n;

    if (kind->at >= kind->len)
        kind->at = 0;
    memcpy(&len, kind->requests + kind->at, sizeof(len));
    start = now_ns();
    if (send(fd, kind->requests + kind->at + 4, len, MSG_NOSIGNAL) != (ssize_t)len)
        die("send");
    while (got < size) {
        n = recv(fd, answer, sizeof(answer), 0);
        if (n <= 0)
            die("recv: less than an answer");
        got += (size_t)n;
    }
    if (got != size) {
        fputs("timing: an answer of another size\n", stderr);
        exit(1);
    }
    kind->at += 4 + len;
    return now_ns() - start;
}

int
main(int argc, char **argv)
{
    struct kind kinds[KINDS_MAX] = {{0}};
    int kind_count = argc - 4, i, fd;
    size_t count, size, left;

    if (kind_count < 1 || kind_count > KINDS_MAX) {
        fputs("usage: timing ADDRESS COUNT SIZE FILE…\n", stderr);
        return 2;
    }
    count = strtoul(argv[2], NULL, 10);
    size = strtoul(argv[3], NULL, 10);
    for (i = 0; i < kind_count; i++)
        load(&kinds[i], argv[4 + i], count);
    fd = connect_to(argv[1]);
    srandom((unsigned)time(NULL));
    for (i = 0; i < WARM_UP; i++)
        (void)ask(fd, &kinds[random() % kind_count], size);
    /* Each order of the rest is as likely: a kind in proportion to what is left of it. */
    for (left = count * (size_t)kind_count; left > 0; left--) {
        size_t which = (size_t)random() % left;

        for (i = 0; which >= count - kinds[i].count; i++)
            which -= count - kinds[i].count;
        kinds[i].times[kinds[i].count++] = (uint32_t)ask(fd, &kinds[i], size);
    }
    for (i = 0; i < kind_count; i++)
        if (fwrite(kinds[i].times, sizeof(uint32_t), count, stdout) != count)
            die("write");
    return 0;
}
