// attack = "holds twenty parents in vfork, where no signal but a kill reaches them"
// threats = [19, 23]
// limits = { wall_time = "0.4s" }
// outcome = "WALL_TIME_LIMIT"
// cause = "wall_time"
// stdout = ""
#include "attack.h"

static void hold(int parents)
{
    if (parents == 0) {
        sleep(6);
        printf("ESCAPED 20 parents were held for 6 s\n");
        fflush(stdout);
    } else if (vfork() == 0) {
        hold(parents - 1);
        _exit(0);
    }
}

int main(void)
{
    hold(20);
    return 1;
}
