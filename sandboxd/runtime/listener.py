"""Hears of the system calls that a container's filter refuses, whoever else may hold the listener of that filter.

A notification is taken by whoever asks first, and the kernel has the others wait for the next, O_NONBLOCK or not (seccomp_notify_recv,
kernel/seccomp.c). An init that was taken over may have kept a copy and ask (a template's fork cannot, ``seccomp_identities``): so the event
loop never does. A thread waits in its place, for as long as the container lives; before Linux 6.11, once somebody did that, for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

from sandboxd.linux import seccomp
from sandboxd.linux.seccomp import Notification


class Listener:
    """Calls ``on_call`` for each refused call, and ``on_failure`` when no more can be heard of. The descriptor remains its owner's."""

    def __init__(
        self, fd: int, on_call: Callable[[Notification], None], on_failure: Callable[[Exception], None]
    ) -> None:
        self._fd = fd
        self._on_call = on_call
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._turns: SimpleQueue[bool] | None = None
        """What its thread waits for when it takes no notification: whether there is one more to take."""
        self._loop.add_reader(fd, self._ready)

    def close(self) -> None:
        """Hear of nothing any more. May be repeated."""
        if not self._closed:
            self._closed = True
            self._on_call = self._on_failure = _ignore  # a thread that waits for ever holds on to nobody
            self._loop.remove_reader(self._fd)
            if self._turns is not None:
                self._turns.put(False)

    def _ready(self) -> None:
        if seccomp.has_notification(self._fd):
            self._loop.remove_reader(self._fd)  # until it has been taken
            try:
                if self._turns is None:
                    self._turns = self._start()
            except (OSError, RuntimeError) as error:  # no descriptor, or no thread, is to be had
                self._on_failure(error)
            else:
                self._turns.put(True)
        elif seccomp.is_deserted(self._fd):
            self._loop.remove_reader(self._fd)  # it is ready for ever

    def _start(self) -> SimpleQueue[bool]:
        turns: SimpleQueue[bool] = SimpleQueue()
        fd = os.dup(self._fd)  # the number is nobody else's then, however long the thread waits
        try:
            threading.Thread(target=self._serve, args=(fd, turns), daemon=True).start()
        except RuntimeError:
            os.close(fd)
            raise
        return turns

    def _serve(self, fd: int, turns: SimpleQueue[bool]) -> None:
        """Take notifications, on a thread of its own."""
        while turns.get():
            notification = failure = None
            try:
                notification = seccomp.receive(fd)
            except OSError as error:
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(self._received, notification, failure)
        os.close(fd)

    def _received(self, notification: Notification | None, failure: OSError | None) -> None:
        if self._closed:
            return
        try:
            if failure is not None:
                raise failure
            if notification is not None:
                self._on_call(notification)
        except OSError as error:
            self._on_failure(error)
        else:
            self._ready_again()

    def _ready_again(self) -> None:
        """Have the next taken: at once where there is one, for a program may be refused a million calls."""
        assert self._turns is not None
        if not self._closed and seccomp.has_notification(self._fd):
            self._turns.put(True)
        elif not self._closed:
            self._loop.add_reader(self._fd, self._ready)


def _ignore(_what: object) -> None:
    """Do nothing."""
