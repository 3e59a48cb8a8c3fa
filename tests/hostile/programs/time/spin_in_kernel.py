# attack = "spends its time in the kernel, in system calls that take long"
# threats = [13]
# limits = { cpu_time = "0.3s" }
# outcome = "CPU_TIME_LIMIT"
# cause = "cpu_time"
# stdout = ""
import mmap
import time

from attack import escaped

buffer = mmap.mmap(-1, 128 << 20)
with open("/dev/urandom", "rb", buffering=0) as source:
    while time.process_time() < 1.5:
        source.readinto(buffer)
escaped("1.5 s in read(2)")
