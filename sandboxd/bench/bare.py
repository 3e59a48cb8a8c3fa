"""A process that takes turns at running a program of the image bare: fork, exec, wait, and nothing around it.

    python -m sandboxd.bench.bare ROOT MAIN ARGV...

ROOT is where the image is mounted; the process makes it its own root, so that the very files are read and run that a
container's program reads and runs. MAIN is a file that will be /workspace/main.py. It says of a turn how long it took,
and the CPU time that the kernel accounts to the program (getrusage of what was waited for), in nanoseconds.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sandboxd.bench.turns import take_turns
from sandboxd.linux import mounts, process, rootless

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"}


def enter(root: str, main: str) -> None:
    """Make the image this process's root, with the file in its workspace."""
    code = Path(main).read_bytes()
    if os.geteuid() == 0:
        process.unshare(process.Namespace.MOUNT)
    else:
        rootless.enter()
    mounts.make_private()
    mounts.attach_and_close(mounts.new_filesystem("tmpfs", mode="0755"), os.fsencode(f"{root}/workspace"))
    os.chroot(root)
    os.chdir("/workspace")
    Path("main.py").write_bytes(code)


def run(argv: list[str], streams: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
    """Run the program once; returns how long it took and its CPU time."""
    began = time.perf_counter_ns()
    pid = os.posix_spawn(argv[0], argv, ENVIRONMENT, file_actions=streams)
    _, status, usage = os.wait4(pid, 0)
    took = time.perf_counter_ns() - began
    if status != 0:
        sys.exit(f"{argv[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return took, round((usage.ru_utime + usage.ru_stime) * 1e9)


def main() -> None:
    """Take turns."""
    _, root, code, *argv = sys.argv
    nowhere = os.open(os.devnull, os.O_RDWR)  # the image has no such file
    enter(root, code)
    streams = [(os.POSIX_SPAWN_DUP2, nowhere, number) for number in (0, 1)]
    take_turns(lambda: run(argv, streams))


if __name__ == "__main__":
    main()
