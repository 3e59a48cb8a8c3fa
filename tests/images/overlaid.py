"""A plugin of pytest: ``flatten`` of a test module puts each layer into an overlay over those below it, as an image is made here.

What comes of it is mounted where the one tree would be, so this is for a mount namespace of its own.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from sandboxd.images import stacked
from sandboxd.images.blobs import Blobs
from sandboxd.images.layering import Making
from sandboxd.images.oci import layers
from sandboxd.images.oci.caps import Budget, Caps
from sandboxd.images.oci.layers import Layer
from sandboxd.images.oci.placing import Omissions
from sandboxd.linux import mounts


def flatten(blobs: Blobs, oci: Sequence[Layer], root: Path, caps: Caps | None = None) -> Omissions:
    """Do what ``layers.flatten`` does; of a layer that is refused there is what was put before."""
    work = Path(tempfile.mkdtemp())
    below: list[Path] = []
    budget, omissions = Budget(caps or Caps()), Omissions()
    try:
        for number, layer in enumerate(oci, 1):
            place = work / str(number)
            place.mkdir()
            making = Making(place, below)
            try:
                with making, closing(making.placer(budget)) as placer, layers.naming(number, len(oci)):
                    layers.apply(blobs, layer, placer, budget)
            finally:
                if file := making.packed(lambda _line: None):
                    below.append(stacked.mount_layer(file, work / f"below.{number}"))
            for field in dataclasses.fields(Omissions):
                setattr(omissions, field.name, getattr(omissions, field.name) + getattr(placer.omissions, field.name))
    finally:
        _mount(work, below, root)
    return omissions


def _mount(work: Path, below: Sequence[Path], root: Path) -> None:
    (work / "empty").mkdir(mode=0o755)
    lower = ":".join([*(path.name for path in reversed(below)), "empty"])
    before = os.getcwd()
    os.chdir(work)
    if below:
        mounts.mount(
            b"overlay", os.fsencode(root), b"overlay", mounts.MountFlag.RDONLY, f"lowerdir={lower},userxattr".encode()
        )
    os.chdir(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function):
            vars(item.module)["flatten"] = flatten
