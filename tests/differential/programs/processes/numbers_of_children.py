import os
import subprocess

print([subprocess.Popen(["true"]).pid - os.getpid() for _ in range(3)])
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0)
    children.append(os.waitpid(child, 0)[0] - os.getpid())
print(children)
