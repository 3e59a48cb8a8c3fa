// attack = "asks the compiler what there is on the host"
// threats = [35, 57]
// outcome = "OK"
// stdout = ""
#include "attack.h"

int main(void)
{
#if __has_include("/proc/1/environ") || __has_include("/proc/1/root/etc/passwd")
    puts("ESCAPED the compiler sees init");
#endif
#if __has_include("/etc/shadow") || __has_include("/etc/ssh/sshd_config") || __has_include("/etc/machine-id")
    puts("ESCAPED the compiler sees files of the host");
#endif
#if __has_include("/c/image/etc/passwd") || __has_include("/images/0/etc/passwd")
    puts("ESCAPED the compiler sees the launcher's root");
#endif
    return 0;
}
