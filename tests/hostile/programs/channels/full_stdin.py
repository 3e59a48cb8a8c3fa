# attack = "makes the pipe of its input as small as can be, fills it itself, and ends without reading"
# threats = [50]
# stdin = "never read"
# outcome = "OK"
# stdout = "4096\n"
import fcntl
import os

F_SETPIPE_SZ = 1031
size = fcntl.fcntl(0, F_SETPIPE_SZ, 1)
writer = os.open("/proc/self/fd/0", os.O_WRONLY | os.O_NONBLOCK)
try:
    while os.write(writer, b"x"):
        pass
except BlockingIOError:
    print(size)
