# attack = "leaves files, IPC objects, sockets, locks, a process and a umask behind, and looks for them in the next run"
# threats = [5, 16, 38]
# before = "neighbours/leave_behind"
# outcome = "OK"
# stdout = "nobody was here\n"
import fcntl
import os
import socket
import time

from attack import checked, escaped, libc

KEY, IPC_NEW = 0x1EF7, 0o3600  # IPC_CREAT | IPC_EXCL, for its owner
listener = socket.socket(socket.AF_UNIX)
held = [os.open(path, os.O_RDONLY) for path in ("/", "/usr/bin/python3", "/dev/null", "/proc/version")]
leaves = {
    "a file in /workspace": lambda: os.mkdir("/workspace/left"),
    "a file in /tmp": lambda: os.mkdir("/tmp/left"),
    "a file in /dev/shm": lambda: os.mkdir("/dev/shm/left"),
    "shared memory": lambda: checked(libc.shmget(KEY, 4096, IPC_NEW)),
    "messages": lambda: checked(libc.msgget(KEY, IPC_NEW)),
    "semaphores": lambda: checked(libc.semget(KEY, 1, IPC_NEW)),
    "a message queue": lambda: checked(libc.mq_open(b"/left", os.O_CREAT | os.O_EXCL, 0o600, None)),
    "an abstract socket": lambda: listener.bind("\0left"),
    "a lock": lambda: [fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB) for fd in held],
}
if (umask := os.umask(0o777)) != 0o022:
    escaped(f"umask {umask:o}")
os.umask(0o022)
for what, leave in leaves.items():
    try:
        leave()
    except OSError as error:
        escaped(f"{what}: {error.strerror}")
if others := {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid()}:
    escaped(f"processes {others}")
os.umask(0o777)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(5)
    os._exit(0)
os.wait()
print("nobody was here")
