import os

first = os.getpid()
print("once, for it is flushed", flush=True)
child = os.fork()
if child == 0:
    print("child", os.getpid() - first, os.getppid() == first)
    raise SystemExit(3)
print("parent", child - first, os.waitpid(child, 0)[1] >> 8)
