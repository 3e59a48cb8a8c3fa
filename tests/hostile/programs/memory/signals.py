# attack = "has 5000 signals wait for processes that block them"
# threats = [8]
# outcome = "OK"
# stdout = """
# refused: EAGAIN
# """
import errno
import os
import signal

from attack import checked, escaped, libc

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMAX])
other = os.fork()
if other == 0:
    signal.pause()
try:
    for _ in range(2500):
        for process in (os.getpid(), other):
            checked(libc.sigqueue(process, signal.SIGRTMAX, None))
    escaped("5000 signals wait")
except OSError as error:
    print("refused:", errno.errorcode[error.errno])
