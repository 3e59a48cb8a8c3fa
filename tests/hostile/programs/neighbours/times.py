# attack = "leaves marks in the times of the image's files and of devices, by reading and by setting them"
# threats = [30, 38]
# before = "neighbours/times"
# outcome = "OK"
# stdout = """
# /etc/passwd: refused
# /usr/lib/python3.11/os.py: refused
# /dev/null: EROFS
# /dev/zero: EROFS
# read 50 files of the image
# """
import os

from attack import attempt, escaped


def times(path):
    status = os.stat(path)
    return status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns


for path in ("/etc/passwd", "/usr/lib/python3.11/os.py"):
    try:
        os.utime(path, (1, 1))
    except OSError:  # EPERM, or EROFS
        print(f"{path}: refused", flush=True)
    else:
        escaped(f"the times of {path}")
for path in ("/dev/null", "/dev/zero"):
    attempt(path, os.utime, path)
directory = "/usr/lib/python3.11"
paths = [entry.path for entry in sorted(os.scandir(directory), key=lambda entry: entry.name) if entry.is_file()][:50]
before = {path: times(path) for path in [directory, *paths]}
for path in paths:
    with open(path, "rb") as file:
        file.read()
os.listdir(directory)
for path, seen in before.items():
    if times(path) != seen:
        escaped(f"a mark on {path}: {seen}, {times(path)}")
print(f"read {len(paths)} files of the image")
