/*
 * The least that a CGI program in C can cost: the answer is in the program.
 */
#include <stdio.h>

int
main(void)
{
    fputs("Status: 200 OK\r\n"
          "Content-Type: text/plain; charset=utf-8\r\n"
          "Content-Length: 8\r\n"
          "\r\n"
          "dmxlc3M6",
          stdout);
    return 0;
}
