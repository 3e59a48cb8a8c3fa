# tty = true
import os
import sys

for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.isatty(), stream.line_buffering, os.ttyname(stream.fileno()))
print(os.get_terminal_size(), os.tcgetpgrp(0) == os.getpgrp(), os.getsid(0) == os.getpid())
