# stdin_bytes = 400000
import shutil
import sys

shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)
