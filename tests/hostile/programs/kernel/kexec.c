// attack = "loads another kernel"
// threats = [41]
// outcome = "SECURITY_VIOLATION"
// blocked_syscall = "kexec_load"
// stdout = ""
#include "attack.h"
#include <sys/syscall.h>

int main(void)
{
    ATTEMPT(syscall(SYS_kexec_load, 0, 0, 0, 0));
    return 0;
}
