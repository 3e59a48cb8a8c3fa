import os

print([number == os.getpid() for number in (os.getpgrp(), os.getsid(0), os.getpgid(0))], os.getppid())
