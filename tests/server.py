"""A server as a process of its own, started and stopped as users do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.slowness import SLOWNESS

_STOP_S = 30.0 * SLOWNESS


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """``sandboxd serve``, ready to answer."""

    process: subprocess.Popen[bytes]
    address: str
    metrics_address: str | None
    log_path: Path

    @property
    def pid(self) -> int:
        """The server's process."""
        return self.process.pid

    def log(self) -> str:
        """Return what it has logged."""
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end and wait; returns the exit status. One that hangs is killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_S)
        finally:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def serving(*flags: str, env: dict[str, str] | None = None, under: Sequence[str] = ()) -> Iterator[ServerProcess]:
    """Run a server, by default on a free port of loopback. One that still runs in the end must stop well.

    ``under`` is a command that executes it.
    """
    listen = () if "--listen" in flags else ("--listen", "127.0.0.1:0")
    with (
        tempfile.NamedTemporaryFile(prefix="sandboxd-log-") as log,
        subprocess.Popen(
            [*under, sys.executable, "-m", "sandboxd", "serve", *listen, *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **(env or {})},
        ) as process,
    ):
        try:
            addresses = _announced(process, Path(log.name), metrics="--metrics-listen" in flags)
            server = ServerProcess(process, *addresses, Path(log.name))
            yield server
        except BaseException:
            process.kill()
            raise
        if process.poll() is None:
            status = server.stop()
            assert status == 0, f"the server ended with {status}: {server.log()}"


def _announced(process: subprocess.Popen[bytes], log: Path, *, metrics: bool) -> tuple[str, str | None]:
    """Read where it listens; it says so when it is ready, or ends."""
    assert process.stdout is not None
    lines = [process.stdout.readline().decode().strip() for _ in range(2 if metrics else 1)]
    for line, prefix in zip(lines, ("listening on ", "metrics on "), strict=False):
        assert line.startswith(prefix), f"no {prefix!r} came from the server: {line!r} {log.read_text()}"
    return lines[0].split()[-1], lines[1].split()[-1] if metrics else None
