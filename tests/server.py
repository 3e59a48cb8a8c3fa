"""A server as a process of its own, started and stopped as users do."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

_COMMAND = [sys.executable, "-c", "from sandboxd.cli.main import main; main()", "serve"]
_START_S = 60.0
_STOP_S = 30.0


class ServerProcess:
    """``sandboxd serve`` on a free port."""

    def __init__(self, log: Path, *flags: str, env: dict[str, str] | None = None) -> None:
        self._log = log
        listen = () if "--listen" in flags else ("--listen", "127.0.0.1:0")
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*_COMMAND, *listen, *flags],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **(env or {})},
            )
        deadline = time.monotonic() + _START_S
        self.address = self._announced("listening on ", deadline)
        self.metrics_address = self._announced("metrics on ", deadline) if "--metrics-listen" in flags else None

    @classmethod
    @contextlib.contextmanager
    def running(cls, log: Path, *flags: str, env: dict[str, str] | None = None) -> Iterator[Self]:
        """Start one, and stop it in the end. AssertionError when it does not end well by SIGTERM."""
        server = cls(log, *flags, env=env)
        try:
            yield server
        finally:
            status = server.stop()
        assert status == 0, f"the server ended with {status}: {server.log()}"

    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text(errors="replace")

    def stop(self) -> int:
        """Send SIGTERM and wait; returns the exit status. One that hangs is killed."""
        assert self.process.stdout is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_S)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def _announced(self, prefix: str, deadline: float) -> str:
        """Read a line of its standard output, byte by byte: nothing may be buffered away."""
        assert self.process.stdout is not None
        fd, line = self.process.stdout.fileno(), b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
            byte = os.read(fd, 1) if ready else b""
            if not byte:
                self.stop()
                raise AssertionError(f"no {prefix!r} came from the server: {line!r} {self.log()}")
            line += byte
        text = line.decode().strip()
        assert text.startswith(prefix), text
        return text.removeprefix(prefix)
