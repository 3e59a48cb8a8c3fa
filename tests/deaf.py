"""A client that takes no answer: raw HTTP/2 with a window of nothing for what a server sends. gRPC's own clients take 64 KiB at least."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import defaultdict
from collections.abc import AsyncIterator

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_INITIAL_WINDOW_SIZE = 4


class DeafClient:
    """One connection. Small requests only: it does not ask how much the server takes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._next_stream = 1
        self._answered: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)

    def call(self, path: str, message: bytes) -> int:
        """Call a method with one request; returns its stream."""
        stream = self._next_stream
        self._next_stream += 2
        headers = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
        headers["content-type"] = "application/grpc"
        block = b"".join(b"\0" + _text(name) + _text(value) for name, value in headers.items())
        body = b"\0" + struct.pack(">I", len(message)) + message
        self._writer.write(_frame(_HEADERS, _END_HEADERS, stream, block) + _frame(_DATA, _END_STREAM, stream, body))
        return stream

    async def was_answered(self, stream: int) -> None:
        """Wait for the headers of an answer, which no window holds back."""
        await self._answered[stream].wait()

    async def serve(self) -> None:
        """Answer settings and pings, as any client does."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await self._reader.readexactly(9)
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
                data = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
                if kind == _HEADERS:
                    self._answered[stream].set()
                if kind in (_SETTINGS, _PING) and not flags & _ACK:
                    self._writer.write(_frame(kind, _ACK, 0, data if kind == _PING else b""))


@contextlib.asynccontextmanager
async def deaf_client(address: str) -> AsyncIterator[DeafClient]:
    """Connect to ``unix:PATH`` or ``HOST:PORT``, for the time of a block."""
    if address.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    else:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW_SIZE, 0)))
    client = DeafClient(reader, writer)
    serving = asyncio.create_task(client.serve())
    try:
        yield client
    finally:
        writer.close()
        await serving


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _text(text: str) -> bytes:
    """Return a text of less than 127 bytes as HPACK has it without compression."""
    return bytes([len(text)]) + text.encode()
