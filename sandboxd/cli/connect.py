"""From a command to its server: a channel to the one that is named, or to one that is started for this call."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click
import grpc

from sandboxd.cli.exit import EXIT_OURS, EXIT_SIGNAL
from sandboxd.cli.server import Server
from sandboxd.client import SandboxClient
from sandboxd.client.client import DEFAULT_ADDRESS

if TYPE_CHECKING:
    from sandboxd.app import App

_START_TIMEOUT_S = 30


def fail(message: str) -> NoReturn:
    """End with sandboxd's own failure."""
    click.echo(f"sandboxd: {printable(message)}", err=True)
    sys.exit(EXIT_OURS)


@contextlib.contextmanager
def connect(server: Server, *, embed: bool = False) -> Iterator[SandboxClient]:
    """Give a client; errors of the call end the process with 125 and one line, signals with 128 and their number.

    Whatever ends it, what was begun is undone: terminal, server, directory.
    """
    unwind_on_signals()
    try:
        with contextlib.ExitStack() as stack:
            if server.address is None and embed:
                client = SandboxClient(stack.enter_context(_embedded()))
            else:
                client = SandboxClient(server.address or DEFAULT_ADDRESS, credentials=server.credentials())
            yield stack.enter_context(client)
    except (grpc.RpcError, click.UsageError) as error:
        fail(describe(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_SIGNAL + signal.SIGINT)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.exit(EXIT_SIGNAL + signal.SIGPIPE)


def unwind_on_signals() -> None:
    """Let a signal that ends this process end it as an exception does: what was begun is undone."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup(1) has it ignored
            signal.signal(number, _unwind)


def describe(error: Any) -> str:
    """Say in a line why there was no answer."""
    if isinstance(error, click.UsageError):
        return error.format_message()
    return f"{error.code().name}: {error.details() or ''}"


def printable(text: str) -> str:
    """Escape what could move a terminal's cursor."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _unwind(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    sys.exit(EXIT_SIGNAL + number)


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    """Serve on a socket in a private directory."""
    from sandboxd.app import App, become_root  # noqa: PLC0415  (the server: only where one is started)
    from sandboxd.config import load_config  # noqa: PLC0415
    from sandboxd.errors import SandboxError  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="sandboxd-") as directory:
        try:
            config_file = os.environ.get("SANDBOXD_CONFIG")
            config = load_config(Path(config_file) if config_file else None, os.environ, {})
            become_root()
            with _running(App(config.private(f"{directory}/socket", pool_max=0))) as address:
                yield address
        except SandboxError as error:
            fail(f"cannot start a server for this call: {error}")


@contextlib.contextmanager
def _running(app: App) -> Iterator[str]:
    """Run a server from a thread of this process."""
    made: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
    started: concurrent.futures.Future[None] = concurrent.futures.Future()
    thread = threading.Thread(target=_loop, args=(app, made, started), daemon=True)
    thread.start()
    try:
        started.result(_START_TIMEOUT_S)
        yield app.address
    finally:
        concurrent.futures.wait([started], _START_TIMEOUT_S)  # what is half started cannot be stopped
        loop = made.result()
        asyncio.run_coroutine_threadsafe(app.stop(0), loop).result(_START_TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _loop(
    app: App,
    made: concurrent.futures.Future[asyncio.AbstractEventLoop],
    started: concurrent.futures.Future[None],
) -> None:
    """Start a server and run its event loop; both begin here, where no signal can interrupt them half made."""
    loop = asyncio.new_event_loop()
    starting = loop.create_task(app.start())
    starting.add_done_callback(lambda _: _pass_on(starting, started))
    made.set_result(loop)
    loop.run_forever()
    loop.close()


def _pass_on(starting: asyncio.Task[None], started: concurrent.futures.Future[None]) -> None:
    if error := starting.exception():
        started.set_exception(error)
    else:
        started.set_result(None)
