"""The launcher's side of the zygote, the process that all others are cloned from: ``init.c``.

A clone of it copies a few pages; one of the launcher copied some hundred, which took longer than all the walls of a container together.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

from sandboxd.linux import process
from sandboxd.runtime import wire

PROGRAM = Path(__file__).with_name("sandboxd-init")
_ORDER = struct.Struct("<QIBB2x")
_ANSWER = struct.Struct("<i")
_SOCKET = 3  # where the zygote has its end


class ZygoteGone(Exception):
    """The zygote has ended. Nothing can be made any more."""


class Zygote:
    """A zygote that runs, in the mount and network namespaces of the process that starts it, and whose clones are children of that process."""

    def __init__(self, program: str) -> None:
        """Start it, and wait until it runs. ``program`` is a path to :data:`PROGRAM`, by which nothing need be executable then.

        Its parent goes on in the middle of execve(2), before the program is mapped. OSError where it does not run.
        """
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), _SOCKET)]
            self.pid = os.posix_spawn(program, [PROGRAM.name], {}, file_actions=actions)
        if not wire.receive(self._socket, _ANSWER.size)[0]:
            raise ChildProcessError(errno.ECHILD, f"{program} does not run")

    def close(self) -> None:
        """Have it end."""
        self._socket.close()

    def order(
        self,
        namespaces: process.Namespace,
        *,
        owner: int = 0,
        network_fd: int | None = None,
        cgroup_fd: int | None = None,
    ) -> Clone:
        """Have a process cloned into new namespaces, which are ``owner``'s. It is there when :meth:`Clone.arrive` has been called, as it must be before the next order.

        Meanwhile something else can be done: the kernel takes longer for namespaces than for anything else that a container has.
        ``network_fd`` is a network namespace to be born in, and ``cgroup_fd``, a directory of cgroup v2, a group. OSError where there are no
        descriptors, ZygoteGone where the zygote has ended.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        clone = Clone(self, ours)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(ours.close)
            with theirs:
                order = _ORDER.pack(int(namespaces), owner, network_fd is not None, cgroup_fd is not None)
                self.send(order, [theirs.fileno(), *(fd for fd in (network_fd, cgroup_fd) if fd is not None)])
            on_failure.pop_all()
        return clone

    def send(self, order: bytes, fds: Sequence[int]) -> None:
        """Say something to the zygote, which answers: :meth:`receive`."""
        try:
            wire.send(self._socket, order, fds)
        except ConnectionError as error:
            raise ZygoteGone from error

    def receive(self) -> tuple[int, list[int]]:
        """Wait for the answer: a process id with a pidfd, or an errno, negative."""
        try:
            answer, pidfds = wire.receive(self._socket, _ANSWER.size)
        except ConnectionError as error:
            raise ZygoteGone from error
        except wire.DescriptorsLost as lost:  # it is there, but without its pidfd of no use
            _end(*_ANSWER.unpack(lost.data))
            raise
        if not answer:
            raise ZygoteGone
        return int(_ANSWER.unpack(answer)[0]), pidfds


class Clone:
    """A process that is being cloned, and then waits for its script at the other end of ``socket``; it ends when that is closed before."""

    def __init__(self, zygote: Zygote, sock: socket.socket) -> None:
        self._zygote = zygote
        self._answered = False
        self.socket = sock
        self.pid, self.pidfd = 0, -1

    def arrive(self) -> None:
        """Wait until it is there, with ``pid`` and ``pidfd``. OSError where it could not be cloned."""
        self._answered = True
        pid, pidfds = self._zygote.receive()
        if pid < 0:
            raise OSError(-pid, f"clone3: {os.strerror(-pid)}")
        self.pid, (self.pidfd,) = pid, pidfds

    def abandon(self) -> None:
        """End it, whatever it has become by its script, and reap it."""
        if not self._answered:
            with contextlib.suppress(OSError):
                self.arrive()
        if self.pid:
            _end(self.pid)

    def close(self) -> None:
        """Let go of its descriptors."""
        self.socket.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


def _end(pid: int) -> None:
    """Kill and reap a child, whose number is nobody else's until then."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
