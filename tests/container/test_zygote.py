"""What all others are cloned from, and what a clone makes of its script: without a launcher."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sandboxd.linux.process import Namespace
from sandboxd.linux.script import Script
from sandboxd.runtime import wire
from sandboxd.runtime.zygote import PROGRAM, Zygote
from tests.observe import wait_for

NOBODY = 65534
ORDERS = struct.Struct("<5I")
DONE = b": error 0000"


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    zygote = Zygote(str(PROGRAM))
    yield zygote
    os.kill(zygote.pid, signal.SIGKILL)
    os.waitpid(zygote.pid, 0)


class Saying:
    """A script whose clone says in words what has failed."""

    def __init__(self) -> None:
        self.script = Script(ORDERS.size)
        self._words = self.script.descriptor()

    def said(self, zygote: Zygote, most: int | None = None, more: Sequence[int] = ()) -> bytes:
        """Return what a clone says that does it, which may have so many descriptors at most."""
        clone = zygote.order(Namespace.UTS)
        clone.arrive()
        reading, writing = os.pipe()
        if most is not None:
            resource.prlimit(clone.pid, resource.RLIMIT_NOFILE, (most, most))
        with contextlib.closing(clone), os.fdopen(reading, "rb") as said:
            wire.send(clone.socket, self.script.finish(ORDERS.pack(0, 0, 0, 0, self._words.offset)), [writing, *more])
            os.close(writing)
            words = said.read()
        os.waitpid(clone.pid, 0)
        return words


ACTING = """
from sandboxd.linux import credentials, process
with credentials.acting_as(65534):
    print(process.prctl(3, 0, 0, 0, 0))  # PR_GET_DUMPABLE
"""


@pytest.mark.usefixtures("setuid_programs_are_dumpable")
def test_who_acts_as_another_is_not_dumpable():
    assert b"0\n" == subprocess.run([sys.executable, "-c", ACTING], stdout=subprocess.PIPE, check=True).stdout


def ids_of(pid: int) -> list[int]:
    """Return the real, effective, saved and file system's user of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next([int(word) for word in line.split()[1:]] for line in lines if line.startswith("Uid:"))


def test_it_is_itself_again(zygote):
    """However its last clone was made: the next is not made by the owner of that one, or in its network."""
    namespaces = [Path(f"/proc/{zygote.pid}/ns/{kind}") for kind in ("user", "pid", "mnt", "net", "ipc", "uts")]
    before = [path.readlink() for path in namespaces]
    with subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE) as other:
        theirs = Path(f"/proc/{other.pid}/ns/net")
        wait_for(lambda: theirs.readlink() not in before)
        network = os.open(theirs, os.O_RDONLY | os.O_CLOEXEC)
        clone = zygote.order(Namespace.USER | Namespace.PID, owner=NOBODY, network_fd=network)
        with contextlib.closing(clone):
            clone.arrive()
            assert theirs.readlink() == Path(f"/proc/{clone.pid}/ns/net").readlink()
        os.waitpid(clone.pid, 0)
        os.close(network)
        other.stdin.close()

    assert before == [path.readlink() for path in namespaces]
    assert [0] * 4 == ids_of(zygote.pid)


@pytest.mark.parametrize(("most", "words"), [(4, DONE), (2, b"")], ids=["all", "not all"])
def test_nothing_is_done_without_all_descriptors(zygote, most, words):
    saying = Saying()
    saying.script.descriptor()

    assert words == saying.said(zygote, most, [0])
