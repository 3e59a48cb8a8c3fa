import os
import sys

if len(sys.argv) == 1:
    os.execv(sys.executable, [*sys.orig_argv, str(os.getpid())])
print(len(sys.argv), sys.argv[1] == str(os.getpid()))
