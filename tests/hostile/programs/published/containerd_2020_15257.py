# attack = "containerd, CVE-2020-15257: connects to the abstract sockets of the host, where its shim listens as root"
# threats = [40]
# outcome = "OK"
# stdout = """
# bait: ECONNREFUSED
# none but its own
# """
# caught_by = ["network namespace"]
import socket

from attack import attempt, bait, escaped

attempt("bait", socket.socket(socket.AF_UNIX).connect, "\0" + bait("ABSTRACT"))
own = socket.socket(socket.AF_UNIX)
own.bind("\0own")
own.listen()
with open("/proc/net/unix") as file:
    names = [line.split()[-1] for line in file if "@" in line]
for name in names:
    if name != "@own":
        escaped(f"the socket {name}")
        attempt(name, socket.socket(socket.AF_UNIX).connect, "\0" + name[1:])
print("none but its own" if names else "nothing to be seen")
