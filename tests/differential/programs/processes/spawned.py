import os

child = os.posix_spawn("/bin/sh", ["sh", "-c", "echo spawned; exit 2"], os.environ)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
