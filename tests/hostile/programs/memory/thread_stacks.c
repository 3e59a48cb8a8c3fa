// attack = "fills the stacks of 40 threads"
// threats = [1, 8]
// limits = { memory_bytes = "32MiB" }
// outcome = "MEMORY_LIMIT"
// cause = "memory_bytes"
// stdout = ""
// caught_by = ["cgroup"]
#include "attack.h"
#include <pthread.h>

enum { THREADS = 40, BYTES = 6 << 20, PAGE = 4096 };
static pthread_barrier_t all;

static void *fill(void *unused)
{
    volatile char stack[BYTES];
    for (int at = 0; at < BYTES; at += PAGE)
        stack[at] = 1;
    pthread_barrier_wait(&all);
    return unused;
}

int main(void)
{
    pthread_barrier_init(&all, NULL, THREADS + 1);
    pthread_t thread;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, fill, NULL) != 0)
            return 1;
    pthread_barrier_wait(&all);
    printf("ESCAPED %d threads hold a stack of %d bytes each\n", THREADS, BYTES);
    return 0;
}
