"""Layers onto a tree: verified first, then what they take away, then what they bring.

A layer is read twice. The first time nothing is written: its digests and every name are checked, and its whiteouts found,
which hide only what layers below have, wherever in the archive they are. So a hostile layer changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import Blobs
from sandboxd.images.oci import names
from sandboxd.images.oci.caps import Budget, Caps
from sandboxd.images.oci.names import Whiteout
from sandboxd.images.oci.placing import Omissions, Placer
from sandboxd.images.oci.streams import MAGIC_BYTES, HashingReader, compression_of, decompressed
from sandboxd.images.oci.tarstream import TarReader
from sandboxd.linux import user_namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer by its digests."""

    digest: str
    """Of the blob, compressed as it is."""
    diff_id: str
    """Of the archive in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What reading a layer has found."""

    digest: str
    diff_id: str
    whiteouts: Sequence[Whiteout]
    has_end: bool
    """Whether the archive has the mark of its end."""


def flatten(blobs: Blobs, layers: Sequence[Layer], root: Path, caps: Caps | None = None) -> Omissions:
    """Put layers, lowest first, into an empty directory. InvalidImage names the layer and what is wrong in it."""
    budget = Budget(caps or Caps())
    with closing(Placer(root, budget, keep_owners=user_namespace.has_several_ids())) as placer:
        for number, layer in enumerate(layers, 1):
            with naming(number, len(layers)):
                apply(blobs, layer, placer, budget)
        return placer.omissions


@contextmanager
def naming(number: int, count: int) -> Iterator[None]:
    """Say of which layer it is that an image is refused."""
    try:
        yield
    except InvalidImage as error:
        raise InvalidImage(f"layer {number} of {count}: {error}") from error


def scan(file: BinaryIO, budget: Budget) -> Scan:
    """Read a layer to its end and write nothing. InvalidImage where it is damaged or hostile."""
    compression = compression_of(file.read(MAGIC_BYTES))
    if file.seek(0, os.SEEK_END) > budget.caps.total_bytes:
        raise InvalidImage(f"more than {budget.caps.total_bytes} bytes, compressed as it is")
    file.seek(0)
    # Each once: to empty a directory of an overlay that is empty takes as long as it was large.
    outer, whiteouts, left_bytes = HashingReader(file), dict[Whiteout, None](), budget.caps.whiteout_bytes
    with decompressed(outer, compression) as plain:
        inner = HashingReader(plain, budget.take_bytes)
        reader = TarReader(inner, most_header_bytes=budget.caps.header_bytes)
        for entry in reader:
            budget.take_entry()
            path = names.clean(entry.name, budget.caps)
            if names.is_bookkeeping(path):
                continue
            names.check_above(path)
            whiteout = names.whiteout(path)
            if whiteout is not None and whiteout not in whiteouts:
                left_bytes -= len(whiteout.path)
                if left_bytes < 0:
                    raise InvalidImage(f"whiteouts of paths of more than {budget.caps.whiteout_bytes} bytes")
                whiteouts[whiteout] = None
        inner.drain()
    outer.drain()
    return Scan(digest=outer.digest, diff_id=inner.digest, whiteouts=tuple(whiteouts), has_end=reader.has_end)


def apply(blobs: Blobs, layer: Layer, placer: Placer, budget: Budget) -> None:
    """Put a layer over what is in a tree, once it has its digests and no name in it is refused."""
    with blobs.open(layer.digest) as file:
        found = scan(file, budget)
        for what, said, has in (("digest", layer.digest, found.digest), ("diff_id", layer.diff_id, found.diff_id)):
            if said != has:
                raise InvalidImage(f"its {what} is {has}, where {said} was said")
        for whiteout in found.whiteouts:
            placer.take_away(whiteout)
        file.seek(0)
        _put_entries(file, placer, budget.caps)


def _put_entries(file: BinaryIO, placer: Placer, caps: Caps) -> None:
    compression = compression_of(file.read(MAGIC_BYTES))
    file.seek(0)
    with decompressed(file, compression) as plain:
        # Wrapped for its errors; what it counts was counted.
        reader = TarReader(HashingReader(plain), most_header_bytes=caps.header_bytes)
        for entry in reader:
            path = names.clean(entry.name, caps)
            if not names.is_bookkeeping(path) and names.whiteout(path) is None:
                placer.put(path, entry, reader.chunks())
