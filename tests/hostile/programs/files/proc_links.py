# attack = "follows the links of init and of the kernel's threads in /proc to what they have open"
# threats = [35, 28]
# outcome = "OK"
# stdout = ""
import os

from attack import escaped

for process in (*range(1, 50), os.getppid()):
    if process == os.getpid():
        continue
    for name in (
        "root",
        "root/etc",
        "cwd",
        "cwd/..",
        "exe",
        "fd",
        "fd/0",
        "fd/3",
        "ns/mnt",
        "map_files",
        "task/1/root",
    ):
        try:
            os.stat(f"/proc/{process}/{name}")
            escaped(f"/proc/{process}/{name}")
        except OSError:
            pass
