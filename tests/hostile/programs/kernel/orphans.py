# attack = "is the new parent of orphans that wait for nobody's death, hold its output, and outlive it"
# threats = [16, 45]
# limits = { wall_time = "10s" }
# outcome = "OK"
# stdout = "5 orphans\n"
# caught_by = []
import ctypes
import os
import signal
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
libc = ctypes.CDLL(None)
libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
reader, writer = os.pipe()
for _ in range(5):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
            libc.prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)
            os.write(writer, b"x")
            time.sleep(12)  # longer than the suite waits for things to settle
            print("ESCAPED it outlived its program", flush=True)
        os._exit(0)
    os.wait()
print(sum(len(os.read(reader, 1)) for _ in range(5)), "orphans", flush=True)
