"""As what blobs the layers of images go to other places, so that none is compressed twice.

- <store>/.blobs/packed/<hex>: of a layer that was built here, named by the digest of its file, once it was compressed
- ``oci-layers.json`` in an image's directory: of its lowest layers that came as blobs, one or several, in order; what is built on it has them, too

What is noted may be gone: the first kind of blob is nobody's, and is pruned.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.blobs import Blobs
from sandboxd.images.files import OCI_LAYERS
from sandboxd.images.oci.layers import Layer


def find(blobs: Blobs, digest: str) -> Layer | None:
    """Return as what the layer of this digest was compressed; None where that is not known, or gone."""
    try:
        layer = msgspec.json.decode(_note(blobs, digest).read_bytes(), type=Layer)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return layer if blobs.has(layer.digest) else None


def keep(blobs: Blobs, digest: str, layer: Layer) -> None:
    """Note as what a layer was compressed."""
    note = _note(blobs, digest)
    note.parent.mkdir(mode=0o755, exist_ok=True)
    new = note.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
    new.write_bytes(msgspec.json.encode(layer))
    new.replace(note)


def prune(blobs: Blobs) -> None:
    """Forget the blobs that are gone."""
    for note in _notes(blobs).glob("*"):
        if find(blobs, f"sha256:{note.name}") is None:
            note.unlink(missing_ok=True)


def write_came_as(place: Path, came: Sequence[Sequence[Layer]]) -> None:
    """Note in the directory of an image as what its lowest layers came."""
    (place / OCI_LAYERS).write_bytes(msgspec.json.encode(came) + b"\n")


def came_as(place: Path) -> Sequence[Sequence[Layer]]:
    """Return as what the lowest layers of the image in a directory came; InvalidConfiguration if the note is damaged."""
    path = place / OCI_LAYERS
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[list[Layer]])
    except FileNotFoundError:
        return []
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"{path}: {error}") from error


def _notes(blobs: Blobs) -> Path:
    return blobs.place / "packed"


def _note(blobs: Blobs, digest: str) -> Path:
    return _notes(blobs) / digest.removeprefix("sha256:")
