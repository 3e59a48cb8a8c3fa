# attack = "sets the clocks of the host"
# threats = [22]
# outcome = "OK"
# stdout = """
# settimeofday: EPERM
# clock_settime: EPERM
# adjtimex: EPERM
# clock_adjtime: EPERM
# timer that wakes the machine: EPERM
# clock of the hardware: ENOENT
# """
# caught_by = ["capabilities", "user namespace"]
import os
import struct
import time

from attack import attempt, syscall

SETTIMEOFDAY, ADJTIMEX, CLOCK_ADJTIME, TIMERFD_CREATE = 164, 159, 305, 283
CLOCK_REALTIME_ALARM = 8
ADD_NOTHING = struct.pack("I204x", 0x0100)  # ADJ_SETOFFSET, by 0: it takes the right to set the clock

now = time.time()
attempt("settimeofday", syscall, SETTIMEOFDAY, struct.pack("qq", int(now), int(now % 1 * 1e6)), 0)
attempt("clock_settime", time.clock_settime, time.CLOCK_REALTIME, time.time())
attempt("adjtimex", syscall, ADJTIMEX, ADD_NOTHING)
attempt("clock_adjtime", syscall, CLOCK_ADJTIME, time.CLOCK_REALTIME, ADD_NOTHING)
attempt("timer that wakes the machine", syscall, TIMERFD_CREATE, CLOCK_REALTIME_ALARM, 0)
attempt("clock of the hardware", os.open, "/dev/rtc0", os.O_RDONLY)
