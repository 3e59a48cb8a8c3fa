import os
import platform
import socket

print(socket.gethostname(), os.uname().nodename, os.uname().sysname, platform.node(), platform.python_implementation())
print(open("/proc/sys/kernel/hostname").read(), open("/proc/sys/kernel/domainname").read())
