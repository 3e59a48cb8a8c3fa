# attack = "leaves System V and POSIX objects of every kind behind"
# threats = [5, 57]
# outcome = "OK"
# stdout = ""
import os

from attack import checked, libc

KEY, IPC_CREAT = 0x5A4D, 0o1000
checked(libc.shmget(KEY, 1 << 20, IPC_CREAT | 0o666))
checked(libc.msgget(KEY, IPC_CREAT | 0o666))
checked(libc.semget(KEY, 100, IPC_CREAT | 0o666))
checked(libc.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o666, None))
for directory in ("/dev/shm", "/tmp", "/workspace"):
    with open(f"{directory}/left", "w") as file:
        file.write("left")
