# attack = "holds a lease on a file that it wants back, so that who opens it would wait for 45 s"
# threats = [36, 38]
# collect = ["leased"]
# outcome = "OK"
# files = ["leased"]
# stdout = ""
import fcntl
import os
import signal
import time

signal.signal(signal.SIGIO, signal.SIG_IGN)
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    fd = os.open("leased", os.O_CREAT | os.O_RDWR)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.write(writer, b".")
    time.sleep(10)
    os._exit(0)
os.read(reader, 1)
