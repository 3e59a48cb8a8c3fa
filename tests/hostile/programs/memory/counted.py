# attack = "takes more than it may have of what the kernel counts by user or by container"
# threats = [5, 8]
# limits = { open_files = 512 }
# outcome = "OK"
# stdout = """
# POSIX queues: EMFILE
# timers: EAGAIN
# signals: EAGAIN
# terminals: ENOSPC
# """
import ctypes
import os
import signal

from attack import attempt, checked, libc


def repeat(times, call, *args):
    return [checked(call(*args)) for _ in range(times)]


def queues():
    for number in range(300):
        checked(libc.mq_open(f"/{number}".encode(), os.O_CREAT | os.O_RDWR, 0o600, None))


signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMAX])
attempt("POSIX queues", queues)
attempt("timers", repeat, 5000, libc.timer_create, 0, None, ctypes.byref(ctypes.c_void_p()))
attempt("signals", repeat, 5000, libc.sigqueue, os.getpid(), signal.SIGRTMAX, None)
attempt("terminals", repeat, 100, os.open, "/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
