# attack = "lets a file that it wants back grow on and on after its end"
# threats = [16, 36]
# limits = { file_size_bytes = "8MiB" }
# collect = ["growing"]
# outcome = "OK"
# files = ["growing"]
# stdout = ""
import os
import time

if os.fork() == 0:
    os.setsid()
    end = time.monotonic() + 10
    with open("growing", "ab", buffering=0) as file:
        while time.monotonic() < end:
            if file.write(b"x" * 1000) and file.tell() > 7 << 20:
                file.truncate(0)
    os._exit(0)
while not os.path.exists("growing") or os.path.getsize("growing") == 0:
    time.sleep(0.001)
