"""Blobs on their way, for people: a bar on a terminal, a line for each that is done elsewhere."""

from __future__ import annotations

import sys

import click

from sandboxd.v1 import image_service_pb2 as pb

_WIDTH = 30
_MIB = 1 << 20
_DIGITS = len("sha256:") + 12


class Progress:
    """Of one transfer. Everything goes to standard error."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar = sys.stderr.isatty() and not quiet
        self._done: dict[str, tuple[int, int]] = {}
        self._shown = False

    def say(self, line: str) -> None:
        """Print a line, below which the bar goes on."""
        if not self._quiet:
            self._clear()
            click.echo(line, err=True)

    def update(self, transfer: pb.Transfer) -> None:
        """Take note of how far a blob is."""
        before = self._done.get(transfer.digest)
        self._done[transfer.digest] = (transfer.done_bytes, transfer.size_bytes)
        if self._bar:
            self._draw()
        elif transfer.done_bytes == transfer.size_bytes and before != self._done[transfer.digest]:
            self.say(f"{transfer.digest[:_DIGITS]}: {transfer.size_bytes / _MIB:.1f} MiB")

    def close(self) -> None:
        """Take the bar away."""
        self._clear()

    def _draw(self) -> None:
        done, size = (sum(part) for part in zip(*self._done.values(), strict=True))
        filled = _WIDTH * done // max(1, size)
        bar = "#" * filled + "-" * (_WIDTH - filled)
        click.echo(f"\r[{bar}] {done / _MIB:.1f} of {size / _MIB:.1f} MiB", nl=False, err=True)
        self._shown = True

    def _clear(self) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._shown = False
