"""The server's side of the launcher, with a launcher that these tests play."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket

import pytest

from sandboxd.errors import SetupFailed
from sandboxd.linux.cgroups.base import Settings
from sandboxd.runtime import wire
from sandboxd.runtime.launcher_client import LauncherClient, LauncherGone
from sandboxd.runtime.spec import ContainerSpec, IdMap

SETTINGS = Settings(memory_bytes=1 << 20, processes=2, cpu_shares=1024, cpu_set=None)


def spec(name):
    """Return a container to create."""
    return ContainerSpec(id=name, image=("x",), ids=IdMap(((0, 0, 65536),)), cgroup=SETTINGS, disk_bytes=1, inodes=1)


def sleeper():
    """Start a process whose number is all that is wanted of it."""
    return os.posix_spawn("/bin/sleep", ["sleep", "infinity"], {})


@pytest.fixture
async def pair():
    """A client, and the socket of its launcher."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = sleeper()
    client = LauncherClient(ours, pid)
    yield client, theirs
    theirs.close()
    await client.gone
    os.kill(pid, signal.SIGKILL)
    await client._reaped


async def read(sock):
    """Take one request."""
    header, _ = wire.decode(await asyncio.get_running_loop().sock_recv(sock, wire.LAUNCHER_MESSAGE_BYTES))
    return header


async def test_a_launcher_that_does_not_listen_stops_nothing_else(pair):
    """Far more requests than a socket holds: none of them blocks the loop, and all arrive in order once it reads."""
    client, theirs = pair
    theirs.setblocking(False)
    waiting = [asyncio.ensure_future(client.create(spec(str(n)), bytes(8192), theirs)) for n in range(100)]
    await asyncio.sleep(0)
    asked = [(await read(theirs))["spec"]["id"] for _ in waiting]
    for name in asked:
        reason = {"type": "failed", "id": name, "step": "clone", "errno": 11, "reason": "try again"}
        await asyncio.get_running_loop().sock_sendall(theirs, wire.encode(reason))
    failures = await asyncio.gather(*waiting, return_exceptions=True)

    assert [str(n) for n in range(100)] == asked
    assert {("clone", 11)} == {(failure.step, failure.errno) for failure in failures}
    assert all(isinstance(failure, SetupFailed) for failure in failures)


async def test_what_cannot_be_sent_fails_alone(pair):
    """A message that the launcher would have cut does not reach it, and takes no other with it."""
    client, theirs = pair
    theirs.setblocking(False)
    waiting = [
        asyncio.ensure_future(client.create(spec(str(n)), bytes(size), theirs))
        for n, size in enumerate((1, 1 << 17, 1))
    ]
    await asyncio.sleep(0)
    asked = [(await read(theirs))["spec"]["id"] for _ in range(2)]

    assert ["0", "2"] == asked
    with pytest.raises(SetupFailed) as failed:
        await waiting[1]
    assert ("ask_launcher", errno.EMSGSIZE) == (failed.value.step, failed.value.errno)
    theirs.close()
    assert [LauncherGone] * 2 == [
        type(end) for end in await asyncio.gather(waiting[0], waiting[2], return_exceptions=True)
    ]


async def test_whoever_waits_for_a_launcher_hears_of_its_end(pair):
    client, theirs = pair
    waiting = [asyncio.ensure_future(client.join(str(n), "template")) for n in range(3)]
    await asyncio.sleep(0)
    theirs.close()
    ends = await asyncio.gather(*waiting, return_exceptions=True)

    assert [LauncherGone] * 3 == [type(end) for end in ends]
    with pytest.raises(LauncherGone):
        await client.join("later", "template")
    client.destroy("what has ended with it")
