# An orphan's parent is process 1.
import os

r, w = os.pipe()
middle = os.fork()
if middle == 0:
    if os.fork() == 0:
        while os.getppid() == middle or os.getppid() != 1:
            pass
        os.write(w, str(os.getppid()).encode())
    os._exit(0)
os.waitpid(middle, 0)
print(os.read(r, 10))
