import os
import subprocess

r, w = os.pipe()
print(subprocess.check_output(["ls", "/proc/self/fd"]).split())
print(subprocess.check_output(["ls", "/proc/self/fd"], close_fds=False).split())
print(subprocess.check_output(["ls", "/proc/self/fd"], pass_fds=[w]).split())
