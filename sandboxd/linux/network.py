"""Network namespaces: what is in a new one. See network_namespaces(7) and netdevice(7)."""

from __future__ import annotations

import fcntl
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

from sandboxd.linux import process

_SIOCGIFFLAGS = 0x8913
_IFF_UP = 0x1
_IFREQ = struct.Struct("16sH22x")


def up_in_a_new_namespace() -> list[str]:
    """Return the interfaces that are up in a network namespace as soon as it is made: none, where it is no way out.

    Kernels with tunnels built in give every namespace some interfaces, which are down. Needs CAP_SYS_ADMIN.
    """
    with ThreadPoolExecutor(1) as threads:  # unshare(2) moves the calling thread alone
        return threads.submit(_look).result()


def _look() -> list[str]:
    process.unshare(process.Namespace.NETWORK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return [name for _, name in socket.if_nameindex() if _flags(sock, name) & _IFF_UP]


def _flags(sock: socket.socket, name: str) -> int:
    answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, _IFREQ.pack(name.encode(), 0))
    return int(_IFREQ.unpack(answer)[1])
