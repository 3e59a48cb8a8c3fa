"""What a tool has written, against the bounds of an image: it unpacks archives of others, whose headers nobody else has read."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from pathlib import Path

from sandboxd.errors import BuildFailed, InvalidImage
from sandboxd.images.oci import names
from sandboxd.images.oci.caps import Budget, Caps

EVERY_S = 1.0
_SHARE = 20
_OWN_ENTRIES = 1000  # of the tool, for itself


def check_tree(root: Path, caps: Caps, what: str) -> None:
    """Raise BuildFailed, which says ``what`` it is about, where what is below a directory is beyond the bounds."""
    budget, top = Budget(caps), os.fsencode(root)
    try:
        for directory, directories, files, descriptor in os.fwalk(top):
            for name in (*directories, *files):
                names.clean(os.path.join(directory, name)[len(top) :], caps, "file")
                budget.take_entry()
            for name in files:
                with contextlib.suppress(FileNotFoundError):  # the tool is at work
                    budget.take_bytes(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_size)
    except InvalidImage as error:
        raise BuildFailed(f"{what}: {error}".removesuffix(" once decompressed")) from error


class Watch:
    """Looks at a directory while a tool fills it, for no more than a twentieth of the time. Call it time and again."""

    def __init__(self, root: Path, caps: Caps, what: str) -> None:
        """The tool may have all of it twice, packed and unpacked: ``check_tree`` is for what comes of it."""
        self._root, self._what = root, f"{what}, packed and unpacked"
        self._caps = dataclasses.replace(
            caps,
            total_bytes=2 * caps.total_bytes,
            entries=2 * caps.entries + _OWN_ENTRIES,
            path_bytes=2 * caps.path_bytes,
        )
        self._not_before = 0.0

    def __call__(self) -> None:
        """BuildFailed where it is beyond the bounds."""
        began = time.monotonic()
        if began >= self._not_before:
            check_tree(self._root, self._caps, self._what)
            now = time.monotonic()
            self._not_before = now + _SHARE * (now - began)
