"""How slow an answer may be: who drips is as good as silent, and would be waited for as long as it likes."""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.poolmanager import PoolManager


class TooSlow(HTTPError):
    """Less came than has to; the message says how much that is, and how long it was waited for."""


class Pace:
    """Of what comes of one body: in each stretch of time at least so many bytes."""

    def __init__(self, least_bytes: int, stretch_s: float) -> None:
        self._least_bytes, self._stretch_s = least_bytes, stretch_s
        self._waited_s, self._came = 0.0, 0

    def came(self, count: int, waited_s: float) -> None:
        """Take note of so many bytes, and how long they were waited for. TooSlow at the end of a stretch that has brought too few."""
        self._came += count
        self._waited_s += waited_s
        if self._waited_s < self._stretch_s:
            return
        if self._came < self._least_bytes:
            raise TooSlow(f"less than {self._least_bytes} bytes came in {self._stretch_s:g} s")
        self._waited_s, self._came = 0.0, 0


def bound_waits(pool: PoolManager, most_s: float) -> None:
    """Have a manager's connections wait so long for the head of an answer, and for each piece of its body, however little comes at a time.

    Beside its bytes a piece may have any number of lines that mean nothing, as those behind the last chunk.
    """

    class Answer(http.client.HTTPResponse):
        def __init__(self, connection: socket.socket, *arguments: Any, **options: Any) -> None:
            super().__init__(connection, *arguments, **options)
            self._timed = _Timed(self.fp.detach())
            self.fp = io.BufferedReader(self._timed)

        def begin(self) -> None:
            self._timed.expect("the head", most_s)
            super().begin()

        def read1(self, n: int = -1) -> bytes:
            self._timed.expect("a piece", most_s)
            return super().read1(n)

    class Plain(HTTPConnection):
        response_class = Answer

    class Encrypted(HTTPSConnection):
        response_class = Answer

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    pool.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}


class _Timed(io.RawIOBase):
    """What comes by a connection, of which each part has its time. It is looked at when something comes: silence is the connection's to end."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def expect(self, what: str, most_s: float) -> None:
        """Say what is read from now on, and how long that may take."""
        self._what, self._most_s = what, most_s
        self._end = time.monotonic() + most_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._end:
            raise TooSlow(f"{self._what} of an answer took more than {self._most_s:g} s")
        return self._raw.readinto(buffer)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()
