// attack = "touches a data segment of 1 GiB"
// threats = [10]
// limits = { memory_bytes = "32MiB" }
// outcome = "MEMORY_LIMIT"
// cause = "memory_bytes"
// stdout = ""
#include "attack.h"

static volatile char held[1L << 30];

int main(void)
{
    for (size_t at = 0; at < sizeof held; at += 4096)
        held[at] = 1;
    printf("ESCAPED holds a data segment of %zu bytes\n", sizeof held);
    return 0;
}
