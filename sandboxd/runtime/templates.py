"""The templates of a server: which there are, when one is started, and when another takes its place.

A template is for exactly one command line and environment of one image under one policy. One is started when it has been asked for some
times, in time for later requests; whoever asks before does without. What its forks share, the seed of hashes and where things are in memory, is
its own and no secret of theirs for long: after so many forks or so much time another is started, and takes its place when it is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from functools import cached_property

from sandboxd.errors import SandboxError, SetupFailed, setting_up
from sandboxd.linux import process
from sandboxd.runtime.identities import Row
from sandboxd.runtime.kind import Kind
from sandboxd.runtime.launcher_client import Created, LauncherClient, LauncherGone
from sandboxd.runtime.spec import IdMap, TemplateSpec

log = logging.getLogger(__name__)

MOST = 4
"""Templates at one time unless somebody says otherwise. The one that was asked for longest ago gives way."""
FORKS = 256
AGE_S = 300.0
"""After so many forks, or so long, a template is renewed."""
_ASKED = 3
"""So often one is asked for before it is started: it costs what some exec's do, and a request's arguments may be one of a kind."""
_AT_ONCE = 2
"""So many are started at one time. Each may take all the memory that a compiler may."""
_REMEMBERED = 256
"""Of so many that are not there it is known how often they were asked for."""
_READY_S = 30.0
"""How long it may load. pandas takes about a second."""
_AGAIN_S = 60.0
"""How long one that could not be started is left alone."""
_MOST_WORDS = 2000


class Template:
    """A template that is there. ``destroy`` must be called in the end."""

    def __init__(
        self,
        spec: TemplateSpec,
        ids: IdMap,
        row: Row,
        launcher: LauncherClient,
        created: Created,
        control: socket.socket,
        words: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.spec = spec
        self.ids = ids
        self.row = row
        """Its own ids are of it, and those of its forks' containers."""
        self._launcher = launcher
        self._pidfd = created.pidfd
        self._control = control
        self._words = words
        for fd in (created.writable_fd, *created.cgroup_fds):  # nobody looks into it
            os.close(fd)
        self.began_s = self._loop.time()
        self.forks = 0
        self._kept_bytes, self._may_keep_bytes = 0, spec.cgroup.memory_bytes
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        control.setblocking(False)
        self._loop.add_reader(control, self._heard)
        self._loop.add_reader(self._pidfd, self._ended)

    @classmethod
    async def start(
        cls,
        spec: TemplateSpec,
        ids: IdMap,
        row: Row,
        launcher: LauncherClient,
        filters: tuple[bytes, bytes],
        hook: bytes,
    ) -> Template:
        """Start a template and wait until it has loaded all. SetupFailed where it cannot; nothing is left then."""
        with setting_up("open_template_sockets"):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stdin, nobody = os.pipe2(os.O_CLOEXEC)
            words, output = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(output, True)
        try:
            created = await launcher.start_template(spec, filters, hook, [theirs.fileno(), stdin, output, output])
        except BaseException as error:
            ours.close()
            os.close(words)
            if isinstance(error, LauncherGone):
                raise SetupFailed("launch", 0, "the launcher ended") from None
            raise
        finally:
            theirs.close()
            for fd in (stdin, nobody, output):
                os.close(fd)
        self = cls(spec, ids, row, launcher, created, ours, words)
        await asyncio.wait((self._ready, self.gone), timeout=_READY_S, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done() or self.gone.done():
            said = self._said()
            await self.destroy()
            raise SetupFailed("start_template", 0, said or f"not ready after {_READY_S:g} s")
        return self

    @cached_property
    def pid(self) -> int:
        """Its process id, -1 once it has ended."""
        return process.pid_of(self._pidfd)

    @property
    def usable(self) -> bool:
        """Whether it can be forked."""
        return not self.gone.done() and not self._launcher.gone.done()

    @property
    def worn(self) -> bool:
        """Whether another should take its place."""
        return (
            self.forks >= FORKS
            or self._loop.time() - self.began_s > AGE_S
            or self._kept_bytes > self._may_keep_bytes // 2
        )

    @property
    def spent(self) -> bool:
        """Whether it must end at once: it may hold as much memory of containers that have ended as its own group may have."""
        return self._kept_bytes > self._may_keep_bytes

    def may_keep(self, size_bytes: int) -> None:
        """A container with a fork of it has ended, and left so much memory charged that would be free by now, unless somebody has its namespaces open.

        A template is given them. Who keeps them, keeps the container's files, which nobody's limit counts any more.
        """
        self._kept_bytes += size_bytes

    @contextlib.contextmanager
    def forking(self) -> Iterator[None]:
        """While a fork is on its way into a container, it is not ended."""
        self.forks += 1
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    def end(self) -> None:
        """Kill it, whoever is being forked from it."""
        if not self.gone.done():
            process.pidfd_signal(self._pidfd, signal.SIGKILL)

    async def destroy(self) -> None:
        """End it and take back what it used.

        A fork that has joined its container stays; one that is about to is waited for, unless the template has ended before.
        """
        await self._unused.wait()
        self.end()
        await self.gone
        self._launcher.destroy(self.spec.id)
        self._loop.remove_reader(self._control)
        self._control.close()
        for fd in (self._pidfd, self._words):
            os.close(fd)

    def _heard(self) -> None:
        self._loop.remove_reader(self._control)
        if self._control.recv(16) == b"ready" and not self._ready.done():
            self._ready.set_result(None)

    def _ended(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self.gone.set_result(None)
        self._unused.set()

    def _said(self) -> str:
        """Return the end of what it wrote: why it could not load, in its own words."""
        try:
            words = os.read(self._words, 1 << 16)
        except BlockingIOError:
            return ""
        return words[-_MOST_WORDS:].decode(errors="replace").strip()


class NoRow(SetupFailed):
    """A template cannot be started now, for there are no ids for it: containers of forks of others have them still."""

    def __init__(self) -> None:
        super().__init__("allocate_ids", errno.EAGAIN, "forks of ended templates have all ids that templates can have")


class Templates:
    """Templates by what they are made of."""

    def __init__(
        self, most: int, start: Callable[[Kind], Awaitable[Template]], retire: Callable[[Template], None]
    ) -> None:
        self._most = most
        self._start = start
        self._retire = retire
        self._ready: OrderedDict[Kind, Template] = OrderedDict()
        self._starting: dict[Kind, asyncio.Task[None]] = {}
        self._asked: OrderedDict[Kind, int] = OrderedDict()
        self._failed: dict[Kind, float] = {}
        self._closed = False

    def __iter__(self) -> Iterator[Template]:
        """Yield those that can be forked."""
        return iter(list(self._ready.values()))

    def get(self, kind: Kind) -> Template | None:
        """Return the template, or None while there is none; then one is started if it is worth it, and did not fail a moment ago."""
        template = self._ready.get(kind)
        if template is None or not template.usable:
            if self._count(kind) >= _ASKED:
                self._renew(kind)
            return None
        self._ready.move_to_end(kind)
        if template.worn:
            self._renew(kind)
        return template

    def give_up(self, kind: Kind, error: SandboxError) -> None:
        """Do without a template for a while."""
        assert kind.runtime is not None
        log.warning("no template for %s of %s: %s", kind.runtime.argv, kind.image[-1], error)
        self._leave_alone(kind)
        if kind in self._ready:
            self._retire(self._ready.pop(kind))

    def _leave_alone(self, kind: Kind) -> None:
        """Start none for a while."""
        self._failed = {failed: until for failed, until in self._failed.items() if until > time.monotonic()}
        self._failed[kind] = time.monotonic() + _AGAIN_S

    def end_spent(self) -> None:
        """End those that must not go on."""
        for kind in [kind for kind, template in self._ready.items() if template.spent]:
            self._retire(self._ready.pop(kind))

    def drop(self, unwanted: Callable[[Kind], bool]) -> None:
        """End those that nobody will ask for."""
        for kind in [kind for kind in self._ready if unwanted(kind)]:
            self._retire(self._ready.pop(kind))

    async def close(self) -> None:
        """End all, and start no more."""
        self._closed = True
        if self._starting:
            await asyncio.wait(self._starting.values())
        while self._ready:
            self._retire(self._ready.popitem()[1])

    def _count(self, kind: Kind) -> int:
        """Return how often a template was asked for that is not there, this time included."""
        self._asked[kind] = times = self._asked.get(kind, 0) + 1
        self._asked.move_to_end(kind)
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        return times

    def _renew(self, kind: Kind) -> None:
        if not self._most or self._closed or kind in self._starting or len(self._starting) == _AT_ONCE:
            return
        if self._failed.get(kind, 0) > time.monotonic():
            return
        self._starting[kind] = asyncio.create_task(self._replace(kind))

    async def _replace(self, kind: Kind) -> None:
        """Start a template and put it in the place of the one that was there."""
        try:
            template = await self._start(kind)
        except NoRow:
            self._leave_alone(kind)  # and the one that is there serves on
            return
        except SandboxError as error:
            self.give_up(kind, error)
            return
        finally:
            del self._starting[kind]
        old = self._ready.pop(kind, None)
        self._ready[kind] = template
        template.gone.add_done_callback(lambda _gone: self._ended(kind, template))
        if old is None and len(self._ready) > self._most:
            _, old = self._ready.popitem(last=False)
        if old is not None:
            self._retire(old)

    def _ended(self, kind: Kind, template: Template) -> None:
        """Have what it has left ended at once: a container that is to end may wait for that."""
        if self._ready.get(kind) is template:
            self._retire(self._ready.pop(kind))
