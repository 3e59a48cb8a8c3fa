# attack = "Piston, file_persistance.py: leaves a file wherever it can write, for the next"
# threats = [30]
# before = "published/piston_file_persistence"
# outcome = "OK"
# stdout = "/dev/mqueue /dev/shm /tmp /workspace\n"
import os

from attack import escaped

written = []
for directory, names, files in os.walk("/"):
    if directory in ("/proc", "/sys"):
        names.clear()
    if "persisted" in files:
        escaped(f"{directory}/persisted")
    try:
        with open(f"{directory}/persisted", "x"):
            written.append(directory)
    except OSError:
        pass
print(*sorted(written))
