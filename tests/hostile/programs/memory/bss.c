// attack = "has a data segment that is too large to load"
// threats = [10]
// limits = { memory_bytes = "32MiB" }
// outcome = "SIGNALED"
// signal = 11
// stdout = ""
#include "attack.h"

static char held[1L << 47];

int main(void)
{
    held[0] = 1;
    printf("ESCAPED loaded with a data segment of %zu bytes\n", sizeof held);
    return held[1];
}
