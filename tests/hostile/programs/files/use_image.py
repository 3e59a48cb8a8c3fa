# attack = "none: the neighbour that is watched, and uses what all containers have"
# threats = [38]
# outcome = "OK"
# stdout = ""
import os
import time

end = time.monotonic() + 0.3
while time.monotonic() < end:
    for path in ("/usr/bin/true", "/etc/passwd", "/dev/null", "/proc/version", "/proc/uptime"):
        with open(path, "rb") as file:
            file.read(1)
    os.listdir("/")
    with open("/tmp/own", "w") as file:
        file.write("own")
    time.sleep(0.01)
