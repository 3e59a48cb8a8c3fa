"""A layer of an image, onto a tree that has one already."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from unittest import mock

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.oci.caps import Caps
from sandboxd.images.oci.layers import Layer, flatten
from tests.fuzz import files
from tests.unit.archives import archive, listing

_BLOCK, _CHECKSUM = 512, slice(148, 156)
_CAPS = Caps(total_bytes=1 << 20, entries=200, header_bytes=1 << 14)
_LOWER = archive(("d/x", "file", "1"), ("l", "symlink", "/outside"), ("m", "symlink", "d"), ("f", "file", "1"))


def fuzz(data: bytes) -> None:
    """Put any archive onto a tree, or raise InvalidImage: nothing beside the tree changes, and nothing in it gives privileges.

    Tried as it is, and with every checksum put right, without which little would get far.
    """
    _check(data)
    _check(_repaired(data))


def _check(data: bytes) -> None:
    place = files.directory("layers")
    blobs, root = Blobs(place / "store"), place / "root"
    (place / "outside").mkdir(exist_ok=True)
    (place / "outside" / "host").write_text("of the host")
    root.mkdir()
    try:
        with mock.patch.object(os, "fsync"):  # it would take most of the time
            layers = [Layer(digest=blobs.add(part), diff_id=digest_of(part)) for part in (_LOWER, data)]
        with suppress(InvalidImage):
            flatten(blobs, layers, root, _CAPS)
        assert sorted(os.listdir(place)) == ["outside", "root", "store"]
        assert listing(place / "outside") == {"host": "of the host"}
        for directory, names, others in os.walk(root):
            for name in [*names, *others]:
                assert not os.lstat(os.path.join(directory, name)).st_mode & 0o6000, name
        assert "special" not in listing(root).values()
    finally:
        shutil.rmtree(root)
        blobs.prune(set)


def _repaired(data: bytes) -> bytes:
    blocks = [bytearray(data[at : at + _BLOCK]) for at in range(0, len(data), _BLOCK)]
    for block in blocks:
        if len(block) == _BLOCK and any(block):
            block[_CHECKSUM] = b" " * 8
            block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return b"".join(blocks)
