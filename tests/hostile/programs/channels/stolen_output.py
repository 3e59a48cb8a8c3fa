# attack = "takes its own output away before the server can read it: the server is told of bytes that are gone"
# threats = [50]
# outcome = "OK"
import contextlib
import os

reader = os.open("/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK)
for _ in range(20_000):
    os.write(1, b"stolen\n")
    with contextlib.suppress(BlockingIOError):  # the server was faster
        os.read(reader, 1 << 16)
