# attack = "has a thousand timers of a microsecond fire at it"
# threats = [13, 21]
# limits = { cpu_time = "0.3s" }
# outcome = "CPU_TIME_LIMIT"
# cause = "cpu_time"
# stdout = ""
import ctypes
import signal
import struct
import time

from attack import escaped, syscall

TIMER_CREATE, TIMER_SETTIME = 222, 223

signal.signal(signal.SIGRTMIN, lambda *_: None)
event = struct.pack("qi52x", 0, signal.SIGRTMIN)
for _ in range(1000):
    timer = ctypes.c_int()
    syscall(TIMER_CREATE, time.CLOCK_MONOTONIC, event, ctypes.byref(timer))
    syscall(TIMER_SETTIME, timer.value, 0, struct.pack("4q", 0, 1000, 0, 1000), 0)
while time.process_time() < 1.5:
    pass
escaped("1.5 s under fire")
