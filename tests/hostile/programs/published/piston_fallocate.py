# attack = "Piston, fallocate.py: takes the disk without writing a byte"
# threats = [31]
# outcome = "OK"
# stdout = """
# /workspace: EFBIG
# /tmp: ENOSPC
# /dev/shm: ENOSPC
# """
import os
import signal

from attack import attempt

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

for number, directory in enumerate(("/workspace", "/tmp", "/dev/shm")):
    fd = os.open(f"{directory}/taken", os.O_CREAT | os.O_WRONLY)
    attempt(directory, os.posix_fallocate, fd, 0, (65 << 20) if number == 0 else (60 << 20))
    if number == 0:
        os.posix_fallocate(fd, 0, 48 << 20)
