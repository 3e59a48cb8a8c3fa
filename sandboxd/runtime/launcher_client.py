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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sandboxd.errors import HostUnfit, SetupFailed
from sandboxd.linux import cgroups, mounts
from sandboxd.linux.cgroups import Settings
from sandboxd.linux.spawn import spawn_first
from sandboxd.model import shallow_dict
from sandboxd.runtime import wire
from sandboxd.runtime.spec import ContainerSpec, TemplateSpec

_T = TypeVar("_T")

_CODE = "import sys; sys.path.insert(0, sys.argv.pop()); from sandboxd.runtime.launcher import main; main()"
_REAP_S = 5.0  # how long what came of it may take to end, when it is told to
_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


class LauncherGone(Exception):
    """The launcher has ended, and every container with it."""


@dataclass(frozen=True, slots=True)
class Created:
    """Descriptors of a new container, which are the receiver's from now on."""

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
        self._reaped: asyncio.Future[None] = self._loop.create_future()
        self._pidfd = os.pidfd_open(pid)
        self._loop.add_reader(self._pidfd, self._reap)
        self._hello: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._creating: dict[str, asyncio.Future[Created]] = {}
        self._joining: dict[str, asyncio.Future[None]] = {}
        self._adapting: dict[str, asyncio.Future[None]] = {}
        self._asked: tuple[dict[str, Any], ...] = (self._adapting, self._joining, self._creating)
        """What can fail, by the container that it is about, which is asked for one thing at a time."""
        self._outgoing: deque[tuple[bytes, Sequence[int], Callable[[OSError], None]]] = deque()
        """Messages, their descriptors, and who is told where one cannot be sent."""
        sock.setblocking(False)
        self._loop.add_reader(sock, self._receive)

    @classmethod
    async def start(cls, store: Path, cgroup_parent: str | None) -> LauncherClient:
        """Start a launcher and wait until it serves. HostUnfit when it finds that it cannot."""
        argv = [sys.executable, "-I", "-S", "-B", "-c", _CODE, str(store)]
        argv += [cgroup_parent] if cgroup_parent is not None else []
        try:
            await asyncio.to_thread(cgroups.clear_the_way, cgroup_parent)
            sock, pid = _spawn([*argv, _PACKAGE_PARENT])
        except OSError as error:
            raise HostUnfit(f"the launcher cannot be started: {wire.reason_of(error)}") from error
        self = cls(sock, pid)
        hello = await self._hello
        if hello["type"] == "unfit":
            await self.gone
            raise HostUnfit(f"the launcher cannot start: {hello['reason']}")
        self.cgroup_version = hello["cgroup_version"]
        return self

    async def create(self, spec: ContainerSpec, bpf: bytes, control: socket.socket) -> Created:
        """Make a container whose init speaks on ``control``. SetupFailed when a step of the launcher fails."""
        message = wire.encode({"type": "create", "spec": spec.to_json()}, bpf)
        return await self._ask(self._creating, spec.id, message, [control.fileno()])

    async def start_template(
        self, spec: TemplateSpec, filters: tuple[bytes, bytes], hook: bytes, fds: Sequence[int]
    ) -> Created:
        """Start a template, with its own filter and that of its forks, its socket and its streams. SetupFailed as above."""
        header = {"type": "template", "spec": spec.to_json(), "sizes": list(map(len, filters))}
        return await self._ask(self._creating, spec.id, wire.encode(header, b"".join((*filters, hook))), fds)

    async def join(self, container_id: str, template_id: str) -> None:
        """Have a template forked into a container whose walls stand. SetupFailed where it cannot be asked."""
        message = wire.encode({"type": "join", "id": container_id, "template": template_id})
        await self._ask(self._joining, container_id, message)

    async def adapt(self, container_id: str, settings: Settings, disk_bytes: int, writable_fd: int) -> None:
        """Give a container that has no program yet other limits. SetupFailed when the kernel refuses them."""
        header = {"type": "adapt", "id": container_id, "cgroup": shallow_dict(settings), "disk_bytes": disk_bytes}
        await self._ask(self._adapting, container_id, wire.encode(header), [writable_fd])

    def forget(self, image: Sequence[str]) -> None:
        """Have an image's layers let go of, by their paths below the store. There is no answer."""
        self._tell({"type": "forget", "image": list(image)})

    def destroy(self, container_id: str) -> None:
        """Have a container reaped whose init has ended, or a template, and what it used taken back, before what is asked for next.

        There is no answer. One that cannot be sent leaves a dead process and its empty groups until the launcher ends.
        """
        self._tell({"type": "destroy", "id": container_id})

    async def stop(self) -> None:
        """Tell the launcher to end, and wait until it has."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        await self.gone
        await self.reaped(_REAP_S)

    async def reaped(self, within_s: float) -> None:
        """Wait until all that came of it has ended and it is reaped, for so long at most."""
        await asyncio.wait([self._reaped], timeout=within_s)

    async def _ask(
        self, table: dict[str, asyncio.Future[_T]], about: str, message: bytes, fds: Sequence[int] = ()
    ) -> _T:
        """Send a message and wait for the answer, which is found by whom it is about."""
        future: asyncio.Future[_T] = self._loop.create_future()
        table[about] = future

        def failed(error: OSError) -> None:
            self._fail(table, about, SetupFailed("ask_launcher", error.errno or 0, wire.reason_of(error)))

        self._send(message, fds, failed)
        return await future

    def _tell(self, header: dict[str, Any]) -> None:
        """Send what has no answer, unless it has ended."""
        if not self.gone.done():
            self._send(wire.encode(header), [], lambda _error: None)

    def _send(self, message: bytes, fds: Sequence[int], failed: Callable[[OSError], None]) -> None:
        """Send as soon as the launcher takes it, in order. The descriptors must stay open until it has answered.

        Never waits: a launcher that waits for its own answers to be taken would wait for ever.
        """
        if self.gone.done():
            raise LauncherGone
        self._outgoing.append((message, fds, failed))
        if len(self._outgoing) == 1 and not self._flush():
            self._loop.add_writer(self._sock, self._go_on)

    def _go_on(self) -> None:
        if self._flush():
            self._loop.remove_writer(self._sock)

    def _flush(self) -> bool:
        """Send what the launcher takes; returns whether that was all."""
        while self._outgoing:
            message, fds, failed = self._outgoing[0]
            try:
                wire.send_to_launcher(self._sock, message, fds)
            except BlockingIOError:
                return False
            except ConnectionError:  # it has ended, which the reader hears and tells
                self._outgoing.clear()
            except OSError as error:
                # This one cannot be sent: it is too long, or too many descriptors are on their way.
                self._outgoing.popleft()
                failed(error)
            else:
                self._outgoing.popleft()
        return True

    def _receive(self) -> None:
        try:
            message, fds = wire.receive(self._sock, wire.LAUNCHER_ANSWER_BYTES)
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
                self._resolve(self._creating, header["id"], Created(fds[0], fds[1], tuple(fds[2:])))
            case "joined":
                self._resolve(self._joining, header["id"], None)
            case "adapted":
                self._resolve(self._adapting, header["id"], None)
            case "failed":
                error = SetupFailed(header["step"], header["errno"], header["reason"])
                table: dict[str, Any] = next(table for table in self._asked if header["id"] in table)
                self._fail(table, header["id"], error)
            case _:
                self._hello.set_result(header)

    def _abandon(self, container_id: str, error: OSError) -> None:
        """Have a container destroyed that is there but cannot be held; its init ends when nobody holds its socket."""
        failed = SetupFailed("receive_descriptors", error.errno or 0, str(error.strerror))
        self._fail(self._creating, container_id, failed)
        self.destroy(container_id)

    @staticmethod
    def _resolve(futures: dict[str, asyncio.Future[Any]], key: str, value: Any) -> None:
        future = futures.pop(key)
        if not future.done():  # its waiter may have been cancelled, and it with it
            future.set_result(value)

    def _reap(self) -> None:
        """Reap it, when it has ended: not before all that came of it has, which may take much longer than its own end."""
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self._reaped.set_result(None)

    @staticmethod
    def _fail(futures: dict[str, Any], key: str, error: Exception) -> None:
        future = futures.pop(key)
        if not future.done():
            future.set_exception(error)

    def _end(self) -> None:
        """Fail all that waits for it."""
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        for future in [future for table in self._asked for future in table.values()]:
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
        mount_fd = mounts.clone_tree(b"/", recursive=True)
        always.callback(os.close, mount_fd)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        always.callback(theirs.close)
        on_failure.callback(ours.close)
        path = f"/proc/self/fd/{mount_fd}{os.path.realpath(sys.executable)}"
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3), (os.POSIX_SPAWN_DUP2, mount_fd, 4)]
        pid = spawn_first(path, argv, actions)
        on_failure.pop_all()
    return ours, pid
