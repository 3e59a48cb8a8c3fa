# outcome = "DISK_LIMIT"
# limits = { file_size_bytes = "1MiB" }
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
with open("large", "wb") as file:
    file.write(b"x" * (3 << 20))
