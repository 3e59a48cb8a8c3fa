# attack = "goes up from descriptors of directories, moved ones and removed ones too, until there is no more"
# threats = [35]
# outcome = "OK"
# stdout = """
# move to another place: EXDEV
# """
import os

from attack import attempt, escaped

UP = "../" * 60
os.makedirs("a/b/c")
inside = os.open("a/b/c", os.O_PATH)
removed = os.open("a", os.O_RDONLY)
attempt("move to another place", os.rename, "a/b", "/tmp/b")
os.rename("a/b", "b")
os.rmdir("a")
starts = [
    inside,
    removed,
    *(os.open(path, os.O_PATH) for path in ("/", "/tmp", "/workspace", "/dev/shm", "/proc/self")),
]
for place in ("/proc/self/root", "/proc/self/cwd", "/proc/thread-self/root", f"/proc/self/fd/{inside}"):
    starts.append(os.open(place, os.O_PATH))
root = os.stat("/")
for start in starts:
    try:
        found = os.stat(UP, dir_fd=start)
    except FileNotFoundError:
        continue
    if (found.st_dev, found.st_ino) != (root.st_dev, root.st_ino):
        escaped(f"another root above {os.readlink(f'/proc/self/fd/{start}')}")
