"""Where a command finds its server: a flag, SANDBOXD_SERVER, or one embedded for this call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
import grpc

from sandboxd.client import SandboxClient
from sandboxd.client.client import DEFAULT_ADDRESS

EXIT_OURS = 125
_START_TIMEOUT_S = 30

server_option = click.option(
    "--server",
    metavar="ADDR",
    envvar="SANDBOXD_SERVER",
    help="HOST:PORT or unix:PATH of a server [env: SANDBOXD_SERVER].",
)


def fail(message: str) -> NoReturn:
    """End with sandboxd's own failure."""
    click.echo(f"sandboxd: {message}", err=True)
    sys.exit(EXIT_OURS)


@contextlib.contextmanager
def connect(server: str | None, *, embed: bool = False) -> Iterator[SandboxClient]:
    """Give a client; errors of the call end the process with 125 and one line."""
    with contextlib.ExitStack() as stack:
        if server is None and embed:
            server = stack.enter_context(_embedded())
        client = stack.enter_context(SandboxClient(server or DEFAULT_ADDRESS))
        try:
            yield client
        except grpc.RpcError as error:
            fail(describe(error))


def describe(error: Any) -> str:
    """Say in a line why there was no answer."""
    return f"{error.code().name}: {printable(error.details() or '')}"


def printable(text: str) -> str:
    """Escape what could move a terminal's cursor."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    """Serve on a socket in a private directory, from a thread of this process."""
    from sandboxd.app import App  # noqa: PLC0415  (the server: only where one is started)
    from sandboxd.config import load_config  # noqa: PLC0415
    from sandboxd.errors import SandboxError  # noqa: PLC0415

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    with tempfile.TemporaryDirectory(prefix="sandboxd-") as directory:
        try:
            config_file = os.environ.get("SANDBOXD_CONFIG")
            overrides: dict[str, object] = {"listen": f"unix:{directory}/socket", "metrics_listen": ""}
            config = load_config(Path(config_file) if config_file else None, os.environ, overrides)
            app = App(config)
            asyncio.run_coroutine_threadsafe(app.start(), loop).result(_START_TIMEOUT_S)
        except SandboxError as error:
            fail(f"cannot start a server for this call: {error}")
        try:
            yield app.address
        finally:
            asyncio.run_coroutine_threadsafe(app.stop(0), loop).result(_START_TIMEOUT_S)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
