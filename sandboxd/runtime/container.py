"""One container as the server sees it: created, waiting, started, dead, destroyed.

The server holds its pidfd, its cgroup, the descriptor of its workspace's own mount, and the socket to its init.
Killing is always of the whole: SIGKILL to process 1 by pidfd takes the pid namespace with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from sandboxd.errors import ContainerLost, SetupFailed, setting_up
from sandboxd.linux import cgroups, process, seccomp
from sandboxd.linux.cgroups import Counters, Settings
from sandboxd.model import File, Start
from sandboxd.runtime import arguments, start, wire, workspace
from sandboxd.runtime.launcher_client import Created, LauncherClient, LauncherGone
from sandboxd.runtime.spec import PROCESSES_OF_INIT, ContainerSpec, ProgramSpec
from sandboxd.runtime.templates import Template
from sandboxd.runtime.wire import FromInit, InitMessage

_T = TypeVar("_T")

# How long init may take for its steps, and again to start a program; both take milliseconds.
_SET_UP_S = 30.0
# How long init may take to say that the program has ended, before it is helped. It takes 0.1 ms.
_PATIENCE_S = 0.01
# How long a template may leave unreaped what came between it and its fork. It takes less than a millisecond.
_REAPED_WITHIN_S = 1.0
_MOST_WAIT_STATUS = 0xFFFF
_MOST_ERRNO = 4095
_QUICKLY_WRITTEN_BYTES = 1 << 20  # in less than a millisecond


@dataclass(frozen=True, slots=True)
class Reaped:
    """What init learned by reaping the program and all that it left: counts, and bytes where the kernel tells."""

    voluntary_switches: int
    involuntary_switches: int
    read_bytes: int | None
    written_bytes: int | None


class Container:
    """A container that exists. ``destroy`` must be called in the end, whatever happened."""

    def __init__(
        self,
        spec: ContainerSpec,
        launcher: LauncherClient,
        created: Created,
        control: socket.socket,
        template: Template | None = None,
    ) -> None:
        self.spec = spec
        self._template = template
        self.origin = Start.COLD
        self._loop = asyncio.get_running_loop()
        self._launcher = launcher
        self._control = control
        self._pidfd = created.pidfd
        self.writable_fd = created.writable_fd
        self.cgroup = cgroups.observe(launcher.cgroup_version, created.cgroup_fds)
        self.baseline: Counters
        """What its group had used when it was ready; all that init uses after that it tells."""
        self.listener_fd = -1
        self.program_pidfd = -1
        self._overdue: asyncio.TimerHandle | None = None
        self.own_cpu_us = 0
        """CPU time that init has used since START, by its own account."""
        self.exited_ns = 0
        """When the program ended, by init's account and the monotonic clock, which all processes share."""
        self._built: asyncio.Future[None] = self._loop.create_future()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._started: asyncio.Future[tuple[InitMessage, int]] = self._loop.create_future()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        """Wait status of the program, from init."""
        self.empty: asyncio.Future[Reaped] = self._loop.create_future()
        """Done when init says that it is alone: the program and all that it left have been killed and reaped."""
        self.dead: asyncio.Future[None] = self._loop.create_future()
        """Done when init, and so every process of the container, has ended."""
        self.ended_ns = 0
        """When the program's first process was seen to have ended, by this process's own eyes; 0 before."""
        self.on_end: Callable[[], None] = lambda: None
        """Called when the program has ended or the container is dead, whichever comes first."""
        self._ready.add_done_callback(lambda future: future.exception())  # whoever makes it may have failed before
        control.setblocking(False)
        self._loop.add_reader(control, self._receive)
        self._loop.add_reader(self._pidfd, self._died)

    @classmethod
    async def create(
        cls, spec: ContainerSpec, bpf: bytes, launcher: LauncherClient, template: Template | None = None
    ) -> Container:
        """Make a container and wait until its init is ready, with a fork of a template in it where one is named.

        SetupFailed when a step fails; nothing is left then.
        """
        with setting_up("open_control_socket"):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                created = await launcher.create(spec, bpf, theirs)
        except LauncherGone:
            ours.close()
            raise SetupFailed("launch", 0, "the launcher ended") from None
        except BaseException:
            ours.close()
            raise
        self = cls(spec, launcher, created, ours, template)
        try:
            if template is not None:
                await self._have_joined(template)
            await self._in_time(self._ready)
            with setting_up("read_accounts"):
                self.baseline = self.cgroup.counters()
        except BaseException as error:
            self.kill()
            await asyncio.shield(self.destroy())
            if isinstance(error, TimeoutError):
                raise SetupFailed("init", errno.ETIMEDOUT, f"not ready after {_SET_UP_S:g} s") from None
            raise
        return self

    async def _have_joined(self, template: Template) -> None:
        """Have the template forked into this container as soon as its walls stand; if they do not, the caller hears why."""
        await asyncio.wait((self._built, self._ready), timeout=_SET_UP_S, return_when=asyncio.FIRST_COMPLETED)
        if self._built.done():
            try:
                await self._launcher.join(self.spec.id, template.spec.id)
            except LauncherGone:
                raise SetupFailed("launch", 0, "the launcher ended") from None

    @cached_property
    def init_pid(self) -> int:
        """Init's process id, -1 once it has ended. OSError where no descriptor is to be had."""
        return process.pid_of(self._pidfd)

    @property
    def launcher_ended(self) -> bool:
        """Whether the launcher is gone, and with it the container."""
        return self._launcher.gone.done()

    @property
    def doomed(self) -> bool:
        """Whether it is dead, or will be in a moment."""
        return self.dead.done() or self.launcher_ended

    async def adapt(self, settings: Settings, disk_bytes: int) -> None:
        """Give it other limits before its program starts. SetupFailed when the kernel refuses them."""
        if (settings, disk_bytes) == (self.spec.cgroup, self.spec.disk_bytes):
            return
        try:
            await self._launcher.adapt(self.spec.id, settings, disk_bytes, self.writable_fd)
        except LauncherGone:
            raise SetupFailed("launch", 0, "the launcher ended") from None
        self.spec = replace(self.spec, cgroup=settings, disk_bytes=disk_bytes)

    async def start(
        self, program: ProgramSpec, files: Sequence[File], streams: Sequence[int]
    ) -> tuple[InitMessage, int]:
        """Put files into the workspace and release the program, with stdin, stdout and stderr, or none for a terminal.

        Returns init's message and the terminal's master (-1 without one); the message is STARTED or NOT_EXECUTABLE.
        SetupFailed when a step before the program fails, ContainerLost when init does not answer.
        """
        with setting_up("pass_program"):
            memfd = await _packed(arguments.passable(program), files, self.spec.ids.init)
        try:
            wire.send(self._control, b"start", [memfd, *streams])
        except OSError:
            self._lose("init ended before the program was started")
        finally:
            os.close(memfd)
        try:
            return await self._in_time(self._started)
        except TimeoutError:
            raise ContainerLost(f"init did not start the program in {_SET_UP_S:g} s") from None

    def signal_program(self, number: int) -> None:
        """Send a signal to the program, if it runs."""
        if self.program_pidfd < 0:
            return
        with contextlib.suppress(ProcessLookupError):
            process.pidfd_signal(self.program_pidfd, number)

    async def settle(self, seconds: float) -> Reaped | None:
        """Wait until init is alone or the container is dead; None where it is not alone, or the kernel counts more."""
        if not self.empty.done() and not self.dead.done():
            await asyncio.wait((self.empty, self.dead), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not self.empty.done() or self.cgroup.processes() > PROCESSES_OF_INIT:
            return None
        return self.empty.result()

    def end_program(self) -> bool:
        """Kill all but init, which then says what was used; False where that cannot be done, or there is no program yet.

        Init would do it, but a program may have seen to it that init hardly runs (its nice value, its CPUs, a quota
        that many processes share), so that all of that is taken away first. May be repeated, for what was forked.
        """
        if self.program_pidfd < 0:
            return False
        try:
            self.cgroup.lift_quota()
            self.cgroup.kill_all_but(self.init_pid)
        except OSError:  # there is no descriptor to be had, or the group has gone with the launcher
            return False
        return True

    def kill(self) -> None:
        """Kill everything in the container."""
        if not self.dead.done():
            if not self.empty.done():
                self.end_program()
            with contextlib.suppress(ProcessLookupError):
                process.pidfd_signal(self._pidfd, signal.SIGKILL)

    async def ended(self) -> None:
        """Wait until everything is dead that was killed."""
        if self._template is not None:
            await self._end_without(self._template)
        await self.dead

    async def destroy(self) -> None:
        """Wait until everything is dead that was killed, have it reaped, close all descriptors."""
        self._let_go()  # while the kernel takes init down, which is longer
        await self.ended()
        if self._template is not None:
            with contextlib.suppress(OSError):  # the group has gone with the launcher, and the template with it
                self._template.may_keep(self.cgroup.memory_bytes())
        self._launcher.destroy(self.spec.id)
        self._close()

    async def _end_without(self, template: Template) -> None:
        """End a template, whose code is an image's, that does not reap what it has in here: init cannot end before that."""
        await asyncio.wait((self.dead,), timeout=_REAPED_WITHIN_S)
        if not self.dead.done():
            template.end()

    def hear(self) -> None:
        """Take what init has said by now."""
        if self.empty.done():
            return
        said = (self._ready, self._started, self.exited, self.empty)
        before = -1
        while self._control.fileno() >= 0 and before < (before := sum(future.done() for future in said)):
            self._receive()

    def _receive(self) -> None:
        try:
            data, fds = wire.receive(self._control, wire.INIT_MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"init's socket: {error}")
            return
        except ValueError as error:
            self._refuse(error, [])
            return
        if not data:
            self._lose("init ended without a word")
            return
        try:
            self._handle(InitMessage.decode(data), fds)
        except (ValueError, asyncio.InvalidStateError) as error:
            self._refuse(error, fds)

    def _handle(self, message: InitMessage, fds: list[int]) -> None:
        match message.kind:
            case FromInit.BUILT if self.spec.forked and not fds and not self._built.done():
                self._built.set_result(None)
            case FromInit.READY if len(fds) == 1 and not self._ready.done():
                if not seccomp.is_listener(fds[0]):
                    raise ValueError("a descriptor that is no seccomp listener")
                self.listener_fd = fds.pop()
                self._ready.set_result(None)
            case FromInit.FAILED if not fds and not self._started.done():
                step, _, about = message.text.decode(errors="replace").partition("\0")
                waited_for = self._started if self._ready.done() else self._ready
                waited_for.set_exception(SetupFailed(step, message.a, _reason(message.a, about)))
            case FromInit.STARTED if len(fds) in (1, 2) and not self._started.done():
                self._hold_program(*fds)
                self.own_cpu_us = message.b
                self._started.set_result((message, fds[1] if len(fds) > 1 else -1))
                fds.clear()
            case FromInit.NOT_EXECUTABLE if not fds and not self._started.done():
                if not 0 <= message.a <= _MOST_ERRNO:
                    raise ValueError(f"an errno of {message.a}")
                self._started.set_result((message, -1))
            case FromInit.EXITED if not fds and self._started.done() and not self.exited.done():
                self._note_end(message)
            case FromInit.EMPTY if not fds and self._started.done() and not self.empty.done():
                if message.c < 0 or message.d < 0:
                    raise ValueError(f"{message.c} and {message.d} switches")
                if not self.exited.done():
                    self._note_end(message)
                self.own_cpu_us = message.g
                read, written = (None if count < 0 else count for count in (message.e, message.f))
                self._loop.remove_reader(self._control)  # it has nothing more to say
                self.empty.set_result(Reaped(message.c, message.d, read, written))
            case _:
                raise ValueError(f"{message.kind.name} with {len(fds)} descriptors out of turn")

    def _note_end(self, message: InitMessage) -> None:
        """Take the program's end from EXITED, or from EMPTY where that was not worth a message."""
        if not 0 <= message.a <= _MOST_WAIT_STATUS:
            raise ValueError(f"a wait status of {message.a}")
        self.exited_ns = message.b
        self.exited.set_result(message.a)
        self.on_end()

    def _hold_program(self, pidfd: int, master: int | None = None) -> None:
        """Take the program's pidfd. ValueError where it is none, for a file cannot be waited for, or where its terminal's master is none."""
        if master is not None and not os.isatty(master):
            raise ValueError("a descriptor that is no terminal")
        try:
            process.pidfd_signal(pidfd, 0)
        except ProcessLookupError:
            pass  # it has ended, and init has reaped it
        except OSError as error:
            raise ValueError(f"a descriptor for the program: {error.strerror}") from error
        self.program_pidfd = pidfd

    def watch_program(self) -> None:
        """See from now on for oneself when the program ends, should init be kept from saying so. May be repeated."""
        if self.program_pidfd >= 0 and not self.exited.done() and not self.dead.done():
            self._loop.add_reader(self.program_pidfd, self._program_ended)

    def _refuse(self, error: Exception, fds: Sequence[int]) -> None:
        """End the container of an init that has been taken over."""
        for fd in fds:
            with contextlib.suppress(OSError):
                os.close(fd)
        self._lose(f"init sent what it must not: {error}")
        self.kill()

    def _lose(self, reason: str) -> None:
        """Stop listening to init. What it has not said by now it will not say."""
        self._loop.remove_reader(self._control)
        if not self._ready.done():
            self._ready.set_exception(SetupFailed("init", 0, reason))
        if not self._started.done():
            self._started.set_exception(ContainerLost(reason))
            self._started.exception()  # it may have no waiter

    def _program_ended(self) -> None:
        """The program's first process has ended. Init will say so, unless it is kept from running."""
        self._loop.remove_reader(self.program_pidfd)
        self.ended_ns = time.monotonic_ns()
        self._overdue = self._loop.call_later(_PATIENCE_S, self._end_rest)

    def _end_rest(self) -> None:
        """End what keeps init from ending it, again and again until it has."""
        if not self.empty.done() and not self.dead.done():
            if not self.end_program():
                self.kill()
                return
            self._overdue = self._loop.call_later(_PATIENCE_S, self._end_rest)

    def _died(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self.hear()  # its last words, before its death is believed: both may have come in one turn of the loop
        self.dead.set_result(None)
        self.on_end()

    async def _in_time(self, future: asyncio.Future[_T]) -> _T:
        """Wait for what init has to say, for as long as it can take on any machine; then it is TimeoutError."""
        timer = self._loop.call_later(_SET_UP_S, _give_up, future)
        try:
            return await future
        finally:
            timer.cancel()

    def _let_go(self) -> None:
        """Close all descriptors but those by which its end is seen and its memory read."""
        self._loop.remove_reader(self._control)
        self._control.close()
        if self._overdue is not None:
            self._overdue.cancel()
        if self.program_pidfd >= 0:
            self._loop.remove_reader(self.program_pidfd)
        for fd in (self.listener_fd, self.program_pidfd):
            if fd >= 0:
                os.close(fd)
        self.listener_fd = self.program_pidfd = -1
        if workspace.takes_a_while_to_free(self.writable_fd):  # this may be its last reference
            self._loop.run_in_executor(None, os.close, self.writable_fd)
        else:
            os.close(self.writable_fd)

    def _close(self) -> None:
        """Close these, too, once it is dead."""
        self.cgroup.close()
        os.close(self._pidfd)


def _reason(number: int, about: str) -> str:
    """Return in words why a step of init's failed, and with what."""
    reason = os.strerror(number) if 0 < number <= _MOST_ERRNO else "failed"
    return f"{reason}: {about}" if about else reason


def _give_up(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())


async def _packed(program: ProgramSpec, files: Sequence[File], init: int) -> int:
    """Return the memfd of a start; a large one is written off the event loop."""
    size = arguments.length(program) + sum(len(file.path) + len(file.content) for file in files)
    if size <= _QUICKLY_WRITTEN_BYTES:
        return start.to_memfd(program, files, init)
    return await asyncio.to_thread(start.to_memfd, program, files, init)
