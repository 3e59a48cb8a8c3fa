# attack = "fills System V message queues that nobody reads"
# threats = [5]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import ctypes

from attack import checked, escaped, libc

IPC_NOWAIT = 0o4000
message = ctypes.create_string_buffer(b"\1" + bytes(8 + 8191))
for _ in range(8000):
    queue = checked(libc.msgget(0, 0o600))
    for _ in range(2):
        checked(libc.msgsnd(queue, message, 8192, IPC_NOWAIT))
escaped("holds 128 MiB of messages")
