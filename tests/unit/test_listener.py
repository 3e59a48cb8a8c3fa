"""Refused calls are heard of on the event loop, which waits for nobody: not for a notification that another has taken."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from sandboxd.linux import seccomp
from sandboxd.linux.procfs import count_descriptors
from sandboxd.runtime.listener import Listener
from tests.observe import wait_for
from tests.unit.filtered import NOTIFIED, Filtered


@pytest.fixture
def filtered() -> Iterator[Filtered]:
    """A thread behind a filter. In the end nothing of it is left."""
    before = count_descriptors(os.getpid()), threading.active_count()
    filtered = Filtered()
    yield filtered
    filtered.end()
    os.close(filtered.listener)
    wait_for(lambda: before == (count_descriptors(os.getpid()), threading.active_count()))


class Heard:
    """What a listener tells. It answers each call with EPERM."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.calls: list[int] = []
        self.failures: list[Exception] = []
        self.listener = Listener(fd, self._call, self.failures.append)

    def _call(self, notification: seccomp.Notification) -> None:
        self.calls.append(notification.nr)
        seccomp.refuse(self.fd, notification, errno.EPERM)

    @property
    def watched(self) -> bool:
        """Whether the loop watches the descriptor; it does not any more."""
        return asyncio.get_running_loop().remove_reader(self.fd)


@contextlib.contextmanager
def listening(fd: int) -> Iterator[Heard]:
    """Listen, and stop it in the end."""
    heard = Heard(fd)
    yield heard
    heard.listener.close()


async def test_each_call_is_heard_of_and_answered(filtered):
    with listening(filtered.listener) as heard:
        for _ in range(3):
            filtered.call()
            assert errno.EPERM == await asyncio.to_thread(filtered.answer)

    assert ([NOTIFIED] * 3, []) == (heard.calls, heard.failures)


async def test_the_loop_does_not_wait_for_what_another_has_taken(filtered, monkeypatch):
    """As if that had come between the look and the taking. The next call is heard of."""
    monkeypatch.setattr(seccomp, "has_notification", lambda _fd: True)
    with listening(filtered.listener) as heard:
        later = threading.Timer(1, filtered.call)  # after which a loop that waits would go on
        later.start()
        heard.listener._ready()
        await asyncio.sleep(0.1)
        assert later.is_alive()
        assert errno.EPERM == await asyncio.to_thread(filtered.answer)

    assert [NOTIFIED] == heard.calls
    later.join()


async def test_a_notification_that_is_gone_at_the_look_is_not_the_last(filtered, monkeypatch):
    """Another has taken it, or a signal has ended the call."""
    look, gone = seccomp.has_notification, [False]
    monkeypatch.setattr(seccomp, "has_notification", lambda fd: gone.pop() if gone else look(fd))
    with listening(filtered.listener):
        filtered.call()
        assert errno.EPERM == await asyncio.to_thread(filtered.answer)

    assert not gone


async def test_where_nobody_is_behind_the_filter_nothing_is_waited_for(filtered):
    """The descriptor is ready for ever then."""
    with listening(filtered.listener) as heard:
        filtered.end()
        await asyncio.sleep(0.1)
        assert not heard.watched

    assert ([], []) == (heard.calls, heard.failures)


async def test_what_cannot_be_received_from_is_told_once():
    ours, theirs = socket.socketpair()
    theirs.send(b"x")
    with ours, theirs, listening(ours.fileno()) as heard:
        await asyncio.to_thread(wait_for, lambda: heard.failures)
        assert not heard.watched

    assert [errno.ENOTTY] == [error.errno for error in heard.failures]


async def test_no_thread_to_be_had_is_told(filtered, monkeypatch):
    def refused(_thread):
        raise RuntimeError("can't start new thread")

    with listening(filtered.listener) as heard:
        with monkeypatch.context() as without:
            without.setattr(threading.Thread, "start", refused)
            filtered.call()
            await asyncio.sleep(0.1)
        assert not heard.watched
    os.close(filtered.listener)  # nobody is left to answer
    assert errno.ENOSYS == filtered.answer()
    filtered.listener = os.open(os.devnull, os.O_RDONLY)

    assert ["can't start new thread"] == list(map(str, heard.failures))


def test_what_a_listener_is(filtered, tmp_path):
    """Whatever a file is called."""
    name = tmp_path / "anon_inode:seccomp notify"
    name.touch()
    memfd = os.memfd_create("anon_inode:seccomp notify")
    others = [memfd, os.open(name, os.O_RDONLY), *os.pipe(), os.eventfd(1), os.pidfd_open(os.getpid())]
    found = [fd for fd in (filtered.listener, *others) if seccomp.is_listener(fd)]
    for fd in others:
        os.close(fd)

    assert [filtered.listener] == found
