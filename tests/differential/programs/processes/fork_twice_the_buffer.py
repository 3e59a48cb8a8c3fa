import os

print("twice, for it was not flushed")
if os.fork() == 0:
    raise SystemExit
os.wait()
