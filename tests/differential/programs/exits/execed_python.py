import os
import sys

os.execv(
    sys.executable,
    [sys.executable, "-c", "import sys; print(sys.argv, sys.orig_argv, sys.flags.hash_randomization)", "x"],
)
