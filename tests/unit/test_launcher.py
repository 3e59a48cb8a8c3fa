"""The launcher's loop and its end, without a container."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from sandboxd.runtime import wire
from sandboxd.runtime.launcher import Launcher

MORE_THAN_A_SOCKET_HOLDS = 10_000
BEYOND_SELECT = 1024  # descriptors that select(2) cannot wait for begin here (FD_SETSIZE)


@pytest.fixture
def high_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A pair of sockets, of which the first has a number such as a launcher of some hundred containers gives."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    low, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    high = socket.socket(fileno=fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, BEYOND_SELECT))
    with low, other, high:
        yield high, other
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def waiting(server, *, joining=(), unremoved=(), tidy=True):
    """Return a launcher that has only what it waits by."""
    launcher = Launcher.__new__(Launcher)
    launcher._server = server
    launcher._joining = [SimpleNamespace(sync=sync) for sync in joining]
    launcher._unremoved = list(unremoved)
    launcher._tidy = tidy
    return launcher


@pytest.mark.parametrize("ends", [False, True], ids=["it speaks", "it ends"])
def test_who_joins_is_heard_whatever_its_number(high_pair, ends):
    high, other = high_pair
    launcher = waiting(other, joining=[high])
    if ends:
        other.shutdown(socket.SHUT_WR)
    else:
        other.send(b"here")

    assert [high] == launcher._wait()


@pytest.mark.parametrize("left", [{"unremoved": ["a group"]}, {"tidy": False}], ids=["a group", "a network"])
def test_nobody_is_waited_for_long_while_there_is_something_to_clear_up(high_pair, left):
    high, other = high_pair
    launcher = waiting(high, **left)

    assert [] == launcher._wait()
    other.send(b"create")
    assert [high] == launcher._wait()


LEFT = """
import ctypes, subprocess
from types import SimpleNamespace
from sandboxd.runtime import wire
from sandboxd.runtime.launcher import Launcher

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, as process 1 is
subprocess.Popen(["sh", "-c", "sleep 60 & echo; exec sleep 60"], stdout=subprocess.PIPE).stdout.readline()
launcher = Launcher.__new__(Launcher)
launcher._containers, launcher._unremoved, launcher._zygote = {}, [], SimpleNamespace(close=lambda: None)
launcher._hierarchy = SimpleNamespace(remove_all=lambda: None)
launcher.close()
"""


def test_its_end_waits_for_nobody_that_it_does_not_know():
    """Such as what a template had moved into the group of a container, and left."""
    ended = subprocess.run([sys.executable, "-c", LEFT], timeout=30, check=False)

    assert 0 == ended.returncode


def test_a_template_that_takes_no_messages_keeps_nobody_waiting():
    """It is an image's, and all containers wait for the one launcher."""
    (forks, _theirs), (ours, server) = (socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2))
    launcher = waiting(ours)
    answers = []
    while len(answers) < MORE_THAN_A_SOCKET_HOLDS and (not answers or answers[-1]["type"] == "joined"):
        program, for_init = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        made = SimpleNamespace(pid=os.getpid(), owner=0, program=program, sync=None, joiner=-1)
        launcher._containers = {"container": made, "template": SimpleNamespace(forks=forks, owner=0)}
        launcher._join("container", "template")
        answers.append(wire.decode(server.recv(4096))[0])
        for sock in (for_init, made.sync):
            sock.close()

    assert ("failed", "join") == (answers[-1]["type"], answers[-1]["step"])
    assert answers[-1]["errno"] in (errno.EAGAIN, errno.ETOOMANYREFS)  # the latter of who is not root: unix(7)
