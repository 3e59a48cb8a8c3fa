# A stream's own end flushes its buffer, whatever the program has put in the place of flush.
import os
import sys

sys.stdout.flush = os.getpid
sys.stdout.buffer.write(b"written at the end\n")
