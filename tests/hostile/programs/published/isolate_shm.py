# attack = "isolate, fixed in 2.6: hands a message to the next box, and to one beside it, by /dev/shm"
# threats = [5, 38]
# before = "published/isolate_shm"
# beside = "published/isolate_shm"
# outcome = "OK"
# stdout = "no message\n"
import mmap
import os
import time

from attack import escaped

if found := os.listdir("/dev/shm"):
    escaped(f"a message: {found}")
fd = os.open("/dev/shm/message", os.O_CREAT | os.O_RDWR, 0o666)
os.ftruncate(fd, 4096)
with mmap.mmap(fd, 4096) as memory:
    if memory[:1] != b"\0":
        escaped("a message in shared memory")
    memory[:5] = b"hello"
    time.sleep(0.2)
print("no message")
