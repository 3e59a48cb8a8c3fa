"""The messages between server, launcher and init, and how they travel: SOCK_SEQPACKET, a message a datagram.

Server to launcher: ``create`` (a JSON header and the seccomp program) with init's end of a socket pair; ``adapt`` (other
limits) with the workspace; ``destroy``. Launcher to server: ``created`` with a pidfd, the workspace and the cgroup's
directories; ``adapted``; ``destroyed`` with what only a parent can know; or ``failed``. Both are our own code on both sides, so JSON will do.

Init to server: a fixed struct, parsed with distrust, because a hostile program shares a container with init.
Server to init: one message, START, whose JSON is in a memfd (an argument list may be larger than a datagram).
"""

from __future__ import annotations

import array
import errno
import json
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

LAUNCHER_MESSAGE_BYTES = 131072  # below the default socket buffer of 212,992 bytes
_INIT_MESSAGE = struct.Struct("<B4q")
INIT_MESSAGE_BYTES = 1024
_MAX_FDS = 16


def encode(header: dict[str, Any], blob: bytes = b"") -> bytes:
    """Return a message of a JSON header and raw bytes."""
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + blob


def decode(message: bytes) -> tuple[dict[str, Any], bytes]:
    """Take a message of :func:`encode` apart."""
    (size,) = struct.unpack_from("<I", message)
    return json.loads(message[4 : 4 + size]), message[4 + size :]


class FromInit(IntEnum):
    """What init says. Every message has four integers and a text."""

    READY = 1
    """Built; waits for START. Carries the seccomp listener."""
    FAILED = 2
    """A step of the set-up failed: errno, and ``step`` NUL ``reason`` as text. The program did not run."""
    STARTED = 3
    """The program was released: init's own CPU time in microseconds and context switches so far, and the moment on the
    monotonic clock in nanoseconds. Carries the program's pidfd and, for a tty, the master."""
    NOT_EXECUTABLE = 4
    """The program could not be exec'ed: errno, and its path as text. It is the program's failure."""
    EXITED = 5
    """The program ended: wait status, init's own CPU time in microseconds since START, and the moment."""
    EMPTY = 6
    """Everything but init has been killed and reaped: voluntary and involuntary switches, bytes read and written (-1 where the kernel does not tell)."""


@dataclass(frozen=True, slots=True)
class InitMessage:
    """A message of init."""

    kind: FromInit
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    text: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes; the text is cut to fit."""
        packed = _INIT_MESSAGE.pack(self.kind, self.a, self.b, self.c, self.d) + self.text
        return packed[:INIT_MESSAGE_BYTES]

    @classmethod
    def decode(cls, data: bytes) -> InitMessage:
        """Parse bytes from a process that may have been taken over; ValueError when they are no message."""
        if len(data) < _INIT_MESSAGE.size:
            raise ValueError(f"init sent {len(data)} bytes")
        kind, a, b, c, d = _INIT_MESSAGE.unpack_from(data)
        return cls(FromInit(kind), a, b, c, d, data[_INIT_MESSAGE.size :])


def send(sock: socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """Send one message with descriptors; they remain the sender's."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sock.sendmsg([data], ancillary)


class DescriptorsLost(OSError):
    """A message came without its descriptors: this process can have no more. ``data`` is the rest of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(errno.EMFILE, os.strerror(errno.EMFILE))
        self.data = data


def receive(sock: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """Receive one message with its descriptors, close-on-exec; (b"", []) at the end.

    A message that is longer than any of ours is ValueError. Where descriptors are missing it is DescriptorsLost, with
    those that came closed.
    """
    data, ancillary, flags, _ = sock.recvmsg(size, socket.CMSG_SPACE(_MAX_FDS * 4), socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        for fd in fds:
            os.close(fd)
        if flags & socket.MSG_TRUNC:
            raise ValueError("a message was cut")
        raise DescriptorsLost(data)
    return data, list(fds)


def to_memfd(value: dict[str, Any]) -> int:
    """Return a memfd that holds a JSON value."""
    fd = os.memfd_create("start", os.MFD_CLOEXEC)
    data = json.dumps(value).encode()
    while data:
        data = data[os.write(fd, data) :]
    return fd


def from_memfd(fd: int) -> dict[str, Any]:
    """Read what :func:`to_memfd` wrote, and close it."""
    with os.fdopen(fd, "rb") as file:
        file.seek(0)
        value: dict[str, Any] = json.loads(file.read())
    return value
