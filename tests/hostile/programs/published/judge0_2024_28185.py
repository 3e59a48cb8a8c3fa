# attack = "Judge0, CVE-2024-28185: leaves links to the host's files under names that the service reads or writes"
# threats = [36]
# outcome = "OK"
# files = []
# skipped = { "main.py" = "not a regular file", "meta" = "not a regular file", "run" = "not a regular file", "stdin" = "not a regular file", "stdout" = "not a regular file" }
# collect = ["main.py", "meta", "run", "std*"]
import os

from attack import bait

for name, target in {
    "main.py": bait("FILE"),
    "run": bait("FILE"),
    "stdin": bait("FILE"),
    "stdout": bait("FILE"),
    "meta": "/proc/self/environ",
}.items():
    if os.path.exists(name):
        os.unlink(name)
    os.symlink(target, name)
