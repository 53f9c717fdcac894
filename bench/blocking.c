/*
 * The usual way to use libfcgi, to compare with: one request at a time, accepted and read by the
 * library, a constant for an answer. fd 0 is the listening socket that several of these share; the
 * answer (CGI output) is the file named as argument.
 */
#include <stdio.h>
#include <stdlib.h>

#include <fcgiapp.h>

int
main(int argc, char **argv)
{
    static char constant[1024 * 1024];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    FCGX_Request request;
    size_t len;

    if (file == NULL) {
        perror(argc == 2 ? argv[1] : "usage: blocking FILE");
        return 2;
    }
    len = fread(constant, 1, sizeof(constant), file);
    fclose(file);
    if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0)
        return 1;
    while (FCGX_Accept_r(&request) == 0) {
        FCGX_PutStr(constant, (int)len, request.out);
        FCGX_Finish_r(&request);
    }
    return 0;
}
