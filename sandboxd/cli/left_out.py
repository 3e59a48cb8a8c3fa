"""What of a workspace is not in an image that was made of it, in words."""

from __future__ import annotations

from collections.abc import Mapping

from sandboxd.cli.connect import printable

_REASONS = {
    "special_files": "FIFOs, sockets and devices are left out",
    "privileges": "files lost setuid and setgid",
    "names": "files are left out whose names begin with .wh.",
}


def left_out(counts: Mapping[str, int]) -> list[str]:
    """Say what of a workspace is not in an image, a line for each reason."""
    return [f"{count} {_REASONS.get(reason, printable(reason))}" for reason, count in sorted(counts.items())]
