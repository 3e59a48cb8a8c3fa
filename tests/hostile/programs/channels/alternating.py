# attack = "writes one byte to stdout and one to stderr in turns, each of which could be a piece of its own to the server"
# threats = [50]
# limits = { output_bytes = 32 }
# outcome = "OUTPUT_LIMIT"
# cause = "output_bytes"
import os

for _ in range(200_000):
    os.write(1, b"o")
    os.write(2, b"e")
os.write(1, b"\nESCAPED it wrote 400,000 bytes\n")
