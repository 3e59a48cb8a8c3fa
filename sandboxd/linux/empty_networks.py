"""Network namespaces in which nothing has happened, to be used again. See network_namespaces(7).

Making one takes 0.4 ms, and the kernel's threads take as long again to take it down: no other namespace is as dear. Where all
interfaces are down, hardly a program does anything to it. What was done to it the kernel tells in /proc/net: each packet that was
sent or asked for is counted, and sockets and flow labels that outlive their owner are listed. So one that tells what it told
when it was new is as good as new, to programs that have sockets of Unix, TCP and UDP alone; any other is given up.

What remains is which one it is, by its inode number or SO_NETNS_COOKIE. It tells two programs that they had the same one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from sandboxd.linux import process

_OWN = "/proc/self/net/"  # looked up anew each time, since Linux 5.1 (1fde6f21d90f)
# Counters of IPv4, IPv6, TCP, UDP and ICMP; of devices; of routes; labels that linger.
_COUNTED = ("snmp", "netstat", "snmp6", "dev_snmp6/lo", "dev", "rt6_stats", "ip6_flowlabel")
_SOCKETS = "sockstat"  # its first line counts those of the namespace, and others those of all


_MOST_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Network:
    """A namespace that may be used again."""

    fd: int
    told_by: tuple[int, ...]
    """Its files in /proc/net, which are of the namespace that they were opened in, from wherever they are read."""
    told_when_new: tuple[bytes, ...]

    def is_as_new(self) -> bool:
        """Whether it tells what it told when it was new."""
        return _told(self.told_by) == self.told_when_new

    def close(self) -> None:
        """Let go of it."""
        _close((self.fd, *self.told_by))


class EmptyNetworks:
    """Those that wait to be used. For a process with one thread, which leaves its own network for good: the first of them."""

    def __init__(self, most_idle: int) -> None:
        self._home = _enter_new()
        self._most_idle = most_idle
        self._idle: list[Network] = []

    def take(self) -> Network:
        """Return one that nobody is in."""
        if self._idle:
            return self._idle.pop()
        try:
            return _make()
        finally:
            process.enter(self._home, process.Namespace.NETWORK)

    def take_back(self, network: Network) -> None:
        """Keep one that nobody is in any more for the next, or give it up."""
        if len(self._idle) < self._most_idle and network.is_as_new():
            self._idle.append(network)
        else:
            network.close()


def _make() -> Network:
    """Move into a new one and return it. Nothing is left open where it cannot be read."""
    fds = [_enter_new()]
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(_close, fds)
        fds.append(_open(_OWN + _SOCKETS))
        for name in _COUNTED:
            with contextlib.suppress(FileNotFoundError):  # the kernel has no such thing: IPv6, for one
                fds.append(_open(_OWN + name))
        network = Network(fds[0], tuple(fds[1:]), _told(fds[1:]))
        on_failure.pop_all()
    return network


def _enter_new() -> int:
    process.unshare(process.Namespace.NETWORK)
    return _open("/proc/self/ns/net")


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def _told(files: Sequence[int]) -> tuple[bytes, ...]:
    """Return what the files of a namespace tell."""
    sockets, *counted = (os.pread(fd, _MOST_BYTES, 0) for fd in files)
    return (sockets.partition(b"\n")[0], *counted)
