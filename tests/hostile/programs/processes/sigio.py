# attack = "has the kernel send signals for it, to init and to the host, when something happens to a pipe"
# threats = [27]
# outcome = "OK"
# stdout = """
# owner on the host: ESRCH
# init is there
# """
import fcntl
import os
import select
import signal
import time

from attack import attempt, bait

INIT = 1


def send_by_pipe(pid, number):
    """Make it the owner of a pipe, who gets a signal when there is something to read. 0 is SIGIO without a sender."""
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, pid)
    fcntl.fcntl(reader, fcntl.F_SETSIG, number)
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC)
    os.write(writer, b"x")


attempt("owner on the host", send_by_pipe, int(bait("PID")), signal.SIGKILL)
for number in (0, signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
    send_by_pipe(INIT, number)
time.sleep(0.1)
assert not select.select([os.pidfd_open(INIT)], [], [], 0)[0], "init has ended"
print("init is there")
