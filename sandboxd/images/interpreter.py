"""The Python of an image that is being made, asked what it is: in its own root, as a recipe's commands are run.

    python -m sandboxd.images.interpreter OUT WORK PYTHON ROOT...

writes its answer to OUT. ROOT is a directory, or erofs files, the lowest first; what is mounted, below WORK, goes with the process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sandboxd.images import commands, requirements
from sandboxd.images.requirements import Python
from sandboxd.images.stacked import mount_layers


def ask(python: str, root: Sequence[Path], work: Path) -> Python:
    """Ask ``python``, a path in the root; works in an empty directory. BuildFailed where it does not run, or says nothing that makes sense."""
    out, mounted = work / "answer", work / "mounted"
    mounted.mkdir()
    commands.run_module("sandboxd.images.interpreter", out, mounted, python, *root)
    return requirements.answer(out.read_bytes())


def main(arguments: Sequence[str]) -> None:
    """Do what the arguments say."""
    out, work, python, *root = arguments
    paths = [Path(part) for part in root]
    place = paths[0] if paths[0].is_dir() else mount_layers(paths, Path(work))
    Path(out).write_bytes(commands.run_inside(str(place), [python, "-I", "-c", requirements.PROBE]))


if __name__ == "__main__":
    main(sys.argv[1:])
