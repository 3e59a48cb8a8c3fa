"""A real server on a real channel: the whole composition, on an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxd.app import App
from sandboxd.client import SandboxClient
from sandboxd.config import load_config
from sandboxd.v1 import execution_service_pb2 as pb


class ServerThread:
    """A server of this process."""

    def __init__(self, **overrides: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.app = App(load_config(None, {}, overrides))
        self.await_(self.app.start())

    def await_(self, coroutine: Any, timeout: float = 60) -> Any:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    @property
    def service(self) -> Any:
        """The service behind the api."""
        return self.app._running.service

    @property
    def engine(self) -> Any:
        """The engine behind the service."""
        return self.app._running.engine

    def close(self) -> None:
        """Drain and stop."""
        self.await_(self.app.stop(5))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    """The server, on a Unix socket and with metrics."""
    socket = Path(tmp_path_factory.mktemp("api")) / "socket"
    server = ServerThread(listen=f"unix:{socket}", metrics_listen="127.0.0.1:0", queue=64)
    yield server
    server.close()


@pytest.fixture
def client(api: ServerThread) -> Iterator[SandboxClient]:
    """A channel to it."""
    with SandboxClient(api.app.address) as client:
        yield client


def python(code: str, **options: Any) -> pb.ExecuteRequest:
    """Return a request for a Python program."""
    return pb.ExecuteRequest(source=pb.Source(language="python", code=code.encode()), **options)


def command(*argv: str, **options: Any) -> pb.ExecuteRequest:
    """Return a request for a command."""
    return pb.ExecuteRequest(command=pb.Command(argv=argv), **options)
