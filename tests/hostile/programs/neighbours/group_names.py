# attack = "looks for names in what it can read of /proc: of its own group, of those around it, of the server's"
# threats = [57]
# outcome = "OK"
# stdout = "no names\n"
import os

from attack import escaped

NAMES = [b"sandboxd", b"supervisor", b"guard-"]
OWN = ("environ", "mem", "pagemap", "cmdline")  # the bait's names are in its environment

with open("/proc/self/cgroup") as file:
    for line in file:
        if line.rstrip().split(":", 2)[2] != "/":
            escaped(f"group {line}")
if os.path.exists("/sys/fs/cgroup"):
    escaped("the groups' file system")
for directory, _, names in os.walk("/proc", onerror=None):
    if "/task" in directory:
        continue
    for name in names:
        if name in OWN:
            continue
        try:
            fd = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_NONBLOCK)
            text = os.read(fd, 1 << 18)
            os.close(fd)
        except OSError:
            continue
        for found in filter(text.__contains__, NAMES):
            escaped(f"{found.decode()} in {directory}/{name}: {text[:200]!r}")
print("no names")
