# The kernel kills the child, and the server then the container.
# outcome = "MEMORY_LIMIT"
# limits = { memory_bytes = "64MiB" }
import signal
import subprocess
import sys

subprocess.run([sys.executable, "-c", "x = bytearray(100 << 20)"])
signal.pause()
