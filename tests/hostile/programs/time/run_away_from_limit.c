// attack = "waits, while chains of processes run, each of which forks the next and dies before it can be killed"
// threats = [16, 24]
// limits = { wall_time = "0.4s" }
// outcome = "WALL_TIME_LIMIT"
// cause = "wall_time"
// stdout = ""
#include "attack.h"
#include <time.h>

int main(void)
{
    for (int n = 0; n < 10; n++)
        if (fork() == 0) {
            time_t end = time(NULL) + 6;
            while (time(NULL) < end)
                if (fork() > 0)
                    _exit(0);
            _exit(1);
        }
    sleep(6);
    printf("ESCAPED chains ran on for 6 s\n");
    return 1;
}
