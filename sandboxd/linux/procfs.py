"""What /proc tells about a process from outside. Needs the privileges of ptrace over it; see proc(5)."""

from __future__ import annotations

import fcntl
import os
import platform
import struct
import termios
from collections.abc import Callable, Sequence

# read and readv, and for terminals the waits that line editors use: select, pselect6, poll, ppoll.
_READS = {"x86_64": (0, 19), "aarch64": (63, 65)}.get(platform.machine(), ())
_WAITS = {"x86_64": (7, 23, 270, 271), "aarch64": (72, 73)}.get(platform.machine(), ())


def blocks_reading(pid: int, wanted: Callable[[os.stat_result], bool], *, waits: bool) -> bool:
    """Return whether a thread of ``pid`` is blocked reading a file that ``wanted`` recognises.

    With ``waits`` a wait by select or poll counts too, when that file is the process's standard input.
    """
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/syscall", encoding="ascii") as file:
                words = file.read().split()
            if len(words) < 2:  # noqa: PLR2004  ("running")
                continue
            number = int(words[0])
            if number in _READS and wanted(os.stat(f"/proc/{pid}/fd/{int(words[1], 16)}")):
                return True
            if waits and number in _WAITS and wanted(os.stat(f"/proc/{pid}/fd/0")):
                return True
    except OSError:  # it ended while we looked
        return False
    return False


def unread_bytes(fd: int) -> int:
    """Return how many bytes wait in a pipe or terminal. See ioctl_tty(2) and pipe(7), FIONREAD."""
    (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    return int(count)


def parse_io(content: bytes) -> tuple[int, int]:
    """Return the bytes that a process and all that it has reaped read and wrote: rchar and wchar of /proc/PID/io."""
    fields = dict(line.split(b": ") for line in content.splitlines())
    return int(fields[b"rchar"]), int(fields[b"wchar"])


def read_boot_time() -> int:
    """Return when the machine was started, in seconds since 1970: btime of /proc/stat."""
    with open("/proc/stat", "rb") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(b"btime "))


def format_stat(cpus: Sequence[int], boot_time: int) -> bytes:
    """Return a /proc/stat of a machine that has these CPUs and has done nothing yet. See proc(5)."""
    lines = [f"cpu{name} " + " ".join("0" * 10) for name in (" ", *cpus)]
    lines += ["intr 0", "ctxt 0", f"btime {boot_time}", "processes 1", "procs_running 1", "procs_blocked 0"]
    return "".join(f"{line}\n" for line in (*lines, "softirq " + " ".join("0" * 11))).encode()
