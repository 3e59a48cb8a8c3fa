# attack = "reads init's memory, environment and files, and goes through its root, by /proc"
# threats = [28, 29]
# outcome = "OK"
# stdout = """
# mem: ENOENT
# environ: ENOENT
# cmdline: ENOENT
# maps: ENOENT
# stat: ENOENT
# root: ENOENT
# cwd: ENOENT
# exe: ENOENT
# fd: ENOENT
# ns/net: ENOENT
# task/1/mem: ENOENT
# map_files: ENOENT
# """
import contextlib
import os

from attack import attempt, escaped

FILES = ["mem", "environ", "cmdline", "maps", "stat", "root", "cwd", "exe", "fd", "ns/net", "task/1/mem", "map_files"]

for name in FILES:
    attempt(name, os.open, f"/proc/1/{name}", os.O_RDONLY)
with contextlib.suppress(OSError):  # a descriptor of the directory may be had: what counts is where it leads
    directory = os.open("/proc/1", os.O_PATH)
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            os.open(name, os.O_PATH, dir_fd=directory)
            escaped(f"{name} by a descriptor of its directory")
