"""The server's side of the launcher: starts it, asks it, notices its death.

The server has gRPC's threads and so never forks: posix_spawn(3) execs at once, in a clean environment, so that
the launcher holds no memory of the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sandboxd.errors import HostUnfit, SetupFailed
from sandboxd.linux import mounts
from sandboxd.linux.cgroups import Settings
from sandboxd.runtime import wire
from sandboxd.runtime.spec import ContainerSpec

_CODE = "import sys; sys.path.insert(0, sys.argv.pop()); from sandboxd.runtime.launcher import main; main()"
_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


class LauncherGone(Exception):
    """The launcher has ended, and every container with it."""


@dataclass(frozen=True, slots=True)
class Created:
    """A new container: its init's process id, and descriptors, which are the receiver's from now on."""

    pid: int
    pidfd: int
    writable_fd: int
    cgroup_fds: tuple[int, ...]


class LauncherClient:
    """One launcher process. Made by :meth:`start`; of no use after :attr:`gone` is done."""

    def __init__(self, sock: socket.socket, pid: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self.pid = pid
        self.cgroup_version = 0
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self._hello: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._creating: dict[str, asyncio.Future[Created]] = {}
        self._adapting: dict[str, asyncio.Future[None]] = {}
        self._destroying: dict[str, asyncio.Future[None]] = {}
        self._outgoing: deque[tuple[bytes, Sequence[int]]] = deque()
        sock.setblocking(False)
        self._loop.add_reader(sock, self._receive)

    @classmethod
    async def start(cls, store: Path, cgroup_parent: str | None) -> LauncherClient:
        """Start a launcher and wait until it serves. HostUnfit when it finds that it cannot."""
        argv = [sys.executable, "-I", "-S", "-B", "-c", _CODE, str(store)]
        argv += [cgroup_parent] if cgroup_parent is not None else []
        try:
            sock, pid = _spawn([*argv, _PACKAGE_PARENT])
        except OSError as error:
            raise HostUnfit(f"the launcher cannot be started: {error.strerror}") from error
        self = cls(sock, pid)
        hello = await self._hello
        if hello["type"] == "unfit":
            await self.gone
            raise HostUnfit(f"the launcher cannot start: {hello['reason']}")
        self.cgroup_version = hello["cgroup_version"]
        return self

    async def create(self, spec: ContainerSpec, bpf: bytes, control: socket.socket) -> Created:
        """Make a container whose init speaks on ``control``. SetupFailed when a step of the launcher fails."""
        future = self._creating[spec.id] = self._loop.create_future()
        self._send(wire.encode({"type": "create", "spec": spec.to_json()}, bpf), [control.fileno()])
        return await asyncio.shield(future)

    async def adapt(self, container_id: str, settings: Settings, disk_bytes: int, writable_fd: int) -> None:
        """Give a container that has no program yet other limits. SetupFailed when the kernel refuses them."""
        future = self._adapting[container_id] = self._loop.create_future()
        header = {"type": "adapt", "id": container_id, "cgroup": asdict(settings), "disk_bytes": disk_bytes}
        self._send(wire.encode(header), [writable_fd])
        await asyncio.shield(future)

    async def destroy(self, container_id: str) -> None:
        """Reap a container whose init has ended."""
        future = self._destroying[container_id] = self._loop.create_future()
        self._send(wire.encode({"type": "destroy", "id": container_id}))
        await asyncio.shield(future)

    async def stop(self) -> None:
        """Tell the launcher to end, and wait until it has."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        await self.gone

    def _send(self, message: bytes, fds: Sequence[int] = ()) -> None:
        """Send as soon as the launcher takes it, in order. The descriptors must stay open until it has answered.

        Never waits: a launcher that waits for its own answers to be taken would wait for ever.
        """
        if self.gone.done():
            raise LauncherGone
        self._outgoing.append((message, fds))
        if len(self._outgoing) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._outgoing:
            try:
                wire.send(self._sock, *self._outgoing[0])
            except BlockingIOError:
                self._loop.add_writer(self._sock, self._flush)
                return
            except OSError:  # it has ended, which the reader hears and tells
                self._outgoing.clear()
            else:
                self._outgoing.popleft()
        self._loop.remove_writer(self._sock)

    def _receive(self) -> None:
        try:
            message, fds = wire.receive(self._sock, wire.LAUNCHER_MESSAGE_BYTES)
        except BlockingIOError:
            return
        except wire.DescriptorsLost as lost:
            self._abandon(wire.decode(lost.data)[0]["id"], lost)
            return
        except OSError:
            message, fds = b"", []
        if not message:
            self._end()
            return
        header, _ = wire.decode(message)
        match header["type"]:
            case "created":
                self._resolve(self._creating, header["id"], Created(header["pid"], fds[0], fds[1], tuple(fds[2:])))
            case "adapted":
                self._resolve(self._adapting, header["id"], None)
            case "destroyed":
                self._resolve(self._destroying, header["id"], None)
            case "failed":
                error = SetupFailed(header["step"], header["errno"], header["reason"])
                table = self._adapting if header["id"] in self._adapting else self._creating
                table.pop(header["id"]).set_exception(error)
            case _:
                self._hello.set_result(header)

    def _abandon(self, container_id: str, error: OSError) -> None:
        """Have a container destroyed that is there but cannot be held; its init ends when nobody holds its socket."""
        failed = SetupFailed("receive_descriptors", error.errno or 0, str(error.strerror))
        self._creating.pop(container_id).set_exception(failed)
        destroying = asyncio.ensure_future(self.destroy(container_id))
        destroying.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody waits for it

    @staticmethod
    def _resolve(futures: dict[str, asyncio.Future[Any]], key: str, value: Any) -> None:
        futures.pop(key).set_result(value)

    def _end(self) -> None:
        """Reap it and fail all that waits for it."""
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        waiting: list[asyncio.Future[Any]] = [
            *self._creating.values(),
            *self._adapting.values(),
            *self._destroying.values(),
        ]
        for future in waiting:
            if not future.done():
                future.set_exception(LauncherGone())
                future.exception()  # its waiter may be gone too
        if not self._hello.done():
            self._hello.set_exception(HostUnfit("the launcher died at its start"))
            self._hello.exception()  # likewise
        self.gone.set_result(None)


def _spawn(argv: list[str]) -> tuple[socket.socket, int]:
    """Start a launcher; returns the socket to it and its process id. Nothing is left open where that fails.

    Its interpreter is this one, by a copy of the host's mounts, which the launcher makes unfit to execute from once it runs.
    """
    with contextlib.ExitStack() as always, contextlib.ExitStack() as on_failure:
        mount_fd = mounts.clone_tree("/", recursive=True)
        always.callback(os.close, mount_fd)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        always.callback(theirs.close)
        on_failure.callback(ours.close)
        path = f"/proc/self/fd/{mount_fd}{os.path.realpath(sys.executable)}"
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3), (os.POSIX_SPAWN_DUP2, mount_fd, 4)]
        pid = os.posix_spawn(path, argv, {}, file_actions=actions, setsid=True, setsigmask=[])
        on_failure.pop_all()
    return ours, pid
