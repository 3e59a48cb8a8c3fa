# attack = "has a hundred timers of a microsecond fire at it, so that it does nothing but to handle signals"
# threats = [13, 21]
# limits = { cpu_time = "0.3s" }
# outcome = "CPU_TIME_LIMIT"
# cause = "cpu_time"
# stdout = ""
import ctypes
import os
import signal
import struct
import time

from attack import escaped, syscall

TIMER_CREATE, TIMER_SETTIME = 222, 223

if os.fork() == 0:
    time.sleep(8)
    escaped("8 s under fire")
    os.killpg(0, signal.SIGKILL)
signal.signal(signal.SIGRTMIN, lambda *_: None)
event = struct.pack("qi52x", 0, signal.SIGRTMIN)
for _ in range(100):
    timer = ctypes.c_int()
    syscall(TIMER_CREATE, time.CLOCK_MONOTONIC, event, ctypes.byref(timer))
    syscall(TIMER_SETTIME, timer.value, 0, struct.pack("4q", 0, 1000, 0, 1000), 0)
while True:
    pass
