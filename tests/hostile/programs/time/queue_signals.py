# attack = "queues signals and makes timers without end"
# threats = [8, 27]
# outcome = "OK"
# stdout = """
# signals: EAGAIN
# timers: EAGAIN
# """
import ctypes
import os
import signal
import struct
import time

from attack import attempt, syscall

RT_SIGQUEUEINFO, TIMER_CREATE, SI_QUEUE = 129, 222, -1
MANY = 10_000

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})


def queue():
    information = struct.pack("iii116x", signal.SIGRTMIN, 0, SI_QUEUE)
    for _ in range(MANY):
        syscall(RT_SIGQUEUEINFO, os.getpid(), int(signal.SIGRTMIN), information)
    return MANY


def make_timers():
    event = struct.pack("qi52x", 0, signal.SIGRTMIN)
    for _ in range(MANY):
        syscall(TIMER_CREATE, time.CLOCK_MONOTONIC, event, ctypes.byref(ctypes.c_int()))
    return MANY


attempt("signals", queue)
attempt("timers", make_timers)
