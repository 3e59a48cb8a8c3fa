import os
import signal

child = os.fork()
if child == 0:
    signal.pause()
fd = os.pidfd_open(child)
signal.pidfd_send_signal(fd, signal.SIGKILL)
print(os.waitid(os.P_PIDFD, fd, os.WEXITED).si_status, fd)
