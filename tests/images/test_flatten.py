"""Layers in erofs files as one directory is what the kernel shows of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from sandboxd.images import pack
from sandboxd.images.flatten import flatten
from sandboxd.images.subtract import subtract
from sandboxd.images.tree import Tree
from tests.unit.test_images_flatten import make, with_modes


def test_layers_become_one_directory(tmp_path: Path) -> None:
    states = (
        {"kept": "0", "changed": "0", "gone": "0", "d": {"gone": "0", "kept": "0"}, "l": None},
        {"kept": "0", "changed": "1", "d": {"kept": "0", "new": "1"}, "l": {"now": "a directory"}},
        {"kept": "0", "changed": "1", "gone": "back", "d": "now a file", "l": {"now": "a directory"}},
    )
    whole = [make(tmp_path / f"state{number}", **state) for number, state in enumerate(states)]
    files = []
    for number, tree in enumerate(whole):
        layer = shutil.copytree(tree, tmp_path / f"layer{number}", symlinks=True)
        if number:
            subtract(layer, whole[number - 1])
        place = tmp_path / f"place{number}"
        place.mkdir()
        pack.pack_erofs(Tree(layer), place)
        files.append(place / "root.erofs")

    flatten(files, tmp_path / "root", tmp_path, keep_owners=True)

    assert with_modes(whole[-1]) == with_modes(tmp_path / "root")
