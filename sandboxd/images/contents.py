"""What an image has in its workspace: names, kinds and sizes, by a process in a mount namespace of its own where its layers must be mounted.

    python -m sandboxd.images.contents WORK OUT LAYER...

writes it to OUT, as JSON.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandboxd.errors import BuildFailed
from sandboxd.images import commands
from sandboxd.images.stacked import mount_layers
from sandboxd.images.store import Image
from sandboxd.images.versions import outside_work_directory

WORKSPACE = "workspace"
_MOST_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Known:
    """One path in an image's workspace."""

    mode: int
    """Its kind and permissions, as stat(2) has them."""
    size_bytes: int


def list_workspace(image: Image, store: Path) -> Mapping[str, Known]:
    """Return what an image has in its workspace, by the path below that. BuildFailed where it cannot be mounted, or is too much."""
    if not image.is_erofs:
        return {path: Known(*of) for path, *of in _walk(image.layers[-1] / WORKSPACE)}
    with outside_work_directory(store) as work:
        out = work / "contents"
        commands.run_module("sandboxd.images.contents", work, out, *image.layers)
        return {path: Known(*of) for path, *of in json.loads(out.read_bytes())}


def _walk(workspace: Path) -> Iterator[tuple[str, int, int]]:
    if workspace.is_symlink():
        return
    number = 0
    for directory, directories, files in os.walk(workspace):
        for name in (*directories, *files):
            number += 1
            if number > _MOST_ENTRIES:
                raise BuildFailed(f"the image has more than {_MOST_ENTRIES} files in its workspace")
            status = os.lstat(os.path.join(directory, name))
            path = os.path.relpath(os.path.join(directory, name), workspace)
            yield path, status.st_mode, status.st_size if stat.S_ISREG(status.st_mode) else 0


def hidden(hiding: Sequence[str], known: Mapping[str, Known], mode_of: Callable[[str], int | None]) -> Iterator[str]:
    """Yield which of an image's paths are not seen any more because directories that have taken the place of its hide them.

    ``mode_of`` says what there is now. Of a directory that is not there, what was in it is not yielded.
    """
    children: dict[str, list[str]] = {}
    for path in known:
        children.setdefault(os.path.dirname(path), []).append(path)
    left = list(hiding)
    while left:
        for path in children.get(left.pop(), ()):
            mode = mode_of(path)
            if mode is None:
                yield path
            elif stat.S_ISDIR(mode):
                left.append(path)


def main(arguments: Sequence[str]) -> None:
    """Mount the layers, and write what is there. Names that are not UTF-8 become lone surrogates, which JSON can carry."""
    work, out, *layers = map(Path, arguments)
    out.write_text(json.dumps(list(_walk(mount_layers(layers, work) / WORKSPACE))), "ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
