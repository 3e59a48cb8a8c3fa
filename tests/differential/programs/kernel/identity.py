import grp
import os
import pwd

print(os.getresuid(), os.getresgid(), os.getgroups(), pwd.getpwuid(os.getuid()), grp.getgrgid(os.getgid()))
