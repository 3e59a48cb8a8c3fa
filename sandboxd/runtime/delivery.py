"""Files of a request on their way into the workspace: the server packs them, init writes them.

Init, and not the server, so that their pages are the container's memory and count against its limit. Nothing untrusted
runs in the container then.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sandboxd.linux.files import NEW_FILE

if TYPE_CHECKING:  # init imports this
    from sandboxd.model import File

Entry = tuple[str, int, int]
"""Path below the workspace, permission bits, size in bytes."""


def describe(files: Sequence[File]) -> list[Entry]:
    """Return the entries of files whose contents follow one another."""
    return [(file.path, file.mode, len(file.content)) for file in files]


def write(contents: int, offset: int, entries: Iterable[Entry]) -> None:
    """Write files below the current directory, over what the image has there; ``contents`` has theirs from ``offset`` on."""
    for path, mode, size in entries:
        if parent := os.path.dirname(path):
            os.makedirs(parent, 0o755, exist_ok=True)
        try:
            fd = os.open(path, NEW_FILE, 0o600)
        except FileExistsError:  # of the image's workspace; a link is replaced, too
            os.unlink(path)
            fd = os.open(path, NEW_FILE, 0o600)
        try:
            end = offset + size
            while offset < end:
                offset += os.sendfile(fd, contents, offset, end - offset)
            os.fchmod(fd, mode)
        finally:
            os.close(fd)
