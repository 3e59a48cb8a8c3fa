"""Taking what the layers of an image have out of a tree, by a process in a mount namespace of its own.

    python -m sandboxd.images.stacked TREE WORK LAYER...

What is mounted, below WORK, goes with the process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sandboxd.errors import BuildFailed
from sandboxd.images import commands
from sandboxd.images.subtract import subtract

_READ_ONLY = "ro,nosuid,nodev"


def subtract_layers(tree: Path, work: Path, layers: Sequence[Path]) -> None:
    """Take what erofs files, the lowest first, have out of a tree. BuildFailed where they cannot be mounted."""
    commands.run_module("sandboxd.images.stacked", tree, work, *layers)


def main(arguments: Sequence[str]) -> None:
    """Do what the arguments say."""
    tree, work, *layers = arguments
    subtract(Path(tree), mount_layers([Path(layer) for layer in layers], Path(work)))


def mount_layers(layers: Sequence[Path], work: Path) -> Path:
    """Mount erofs files, the lowest first, one over the other, in this process's own mount namespace; returns where, below ``work``."""
    places = [mount_layer(layer, work / f"layer.{number}") for number, layer in enumerate(layers)]
    return places[0] if len(places) == 1 else stack(places, work / "below")


def mount_layer(layer: Path, place: Path) -> Path:
    """Mount an erofs file at a directory that is made, in this process's own mount namespace; before Linux 6.12 that takes a loop device."""
    place.mkdir()
    try:
        commands.run(["mount", "-t", "erofs", "-o", _READ_ONLY, str(layer), str(place)])
    except BuildFailed:
        commands.run(["mount", "-t", "erofs", "-o", f"{_READ_ONLY},loop", str(layer), str(place)])
    return place


def stack(places: Sequence[Path], place: Path) -> Path:
    """Mount directories, the lowest first, one over the other at a directory that is made, in this process's own mount namespace."""
    place.mkdir()
    lower = ":".join(map(str, reversed(places)))
    commands.run(["mount", "-t", "overlay", "-o", f"{_READ_ONLY},userxattr,lowerdir={lower}", "overlay", str(place)])
    return place


if __name__ == "__main__":
    main(sys.argv[1:])
