# attack = "fills the buffers of pipes that nobody reads"
# threats = [6]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
import fcntl
import os

CHUNK = bytes(1 << 16)
ends = []
for _ in range(4):
    if os.fork() == 0:
        for _ in range(100):
            reader, writer = os.pipe()
            ends.append(reader)
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
            os.set_blocking(writer, False)
            try:
                while True:
                    os.write(writer, CHUNK)
            except BlockingIOError:
                pass
        print("ESCAPED 100 pipes of 1 MiB in a process", flush=True)
        os._exit(1)
for _ in range(4):
    os.wait()
