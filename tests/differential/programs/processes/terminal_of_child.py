import os
import pty

child, terminal = pty.fork()
if child == 0:
    print("in a terminal", os.isatty(0), os.getsid(0) == os.getpid())
    raise SystemExit
print(os.read(terminal, 1000), os.waitpid(child, 0)[1])
