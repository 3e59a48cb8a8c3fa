import os
import subprocess

child = subprocess.Popen(["true"])
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
print(open(f"/proc/{child.pid}/stat").read().split()[2], child.wait())
