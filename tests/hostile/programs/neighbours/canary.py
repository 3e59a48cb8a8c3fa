# attack = "looks for a secret of the server's in its own memory, its environment and all that it can read of /proc"
# threats = [57, 68]
# outcome = "OK"
# stdout = "its own, and no other\n"
import os
import re

from attack import escaped

SECRET = re.compile(b"-".join([b"sandboxd", b"canary", b"([0-9a-f]{32})"]))
OWN = os.urandom(16).hex().encode()
planted = b"-".join([b"sandboxd", b"canary", OWN])  # what shows that the search would find one
WHOLE = ("mem", "pagemap", "kmsg")


def look(where, text):
    """Say which secrets are in a text but for the planted one; return whether that is."""
    found = set(SECRET.findall(text))
    for other in found - {OWN}:
        escaped(f"in {where}: {other[:4].decode()}...")
    return OWN in found


seen = False
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
    for line in list(maps):
        start, end = (int(address, 16) for address in line.split()[0].split("-"))
        try:
            memory.seek(start)
            seen |= look(line.strip(), memory.read(end - start))
        except (OSError, OverflowError):  # what the kernel keeps there for itself
            pass
for name, value in os.environb.items():
    look(f"environment {name!r}", value)
for directory, _, names in os.walk("/proc"):
    for name in set(names) - set(WHOLE):
        try:
            fd = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_NONBLOCK)
            look(f"{directory}/{name}", os.read(fd, 1 << 18))
            os.close(fd)
        except OSError:
            pass
print("its own, and no other" if seen else "nothing, not even its own")
