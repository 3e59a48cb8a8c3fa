"""The messages between server, launcher and init, and how they travel: SOCK_SEQPACKET, a message a datagram.

Server to launcher: ``create`` (a JSON header and the seccomp program) with init's end of a socket pair; ``adapt`` (other
limits) with the workspace; ``template`` (``template.py``) with its socket and streams; ``join``, for a process of a template in
a container; ``destroy`` and ``forget``, of an image, which have no answer. Launcher to server: ``created`` with a pidfd, the workspace
and the cgroup's directories; ``adapted``; ``joined``; or ``failed``. Both are our own code on both sides, so JSON will do.

Init to server: a fixed struct, parsed with distrust, because a hostile program shares a container with init.
Server to init: one message, START, with a memfd that has a script, and then the contents of files (``start.py``).
"""

from __future__ import annotations

import array
import errno
import json
import os
import socket
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

LAUNCHER_MESSAGE_BYTES = 131072  # below the default socket buffer of 212,992 bytes
# A path of 4,096 bytes, each escaped as six. For a buffer of 128 KiB the C library maps memory anew each time.
LAUNCHER_ANSWER_BYTES = 32768
_INIT_MESSAGE = struct.Struct("<B7q")
INIT_MESSAGE_BYTES = 1024
_MAX_FDS = 16
_CREDENTIALS = struct.Struct("3i")  # struct ucred
_ANCILLARY_BYTES = socket.CMSG_SPACE(_MAX_FDS * 4)
# Plain integers: to join and to test enumerated flags takes longer than the calls that they are for.
_CLOSE_ON_EXEC = int(socket.MSG_CMSG_CLOEXEC)
_CUT, _DESCRIPTORS_CUT = int(socket.MSG_TRUNC), int(socket.MSG_CTRUNC)


def reason_of(error: OSError) -> str:
    """Return in words why something failed, and with what."""
    reason = error.strerror or str(error)
    return f"{reason}: {error.filename}" if error.filename else reason


def encode(header: dict[str, Any], blob: bytes = b"") -> bytes:
    """Return a message of a JSON header and raw bytes."""
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + blob


def decode(message: bytes) -> tuple[dict[str, Any], bytes]:
    """Take a message of :func:`encode` apart."""
    (size,) = struct.unpack_from("<I", message)
    return json.loads(message[4 : 4 + size]), message[4 + size :]


class FromInit(IntEnum):
    """What init says. Every message has seven integers and a text."""

    READY = 1
    """Built; waits for START. Carries the seccomp listener."""
    FAILED = 2
    """A step of the set-up failed: errno, and ``step`` NUL what it was about as text. The program did not run."""
    STARTED = 3
    """The program was released: the moment on the monotonic clock in nanoseconds, and init's own CPU time since START in
    microseconds. Carries the program's pidfd and, for a tty, the master."""
    NOT_EXECUTABLE = 4
    """The program could not be exec'ed: errno, and whether it is there at all. It is the program's failure."""
    EXITED = 5
    """The program ended: its wait status, and the moment. EMPTY follows; where the program has left nothing, that alone is said."""
    EMPTY = 6
    """Everything but init has been killed and reaped: wait status and moment as above, voluntary and involuntary switches, bytes read and written (-1
    where the kernel does not tell), and init's own CPU time since START in microseconds."""
    BUILT = 7
    """All walls stand; of a container whose program is forked: now the template may. READY follows."""


class InitMessage(NamedTuple):
    """A message of init."""

    kind: FromInit
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0
    f: int = 0
    g: int = 0
    text: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes; the text is cut to fit."""
        packed = _INIT_MESSAGE.pack(*self[:8]) + self.text
        return packed[:INIT_MESSAGE_BYTES]

    @classmethod
    def decode(cls, data: bytes) -> InitMessage:
        """Parse bytes from a process that may have been taken over; ValueError when they are no message."""
        if len(data) < _INIT_MESSAGE.size:
            raise ValueError(f"init sent {len(data)} bytes")
        kind, a, b, c, d, e, f, g = _INIT_MESSAGE.unpack_from(data)
        return cls(FromInit(kind), a, b, c, d, e, f, g, data[_INIT_MESSAGE.size :])


def send(sock: socket.socket, data: bytes, fds: Sequence[int] = (), flags: int = 0) -> None:
    """Send one message with descriptors; they remain the sender's. ``flags`` are sendmsg(2)'s."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sock.sendmsg([data], ancillary, flags)


def send_to_launcher(sock: socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """Send one message to the launcher. OSError EMSGSIZE where it would be cut there."""
    if len(data) > LAUNCHER_MESSAGE_BYTES:
        raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    send(sock, data, fds)


class DescriptorsLost(OSError):
    """A message came without its descriptors: this process can have no more. ``data`` is the rest of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(errno.EMFILE, os.strerror(errno.EMFILE))
        self.data = data


def receive(sock: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """Receive one message with its descriptors, close-on-exec; (b"", []) at the end.

    A message that is longer than any of ours is ValueError, and so is one of descriptors alone, which would be taken for
    the end. Where descriptors are missing it is DescriptorsLost. Those that came are closed.
    """
    data, ancillary, flags, _ = sock.recvmsg(size, _ANCILLARY_BYTES, _CLOSE_ON_EXEC)
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    if flags & (_CUT | _DESCRIPTORS_CUT) or (fds and not data):
        for fd in fds:
            os.close(fd)
        if flags & _CUT:
            raise ValueError("a message was cut")
        if flags & _DESCRIPTORS_CUT:
            raise DescriptorsLost(data)
        raise ValueError("descriptors without a message")
    return data, list(fds)


def receive_sender(sock: socket.socket) -> int:
    """Receive a message and return the process id of its sender, as this process sees it; 0 at the end. Needs SO_PASSCRED.

    The kernel vouches for it (unix(7), SCM_CREDENTIALS): of a process that has CAP_SYS_ADMIN in its own pid namespace as far as that
    it is one of that namespace.
    """
    data, ancillary, _, _ = sock.recvmsg(16, socket.CMSG_SPACE(_CREDENTIALS.size))
    for level, kind, payload in ancillary:
        if data and level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return int(_CREDENTIALS.unpack(payload)[0])
    return 0
