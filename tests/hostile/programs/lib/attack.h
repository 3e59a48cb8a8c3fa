/* What attacks in C share: each attempt prints a line, with what the kernel answered, or ESCAPED. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Make a call that must fail with -1, and print its errno. */
#define ATTEMPT(call)                                               \
    do {                                                            \
        errno = 0;                                                  \
        long attempted = (long)(call);                              \
        if (attempted == -1)                                        \
            printf("%s: %s\n", #call, strerrorname_np(errno));      \
        else                                                        \
            printf("ESCAPED %s: %ld\n", #call, attempted);          \
        fflush(stdout);                                             \
    } while (0)
