"""The server's side of init, with an init that these tests play: what it must not say costs it its container."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import threading

import pytest

from sandboxd.errors import ContainerLost, SetupFailed
from sandboxd.linux.cgroups.base import Counters, Settings
from sandboxd.linux.procfs import count_descriptors
from sandboxd.model import MIB, File, WindowSize
from sandboxd.runtime import container as containers
from sandboxd.runtime import start, wire
from sandboxd.runtime.container import Container, Reaped
from sandboxd.runtime.launcher_client import Created
from sandboxd.runtime.policy import default_directory, load_policies
from sandboxd.runtime.spec import ContainerSpec, IdMap, ProgramSpec
from sandboxd.runtime.supervisor import Run, Watch
from sandboxd.runtime.wire import FromInit, InitMessage
from tests.unit.filtered import listener

SETTINGS = Settings(memory_bytes=1 << 20, processes=2, cpu_shares=1024, cpu_set=None)
SPEC = ContainerSpec(id="c", image=("x",), ids=IdMap(((0, 0, 65536),)), cgroup=SETTINGS, disk_bytes=1, inodes=1)
READY, FAILED, STARTED, NOT_EXECUTABLE, EXITED, EMPTY, _BUILT = FromInit
SECONDS = 10


class Launcher:
    """A launcher that has nothing to do."""

    cgroup_version = 2

    def __init__(self):
        self.gone = asyncio.get_running_loop().create_future()

    def destroy(self, container_id):
        """Reap nobody."""


class Init:
    """Init's end of the socket, and a process that only waits to be killed in its place."""

    def __init__(self, sock, pid):
        self._sock = sock
        self._pid = pid

    def say(self, kind, *numbers, text=b"", pidfds=0):
        """Send a message with so many descriptors."""
        self.send(InitMessage(kind, *numbers, text=text).encode(), [os.pidfd_open(self._pid) for _ in range(pidfds)])

    def say_ready(self):
        """Send READY as it is meant to be."""
        self.send(InitMessage(READY).encode(), [listener()])

    def end(self):
        """Say nothing more."""
        self._sock.shutdown(socket.SHUT_RDWR)

    def send(self, data, fds=()):
        """Send bytes with descriptors, which it then lets go of."""
        wire.send(self._sock, data, fds)
        for fd in fds:
            os.close(fd)


@pytest.fixture
async def pair(tmp_path):
    """A container and its init. In the end the container is destroyed and has left no descriptor."""
    before = count_descriptors(os.getpid())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, subprocess.Popen(["sleep", "60"]) as process:  # noqa: ASYNC220  (returns once it has exec'ed)
        nowhere = os.open("/proc", os.O_DIRECTORY)  # has no blocks to be freed
        group = os.open(tmp_path, os.O_DIRECTORY)
        created = Created(os.pidfd_open(process.pid), nowhere, (group,))
        container = Container(SPEC, Launcher(), created, ours)
        yield container, Init(theirs, process.pid)
        container.kill()
        await asyncio.wait_for(container.destroy(), SECONDS)
    assert before == count_descriptors(os.getpid()), "a descriptor was left"


async def heard(container, init, state):
    """Bring init to a state as it is meant to."""
    if state in (READY, STARTED, EXITED):
        init.say_ready()
        await asyncio.wait_for(asyncio.shield(container._ready), SECONDS)
    if state in (STARTED, EXITED):
        init.say(STARTED, pidfds=1)
        await asyncio.wait_for(asyncio.shield(container._started), SECONDS)
    if state is EXITED:
        init.say(EXITED, 0)
        await asyncio.wait_for(asyncio.shield(container.exited), SECONDS)


@pytest.mark.parametrize("leaves_something", [True, False])
async def test_what_init_is_to_say(pair, leaves_something):
    """The control: all of it, in turn, and it lives."""
    container, init = pair
    await heard(container, init, STARTED)
    if leaves_something:
        init.say(EXITED, 7 << 8, 12345)
    init.say(EMPTY, 7 << 8, 12345, 1, 2, 3, -1, 5)

    assert Reaped(1, 2, 3, None) == await asyncio.wait_for(container.empty, SECONDS)
    assert (7 << 8, 12345, 5) == (container.exited.result(), container.exited_ns, container.own_cpu_us)
    assert not container.dead.done()


@pytest.mark.parametrize(
    ("state", "kind", "numbers", "pidfds"),
    [
        (None, READY, (), 0),
        (None, READY, (), 2),
        (None, FAILED, (), 1),
        (None, EXITED, (), 0),
        (None, EMPTY, (), 0),
        (READY, READY, (), 1),
        (READY, STARTED, (), 0),
        (READY, STARTED, (), 2),  # of which the second is to be a terminal
        (READY, STARTED, (), 3),
        (READY, NOT_EXECUTABLE, (), 1),
        (READY, NOT_EXECUTABLE, (-1,), 0),
        (READY, NOT_EXECUTABLE, (4096,), 0),
        (READY, EXITED, (), 0),
        (STARTED, READY, (), 1),
        (STARTED, FAILED, (), 0),
        (STARTED, STARTED, (), 1),
        (STARTED, NOT_EXECUTABLE, (), 0),
        (STARTED, EXITED, (), 1),
        (STARTED, EXITED, (-1,), 0),
        (STARTED, EXITED, (1 << 16,), 0),
        (STARTED, EMPTY, (), 1),
        (STARTED, EMPTY, (-1,), 0),
        (STARTED, EMPTY, (1 << 16,), 0),
        (STARTED, EMPTY, (0, 0, -1), 0),
        (READY, EMPTY, (), 0),
        (EXITED, EXITED, (), 0),
        (EXITED, EMPTY, (), 1),
        (EXITED, EMPTY, (0, 0, -1, 0), 0),
        (EXITED, EMPTY, (0, 0, 0, -1), 0),
    ],
)
async def test_what_is_out_of_turn_ends_the_container(pair, state, kind, numbers, pidfds):
    """So does a number that no kernel gives, and descriptors that do not belong there, which are closed."""
    container, init = pair
    await heard(container, init, state)
    init.say(kind, *numbers, pidfds=pidfds)
    await asyncio.wait_for(asyncio.shield(container.dead), SECONDS)

    assert (state is EXITED) == container.exited.done()
    assert not container.empty.done()


@pytest.mark.parametrize("data", [b"", b"\0", b"\7" + bytes(56), bytes(wire.INIT_MESSAGE_BYTES + 1)])
async def test_what_is_no_message_ends_the_container(pair, data):
    container, init = pair
    await heard(container, init, STARTED)
    init.send(data, [os.open(os.devnull, os.O_RDONLY)])

    await asyncio.wait_for(asyncio.shield(container.dead), SECONDS)


async def test_a_descriptor_that_stands_for_no_process_ends_the_container(pair):
    """A file is always ready, and so cannot be waited for."""
    container, init = pair
    await heard(container, init, READY)
    init.send(InitMessage(STARTED).encode(), [os.open(os.devnull, os.O_RDONLY)])
    await asyncio.wait_for(asyncio.shield(container.dead), SECONDS)

    with pytest.raises(ContainerLost):
        await container._started


@pytest.mark.parametrize("kind", ["a file", "a pipe", "a socket", "a pidfd"])
async def test_a_descriptor_that_is_no_listener_ends_the_container(pair, kind):
    """A file cannot be waited for, and what is always ready has the event loop turn for ever."""
    container, init = pair
    with contextlib.ExitStack() as opened:
        if kind == "a pipe":
            fd, other = os.pipe()
            opened.callback(os.close, other)
            os.write(other, b"x")
        elif kind == "a socket":
            ours, theirs = socket.socketpair()
            opened.enter_context(theirs).send(b"x")
            fd = ours.detach()
        else:
            fd = os.open(os.devnull, os.O_RDONLY) if kind == "a file" else os.pidfd_open(os.getpid())
        init.send(InitMessage(READY).encode(), [fd])
        await asyncio.wait_for(asyncio.shield(container.dead), SECONDS)

    with pytest.raises(SetupFailed, match="no seccomp listener"):
        await container._ready


@pytest.mark.parametrize("state", [None, READY])
async def test_a_step_that_failed_is_told(pair, state):
    """Of the set-up, or of what comes before the program."""
    container, init = pair
    await heard(container, init, state)
    init.say(FAILED, 22, text=b"pivot\0/\xff")

    with pytest.raises(SetupFailed, match="pivot: Invalid argument: /\ufffd") as error:
        await asyncio.wait_for(container._started if state else container._ready, SECONDS)
    assert ("pivot", 22) == (error.value.step, error.value.errno)


@pytest.mark.parametrize("state", [None, READY])
async def test_an_init_that_ends_without_a_word_is_not_waited_for(pair, state):
    container, init = pair
    await heard(container, init, state)
    init._sock.close()

    with pytest.raises(ContainerLost if state else SetupFailed, match="init ended without a word"):
        await asyncio.wait_for(container._started if state else container._ready, SECONDS)
    with contextlib.suppress(ContainerLost):
        container._started.result()


@pytest.mark.parametrize(
    ("arguments", "files", "here"),
    [
        ((), [File(path="f", content=b"x" * 1000)], True),
        ((), [File(path="f", content=b"x" * 2 * MIB)], False),
        ((), [File(path=f"{number}/{'x' * 4000}", content=b"") for number in range(500)], False),
        (["x" * 100_000] * 20, [], False),
    ],
    ids=["little", "contents", "paths", "arguments"],
)
async def test_what_is_large_is_packed_off_the_event_loop(monkeypatch, arguments, files, here):
    threads, to_memfd = [], start.to_memfd
    monkeypatch.setattr(start, "to_memfd", lambda *rest: threads.append(threading.current_thread()) or to_memfd(*rest))
    limits = {"cpu_seconds": 1, "processes": 1, "open_files": 1, "file_size_bytes": 1, "stack_bytes": 24 * MIB}

    os.close(await containers._packed(ProgramSpec(argv=("true", *arguments), env=(), tty=False, **limits), files, 999))

    assert [here] == [thread is threading.current_thread() for thread in threads]


TRUE = ProgramSpec(
    argv=("true",), env=(), tty=False, cpu_seconds=1, processes=1, open_files=1, file_size_bytes=1, stack_bytes=1
)
NOBODY = Watch(on_started=lambda _: None, on_output=lambda: None, as_it_comes=False, on_waiting=None)


@pytest.mark.parametrize("started", [False, True])
async def test_accounts_that_are_gone_are_a_container_that_is_lost(pair, started):
    """The launcher has ended, and its groups are removed: here there are none from the start."""
    container, init = pair
    policy = load_policies(default_directory())["default"]
    await heard(container, init, READY)
    container.baseline = Counters(cpu_ns=0, user_ns=0, system_ns=0, throttled_ns=0, minor_faults=0, major_faults=0)
    run = Run(container, policy.defaults, policy.seccomp, NOBODY, audit=False)
    starting = asyncio.ensure_future(run.start(TRUE, (), WindowSize()))
    if started:
        init.say(STARTED, pidfds=1)
        await starting
        init.say(EMPTY)
        waiting = run.finish()
    else:
        await asyncio.sleep(0)
        init.end()
        waiting = starting

    with pytest.raises(ContainerLost, match="its accounts cannot be read"):
        await asyncio.wait_for(waiting, SECONDS)
    await run.release()
