# attack = "leaves an orphan with a lease on what is to be collected, so that whoever opens it has to wait for it"
# threats = [36, 38, 50]
# limits = { wall_time = "10s" }
# collect = ["leased"]
# files = ["leased"]
# outcome = "OK"
# stdout = """
# on a program: EACCES
# on the other's: EAGAIN
# """
import fcntl
import os
import signal
import time

from attack import attempt

reader, writer = os.pipe()
os.close(os.open("leased", os.O_CREAT | os.O_WRONLY))
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # which would ask for it
    fcntl.fcntl(os.open("leased", os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
    os.write(writer, b"x")
    time.sleep(12)
    os._exit(0)
os.read(reader, 1)
attempt("on a program", fcntl.fcntl, os.open("/usr/bin/true", os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)
attempt("on the other's", os.open, "leased", os.O_RDONLY | os.O_NONBLOCK)
