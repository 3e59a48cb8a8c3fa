// attack = "makes processes by vfork, each in the child of the one before"
// threats = [19, 24, 25]
// limits = { processes = 10 }
// outcome = "OK"
// stdout = "9 children, then EAGAIN\n"
// caught_by = ["cgroup"]
#include "attack.h"

static int made;

static void deeper(void)
{
    if (made == 200)
        return;
    pid_t pid = vfork();
    if (pid == 0) {
        made++;
        deeper();
        _exit(0);
    }
    if (pid == -1)
        printf("%d children, then %s\n", made, strerrorname_np(errno));
}

int main(void)
{
    deeper();
    if (made > 9)
        printf("ESCAPED the limit is 10 processes\n");
    return 0;
}
