// attack = "mounts by the table of 32-bit calls, whose number is that of a harmless 64-bit one"
// threats = [43]
// outcome = "SECURITY_VIOLATION"
// blocked_syscall = "i386:mount"
// stdout = ""
// caught_by = ["seccomp"]
#include "attack.h"

enum { I386_MOUNT = 21 }; /* access(2) where there are 64 bits */

int main(void)
{
    long answer;

    __asm__ volatile("int $0x80"
                     : "=a"(answer)
                     : "a"((long)I386_MOUNT), "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L)
                     : "memory", "r8", "r9", "r10", "r11");
    printf("%sthe 32-bit table answered %s\n", answer == -ENOSYS ? "" : "ESCAPED ", strerrorname_np((int)-answer));
    return 0;
}
