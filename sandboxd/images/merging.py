"""Layers of commits, and one more over them, as one: by a process in a mount namespace of its own.

    python -m sandboxd.images.merging TREE OUT WORK KEPT LAYER...

makes of TREE, which lies over all layers, the tree OUT, which lies over the first KEPT of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sandboxd.images import commands
from sandboxd.images.contents import WORKSPACE
from sandboxd.images.stacked import mount_layer, stack
from sandboxd.images.subtract import subtract
from sandboxd.images.tree import is_directory


def merge(tree: Path, out: Path, work: Path, kept: int, layers: Sequence[Path]) -> None:
    """Do so in an empty directory ``work``. BuildFailed where the layers cannot be mounted."""
    commands.run_module("sandboxd.images.merging", tree, out, work, kept, *layers)


def main(arguments: Sequence[str]) -> None:
    """Do what the arguments say."""
    tree, out, work = map(Path, arguments[:3])
    kept, layers = int(arguments[3]), arguments[4:]
    places = [mount_layer(Path(layer), work / f"layer.{number}") for number, layer in enumerate(layers)]
    whole = stack([*places, tree], work / "whole")
    out.mkdir()
    out.chmod(0o755)  # whatever the umask is
    commands.run(["cp", "--archive", str(whole / WORKSPACE), str(out)])
    below = (places[0] if kept == 1 else stack(places[:kept], work / "below")) / WORKSPACE
    if is_directory(below):
        subtract(out / WORKSPACE, below)


if __name__ == "__main__":
    main(sys.argv[1:])
