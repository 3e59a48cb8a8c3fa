# attack = "opens everything in /proc and /sys, but processes, to write"
# threats = [39]
# outcome = "OK"
# stdout = ""
import os
import stat

from attack import escaped

seen = 0
for top in ("/proc", "/sys"):
    for directory, directories, files in os.walk(top):
        directories[:] = [name for name in directories if not name.isdigit()]
        for name in files:
            path = f"{directory}/{name}"
            if not stat.S_ISREG(os.lstat(path).st_mode):
                continue  # a link, or /dev/null where something is hidden
            seen += 1
            for flags in (os.O_WRONLY, os.O_RDWR):
                try:
                    os.close(os.open(path, flags | os.O_NONBLOCK))
                    escaped(path)
                except OSError:
                    pass
assert seen > 100, seen
