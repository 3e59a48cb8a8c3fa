"""A web server in the test's own process, and a registry that is one: a function answers, or breaks off, each request."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, BinaryIO

from sandboxd.images.blobs import digest_of

_DRIP_S = 0.01


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    """With its query."""
    headers: Message
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    """0 for none: the connection is closed."""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """So many bytes of the body are sent, and the connection is closed then."""
    silent: threading.Event | None = None
    """Wait for this after the headers and what ``cut`` says."""
    drip: threading.Event | None = None
    """Until this is set, send what is behind ``cut`` a byte at a time."""
    drip_head: threading.Event | None = None
    """Likewise a head that never ends, in place of all else."""
    drip_end: threading.Event | None = None
    """Likewise what is behind a body that comes in chunks: lines that mean nothing."""
    drip_size: threading.Event | None = None
    """Likewise the line that says how large the chunk is that would come next."""


Answering = Callable[[Request], Reply]


class WebServer:
    """Keeps what it was asked."""

    def __init__(self, answering: Answering, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.answering = answering
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.address}"

    def asked(self, method: str, path: str = "") -> list[Request]:
        """Return the requests of a method whose path contains something."""
        return [request for request in self.requests if request.method == method and path in request.path]

    @contextmanager
    def running(self) -> Iterator[WebServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients who have left."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _drip(out: BinaryIO, data: bytes, end: threading.Event) -> None:
    """Write a byte now and then, until nobody reads them."""
    for byte in data:
        if end.wait(_DRIP_S):
            return
        out.write(bytes([byte]))
        out.flush()


def _handler(server: WebServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, self.headers, body)
            server.requests.append(request)
            reply = server.answering(request)
            if reply.status == 0:
                self.close_connection = True
                return
            if reply.drip_head is not None:
                _drip(self.wfile, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 60_000, reply.drip_head)
                self.close_connection = True
                return
            self.send_response(reply.status)
            length = "" if reply.status < 200 or reply.status == 204 else str(len(reply.body))
            headers = ({"Content-Length": length} if length else {}) | reply.headers
            if reply.drip_end or reply.drip_size:
                headers = {"Transfer-Encoding": "chunked"}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if (end := reply.drip_end or reply.drip_size) is not None:
                chunk = f"{len(reply.body):x}\r\n".encode() + reply.body + b"\r\n"
                self.wfile.write(chunk + (b"0\r\n" if end is reply.drip_end else b"1;"))
                _drip(self.wfile, b"x: y\r\n" * 10_000 if end is reply.drip_end else b"x" * 60_000, end)
                self.close_connection = True
                return
            if self.command != "HEAD":
                self.wfile.write(reply.body[: reply.cut])
            if reply.drip is not None:
                _drip(self.wfile, reply.body[reply.cut or 0 :], reply.drip)
            if reply.silent is not None:
                reply.silent.wait()
            if reply.cut is not None:
                self.close_connection = True
                with contextlib.suppress(OSError):  # the client has ended it already
                    self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class FakeRegistry(WebServer):
    """A registry of one repository, which a test can have behave as badly as it likes by ``instead``."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._answer, tls)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.ranges = True
        self.instead: Callable[[Request], Reply | None] = lambda _: None
        """Answers, where it does not return None."""

    def _answer(self, request: Request) -> Reply:
        if (reply := self.instead(request)) is not None:
            return reply
        path = request.path.partition("?")[0]
        if path == "/v2/":
            return Reply()
        if found := re.fullmatch(r"/v2/[^?]+/(manifests|blobs)/([^/]+)", path):
            held = self.manifests if found[1] == "manifests" else self.blobs
            if request.method == "PUT":
                held[found[2]] = held[digest_of(request.body)] = request.body
                return Reply(201)
            if found[2] in held:
                return self.part(request, held[found[2]])
        return Reply(404, json.dumps({"errors": [{"code": "NAME_UNKNOWN", "message": "no"}]}).encode())

    def part(self, request: Request, data: bytes) -> Reply:
        """Answer with a blob, or the part of it that is asked for."""
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if not asked or not self.ranges:
            return Reply(200, data)
        begin = int(asked[1])
        return Reply(206, data[begin:], {"Content-Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"})


@contextmanager
def fake_registry() -> Iterator[FakeRegistry]:
    registry = FakeRegistry()
    with registry.running():
        yield registry
