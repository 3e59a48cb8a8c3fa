"""The command line as a process of its own, as users have it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sandboxd.client import SandboxClient
from tests.observe import wait_for
from tests.server import ServerProcess

SANDBOXD = (sys.executable, "-m", "sandboxd")
TIMEOUT_S = 30.0

Call = Callable[..., subprocess.CompletedProcess[bytes]]


def environment(server: str | None, **variables: str) -> dict[str, str]:
    """Return this process's environment, with the server of a test's choice and no other of sandboxd's settings.

    Users have Python's output buffered, too.
    """
    others = ("SANDBOXD_SERVER", "SANDBOXD_CONFIG", "PYTHONUNBUFFERED")
    own = {name: value for name, value in os.environ.items() if name not in others}
    return own | ({} if server is None else {"SANDBOXD_SERVER": server}) | variables


def call(
    *arguments: str | bytes,
    server: str | None = None,
    env: dict[str, str] | None = None,
    under: Sequence[str] = (),
    **options: Any,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``sandboxd`` to its end; by default its standard input is empty and its outputs are kept.

    ``under`` is a command that executes it.
    """
    if "stdin" not in options:
        options.setdefault("input", b"")
    if "stdout" not in options:
        options["stdout"] = subprocess.PIPE
    return subprocess.run(
        [*under, *SANDBOXD, *arguments],
        env=environment(server, **(env or {})),
        stderr=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=False,
        **options,
    )


@contextlib.contextmanager
def started(
    *arguments: str, server: str | None, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``sandboxd`` beside the test, with pipes; what still runs in the end is killed."""
    with subprocess.Popen(
        [*SANDBOXD, *arguments],
        env=environment(server, **(env or {})),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, list[str]]:
    """Wait for it; returns its exit status, the rest of its output, and the lines of its standard error."""
    output, errors = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, output, errors.decode().splitlines()


def with_streams(redirections: str) -> tuple[str, ...]:
    """Return what executes a command with its streams as a shell has them, such as ``>&-``: closed."""
    return ("sh", "-c", f'exec "$@" {redirections}', "sh")


def the_line(result: subprocess.CompletedProcess[bytes]) -> str:
    """Return the one line that was written to standard error."""
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def sandboxd(server: ServerProcess, tmp_path: Path) -> Call:
    """Run ``sandboxd`` against the server, from a directory of the test's."""

    def sandboxd(*arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return call(*arguments, **{"server": server.address, "cwd": tmp_path} | options)

    return sandboxd


@pytest.fixture
def start(server: ServerProcess, client: SandboxClient) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start ``sandboxd`` against the server, beside the test; in the end nothing runs there any more."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(started(*arguments, server=server.address))
    wait_for(lambda: not client.list())


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """Where a command may put files of its own; in the end there are none."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    yield directory
    assert [] == os.listdir(directory)
