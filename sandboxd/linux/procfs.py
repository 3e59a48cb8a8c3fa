"""What /proc tells about a process from outside. Needs the privileges of ptrace over it; see proc(5)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import termios
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

_X86_64 = {
    "read": (0, 19),
    "poll": (7, 271),
    "select": (23, 270),
    "epoll": (232, 281, 441),
}
_AARCH64 = {
    "read": (63, 65),
    "poll": (73,),
    "select": (72,),
    "epoll": (22, 441),
}
_CALLS = {"x86_64": _X86_64, "aarch64": _AARCH64}[os.uname().machine]
_POLLFD = struct.Struct("=ihh")
# What is looked at: a program may have any number of threads, and wait for any number of files.
_MOST_THREADS = 64
_MOST_FILES = 256


def count_descriptors(pid: int) -> int:
    """Count the descriptors of a process, but for network namespaces: of these the launcher keeps a few, now one more and now one less."""
    count = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += not os.readlink(f"/proc/{pid}/fd/{fd}").startswith("net:")
    return count


def children(pid: int) -> list[int]:
    """Return the children of a process's first thread, those that wait to be reaped among them. Since Linux 3.5 (CONFIG_PROC_CHILDREN)."""
    with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
        return list(map(int, file.read().split()))


def waits_for(pids: Iterable[int], wanted: Callable[[os.stat_result], bool]) -> bool:
    """Return whether a thread of these processes waits to read a file that ``wanted`` recognises.

    It may be blocked reading it, or in poll, select or epoll for it. The first 64 threads are looked at.
    """
    for pid, thread in islice(_threads(pids), _MOST_THREADS):
        try:
            for fd in _waited_for(pid, thread):
                if wanted(os.stat(f"/proc/{pid}/fd/{fd}")):
                    return True
        except OSError:  # it went on, or ended, while we looked
            continue
    return False


def _threads(pids: Iterable[int]) -> Iterator[tuple[int, str]]:
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for thread in threads:
            yield pid, thread


def _waited_for(pid: int, thread: str) -> Iterable[int]:
    """Return the descriptors that a thread waits to read, by the system call that it is in."""
    with open(f"/proc/{pid}/task/{thread}/syscall", encoding="ascii") as file:
        number, *words = file.read().split()
    if len(words) < 2:  # noqa: PLR2004  ("running", or "-1" and two addresses)
        return ()
    first, second = int(words[0], 16), int(words[1], 16)
    if int(number) in _CALLS["read"]:
        return (first,)
    if int(number) in _CALLS["poll"]:
        return _polled(_memory(pid, first, min(second, _MOST_FILES) * _POLLFD.size))
    if int(number) in _CALLS["select"]:
        bits = _memory(pid, second, (min(first, _MOST_FILES) + 7) // 8) if second else b""
        return [fd for fd in range(len(bits) * 8) if bits[fd // 8] >> fd % 8 & 1]
    if int(number) in _CALLS["epoll"]:
        return _watched(pid, first)
    return ()


def _polled(entries: bytes) -> list[int]:
    whole = len(entries) - len(entries) % _POLLFD.size
    return [fd for fd, events, _ in _POLLFD.iter_unpack(entries[:whole]) if fd >= 0 and events & select.POLLIN]


def _watched(pid: int, epoll: int) -> list[int]:
    """Return what an epoll descriptor watches for input: the lines ``tfd: FD events: MASK`` of its fdinfo (proc(5))."""
    fds = []
    with open(f"/proc/{pid}/fdinfo/{epoll}", encoding="ascii") as file:
        for line in islice(file, _MOST_FILES):
            words = line.split()
            if words[0] == "tfd:" and int(words[3], 16) & select.EPOLLIN:
                fds.append(int(words[1]))
    return fds


def _memory(pid: int, address: int, size: int) -> bytes:
    fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(fd, size, address)
    finally:
        os.close(fd)


def unread_bytes(fd: int) -> int:
    """Return how many bytes wait in a pipe or terminal. See ioctl_tty(2) and pipe(7), FIONREAD."""
    (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    return int(count)


def read_boot_time() -> int:
    """Return when the machine was started, in seconds since 1970: btime of /proc/stat."""
    with open("/proc/stat", "rb") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(b"btime "))


def format_stat(cpus: Sequence[int], boot_time: int) -> bytes:
    """Return a /proc/stat of a machine that has these CPUs and has done nothing yet. See proc(5)."""
    lines = [f"cpu{name} " + " ".join("0" * 10) for name in (" ", *cpus)]
    lines += ["intr 0", "ctxt 0", f"btime {boot_time}", "processes 1", "procs_running 1", "procs_blocked 0"]
    return "".join(f"{line}\n" for line in (*lines, "softirq " + " ".join("0" * 11))).encode()
