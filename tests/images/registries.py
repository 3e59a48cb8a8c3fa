"""Debian's docker-registry as a child process on loopback, and a proxy that counts, and cuts connections."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_LISTENING = re.compile(r"listening on (?P<address>127\.0\.0\.1:\d+)")
_PIECE_BYTES = 1 << 16


@contextmanager
def docker_registry(
    directory: Path,
    *,
    http: Mapping[str, str] | None = None,
    auth: Mapping[str, str] | None = None,
    upstream: str = "",
) -> Iterator[str]:
    """Run a registry that keeps its files in a directory; returns its address, HOST:PORT."""
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "config.yml"
    config.write_text(_config(directory, http or {}, auth or {}, upstream))
    with subprocess.Popen(
        ["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said: list[str] = []
        try:
            address = _address(process.stderr, said)
            # It stops when nobody reads what it says.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield address
        finally:
            process.kill()


def _config(directory: Path, http: Mapping[str, str], auth: Mapping[str, str], upstream: str) -> str:
    lines = [
        "version: 0.1",
        "log: {accesslog: {disabled: true}, level: info}",
        f"storage: {{filesystem: {{rootdirectory: {directory}/files}}, delete: {{enabled: true}}}}",
        "http:",
        "  addr: 127.0.0.1:0",
        "  secret: of-no-importance",
    ]
    if http:
        lines += ["  tls:", *(f"    {key}: {value}" for key, value in http.items())]
    if auth:
        lines += ["auth:", "  htpasswd:", *(f"    {key}: {value}" for key, value in auth.items())]
    if upstream:
        lines.append(f"proxy: {{remoteurl: {upstream}}}")
    return "\n".join(lines) + "\n"


def _address(stream: Iterator[str], said: list[str]) -> str:
    for line in stream:
        said.append(line)
        if found := _LISTENING.search(line):
            return found["address"]
    raise AssertionError("docker-registry ended before it listened:\n" + "".join(said))


@dataclass
class Proxy:
    """Passes connections on to one address."""

    address: str = ""
    down_bytes: int = 0
    """To clients, of all connections."""
    up_bytes: int = 0
    cut_down_after: list[int] = field(default_factory=list)
    """Each connection takes one: so many bytes it passes down, and is closed then."""
    cut_up_after: list[int] = field(default_factory=list)
    """Likewise up."""
    requests: list[str] = field(default_factory=list)
    """First lines, such as "GET /v2/ HTTP/1.1"."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self, method: str, path: str) -> list[str]:
        return [line for line in self.requests if line.startswith(f"{method} ") and path in line]


@contextmanager
def proxy_to(target: str) -> Iterator[Proxy]:
    """Run a proxy on loopback until the block ends."""
    proxy = Proxy()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.address = f"127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=_accept, args=(proxy, listener, target), daemon=True)
        thread.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _accept(proxy: Proxy, listener: socket.socket, target: str) -> None:
    host, _, port = target.rpartition(":")
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection((host, int(port)))
        for source, sink, down in ((server, client, True), (client, server, False)):
            threading.Thread(target=_pass_on, args=(proxy, source, sink, down), daemon=True).start()


def _pass_on(proxy: Proxy, source: socket.socket, sink: socket.socket, down: bool) -> None:
    """Pass one direction of a connection on; whichever ends first ends both."""
    cuts, left = proxy.cut_down_after if down else proxy.cut_up_after, None
    with suppress(OSError):
        while data := source.recv(_PIECE_BYTES):
            with proxy._lock:
                left = cuts.pop(0) if cuts and left is None else left
                data = data if left is None else data[:left]
                left = left if left is None else left - len(data)
                if down:
                    proxy.down_bytes += len(data)
                else:
                    proxy.up_bytes += len(data)
                    proxy.requests += re.findall(r"(?m)^([A-Z]+ /v2/\S* HTTP/1\.1)\r$", data.decode("latin-1"))
            sink.sendall(data)
            if left == 0:
                break
    for end in (sink, source):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
