// attack = "grows a stack that may be larger than the memory"
// threats = [1]
// limits = { memory_bytes = "32MiB", stack_bytes = "512MiB" }
// outcome = "MEMORY_LIMIT"
// cause = "memory_bytes"
// stdout = ""
#include "attack.h"

static int grow(int mebibytes)
{
    volatile char part[1 << 20];
    for (size_t at = 0; at < sizeof part; at += 4096)
        part[at] = (char)mebibytes;
    return mebibytes == 0 ? part[0] : grow(mebibytes - 1) + part[4096];
}

int main(void)
{
    int sum = grow(256);
    printf("ESCAPED has a stack of 256 MiB: %d\n", sum);
    return 0;
}
