"""A server as a process of its own, started and stopped as users do: for the demo, for attacks, for tests."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_START_S = 60.0
_STOP_S = 30.0


class ServerFailed(Exception):
    """A server did not start, or did not end in order. The message has its log."""


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """``sandboxd serve``, ready to answer."""

    process: subprocess.Popen[bytes]
    address: str
    metrics_address: str | None
    log_path: Path
    patience: float

    @property
    def pid(self) -> int:
        """The server's process."""
        return self.process.pid

    def children(self) -> list[int]:
        """Return the processes that it has started and that live: its launcher."""
        return [int(child) for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def log(self) -> str:
        """Return what it has logged."""
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end and wait; returns the exit status. One that hangs is killed: TimeoutExpired."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_S * self.patience)
        finally:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def serving(
    *flags: str, env: Mapping[str, str] | None = None, under: Sequence[str] = (), patience: float = 1.0
) -> Iterator[ServerProcess]:
    """Run a server, by default on a free port of loopback. ServerFailed when it does not start, or ends badly.

    ``under`` is a command that executes it; ``patience`` multiplies how long it may take.
    """
    listen = () if "--listen" in flags else ("--listen", "127.0.0.1:0")
    with (
        tempfile.NamedTemporaryFile(prefix="sandboxd-log-") as log,
        subprocess.Popen(
            [*under, sys.executable, "-P", "-m", "sandboxd", "serve", *listen, *flags],  # no module of this directory
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,  # what select(2) does not see must not be in a buffer
            env={**os.environ, **(env or {})},
        ) as process,
    ):
        try:
            addresses = _announced(process, Path(log.name), _START_S * patience, metrics="--metrics-listen" in flags)
            server = ServerProcess(process, *addresses, Path(log.name), patience)
            yield server
        except BaseException:
            process.kill()
            raise
        if process.poll() is None and (status := server.stop()) != 0:
            raise ServerFailed(f"the server ended with status {status}:\n{server.log()}")


def _announced(
    process: subprocess.Popen[bytes], log: Path, timeout_s: float, *, metrics: bool
) -> tuple[str, str | None]:
    """Read where it listens; it says so when it is ready, or ends."""
    assert process.stdout is not None
    addresses = []
    for prefix in ("listening on ", *(("metrics on ",) if metrics else ())):
        ready, _, _ = select.select([process.stdout], [], [], timeout_s)
        line = process.stdout.readline().decode().strip() if ready else ""
        if not line.startswith(prefix):
            raise ServerFailed(f"the server did not start:\n{log.read_text(errors='replace')}")
        addresses.append(line.removeprefix(prefix))
    return addresses[0], addresses[1] if metrics else None
