// attack = "ends, and leaves chains of processes, each of which forks the next and dies before it can be killed"
// threats = [16, 24]
// outcome = "OK"
// stdout = ""
#include "attack.h"
#include <time.h>

static void run_away(void)
{
    time_t end = time(NULL) + 6;
    while (time(NULL) < end)
        if (fork() > 0)
            _exit(0);
    printf("ESCAPED a chain ran on for 6 s\n");
    fflush(stdout);
    _exit(1);
}

int main(void)
{
    for (int n = 0; n < 10; n++)
        if (fork() == 0)
            run_away();
    return 0;
}
