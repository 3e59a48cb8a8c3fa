# Without numbers of mounts and devices, and the ids that are a container's own.
import re

for line in open("/proc/self/mountinfo"):
    line = re.sub(r"^\d+ \d+ \d+:\d+ ", "", line)
    print(re.sub(r"((?:uid|gid)=)\d+", r"\1N", line), end="")
