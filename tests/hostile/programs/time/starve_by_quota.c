// attack = "shares a fiftieth of a CPU among fifty hogs, so that none of them comes to its own end"
// threats = [18]
// limits = { cpus = 0.02, wall_time = "0.8s" }
// outcome = "WALL_TIME_LIMIT"
// cause = "wall_time"
// stdout = ""
#include "attack.h"
#include <time.h>

int main(void)
{
    time_t end = time(NULL) + 6;
    for (int n = 0; n < 50; n++)
        if (fork() == 0)
            break;
    while (time(NULL) < end)
        ;
    printf("ESCAPED it lived for 6 s\n");
    return 1;
}
