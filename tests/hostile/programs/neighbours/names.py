# attack = "takes names that its neighbour has taken: of sockets, ports, IPC objects and files"
# threats = [5, 40]
# beside = "neighbours/names"
# outcome = "OK"
# stdout = "all were free, and nobody came\n"
import os
import socket

from attack import checked, escaped, libc

KEY = 0x5AFE
IPC_NEW = 0o3600  # IPC_CREAT | IPC_EXCL, for its owner
listener, port, packets = (
    socket.socket(socket.AF_UNIX),
    socket.socket(),
    socket.socket(type=socket.SOCK_DGRAM),
)
takes = {
    "abstract socket": lambda: listener.bind("\0neighbour"),
    "TCP port": lambda: port.bind(("0.0.0.0", 7007)),
    "UDP port": lambda: packets.bind(("0.0.0.0", 7007)),
    "shared memory": lambda: checked(libc.shmget(KEY, 4096, IPC_NEW)),
    "messages": lambda: checked(libc.msgget(KEY, IPC_NEW)),
    "semaphores": lambda: checked(libc.semget(KEY, 1, IPC_NEW)),
    "named semaphore": lambda: os.mkfifo("/dev/shm/sem.neighbour"),
    "temporary file": lambda: os.mkdir("/tmp/neighbour"),
    "file": lambda: os.mkdir("/workspace/neighbour"),
}
for what, take in takes.items():
    try:
        take()
    except OSError as error:
        escaped(f"{what}: {error.strerror}")
listener.listen()
listener.settimeout(0.3)
try:
    listener.accept()
    escaped("somebody connected")
except TimeoutError:
    print("all were free, and nobody came")
