"""Network namespaces in which nothing has happened, to be used again. See network_namespaces(7).

Making one takes 0.4 ms, and the kernel's threads take as long again to take it down: no other namespace is as dear. Where all
interfaces are down, hardly a program does anything to it. What was done to it the kernel tells in /proc/net: each packet that was
sent or asked for is counted, and sockets and flow labels that outlive their owner are listed. So one that tells what it told
when it was new is as good as new, to programs that have sockets of Unix, TCP and UDP alone; any other is given up.

What remains is which one it is, by its inode number or SO_NETNS_COOKIE. It tells two programs that they had the same one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from sandboxd.linux import process

_OWN = "/proc/self/net/"  # looked up anew each time, since Linux 5.1 (1fde6f21d90f)
# Counters of IPv4, IPv6, TCP, UDP and ICMP; of devices; of routes; labels that linger.
_COUNTED = ("snmp", "netstat", "snmp6", "dev_snmp6/lo", "dev", "rt6_stats", "ip6_flowlabel")
_SOCKETS = "sockstat"  # its first line counts those of the namespace, and others those of all


@dataclass(frozen=True, slots=True)
class Network:
    """A namespace that may be used again."""

    fd: int
    told_when_new: tuple[bytes, ...]


class EmptyNetworks:
    """Those that wait to be used. For a process with one thread, which leaves its own network for good: the first of them."""

    def __init__(self, most_idle: int) -> None:
        self._home = _make().fd
        self._most_idle = most_idle
        self._idle: list[Network] = []
        self._returned: list[Network] = []

    def take(self) -> Network:
        """Return one that nobody is in."""
        while self._returned and not self._idle:
            self._look_at(self._returned.pop())
        if self._idle:
            return self._idle.pop()
        try:
            return _make()
        finally:
            process.enter(self._home, process.Namespace.NETWORK)

    def take_back(self, network: Network) -> None:
        """Have one that nobody is in any more. It is looked at when the next is needed, or by :meth:`look_at_returned`."""
        self._returned.append(network)

    def look_at_returned(self) -> None:
        """Keep those for the next in which nothing has happened, and give up the others."""
        while self._returned:
            self._look_at(self._returned.pop())

    def _look_at(self, network: Network) -> None:
        try:
            process.enter(network.fd, process.Namespace.NETWORK)
            unchanged = _told() == network.told_when_new
        except OSError:  # no descriptor is to be had
            unchanged = False
        finally:
            process.enter(self._home, process.Namespace.NETWORK)
        if unchanged and len(self._idle) < self._most_idle:
            self._idle.append(network)
        else:
            os.close(network.fd)


def _make() -> Network:
    """Move into a new one and return it. It is opened last, so that nothing is left open where it cannot be read."""
    process.unshare(process.Namespace.NETWORK)
    told = _told()
    return Network(os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC), told)


def _told() -> tuple[bytes, ...]:
    """Return what the kernel tells of the namespace that this process is in."""
    return (*map(_read, _COUNTED), _read(_SOCKETS).partition(b"\n")[0])


def _read(name: str) -> bytes:
    """Return a file of /proc/net; nothing where the kernel has no such thing, IPv6 for one."""
    try:
        with open(_OWN + name, "rb", buffering=0) as file:
            return file.read()
    except FileNotFoundError:
        return b""
