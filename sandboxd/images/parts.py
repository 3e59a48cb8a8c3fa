"""What an imported image is made of: one erofs file for each of its lowest layers, and one for what is above, with what every image needs.

A layer is kept by what is in it and below it, ``<store>/.layers/<hex>/``, as long as an image has a link to its file: images that
have the same lowest layers share them, and only the first unpacks them. Two layers that come out the same are one file.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

from sandboxd.errors import InvalidConfiguration, InvalidImage
from sandboxd.images import errand, grouping, layers, packed
from sandboxd.images.blobs import Blobs
from sandboxd.images.files import EROFS_ROOT, ORIGIN
from sandboxd.images.grouping import Span
from sandboxd.images.layering import PART, Order, Part
from sandboxd.images.oci.caps import Budget, Caps
from sandboxd.images.oci.image import load
from sandboxd.images.oci.layers import Layer
from sandboxd.images.oci.placing import Omissions
from sandboxd.images.origin import read_origin
from sandboxd.images.versions import Progress, shared_layers, sync

# Part of what names a layer: raise it when the same archives would be unpacked otherwise.
_VERSION = 1
_OVER = "over"
"""Beside a layer: the names of those that it is over, a line each. Without them it is another's, and of no use."""
_MODULE = "sandboxd.images.layering"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was put into the place of an image."""

    digest: str
    omissions: Omissions


def put(
    store: Path, oci: Sequence[Layer], place: Path, work: Path, progress: Progress, caps: Caps | None = None
) -> Made:
    """Have an image's layers, made in an empty directory as far as they are not there, in its place. Only while writing.

    InvalidImage names what is wrong in which; HostUnfit where the store's file system cannot be below an overlay.
    """
    spans, places = _plan(store, oci)
    own = [tuple(oci[begin:end]) for begin, end in spans]
    known = _known(places)
    first = spans[len(known) - 1][1] if known else 0
    if known:
        progress(f"{first} of {len(oci)} layers are there already")
    rest = tuple(oci[spans[-1][1] :] if spans else oci)
    for unknown in places[len(known) :]:
        shutil.rmtree(unknown, ignore_errors=True)
    order = _order(store, work, known, (*own[len(known) :], rest), first, caps or Caps())
    errand.send(_MODULE, cast("dict[str, object]", msgspec.to_builtins(order)), progress)
    *made, last = (work / str(number) for number in range(len(order.groups)))
    for number, new in enumerate(made, len(known)):
        keep(new, places[number], places[:number])
    packed.write_came_as(
        place, [group for group, path in zip(own, places, strict=True) if (path / EROFS_ROOT).exists()]
    )
    every = [*places, last]
    return Made(digest=_link(every, place), omissions=_sum([_read(path).omissions for path in every]))


def _order(
    store: Path, work: Path, known: Sequence[Path], groups: tuple[tuple[Layer, ...], ...], first: int, caps: Caps
) -> Order:
    """Say what is to be made over layers that are there, of what they have left of the caps."""
    budget = Budget(caps)
    for part in map(_read, known):
        budget.take_bytes(part.total_bytes)
        budget.take_entry(part.entries)
    total_bytes, entries = budget.spent
    return Order(
        store=str(store),
        work=str(work),
        below=tuple(str(path / EROFS_ROOT) for path in known if (path / EROFS_ROOT).exists()),
        groups=groups,
        first=first,
        total_bytes=total_bytes,
        entries=entries,
        caps=caps,
    )


def keep(made: Path, shared: Path, below: Sequence[Path]) -> None:
    """Give a layer that was made its name, and its file up for another that is the same: not for one below it, for no overlay has one twice."""
    digest = layers.digest_in(made)
    over = [path for path in below if (path / EROFS_ROOT).exists()]
    taken = [path / EROFS_ROOT for path in over]
    (made / _OVER).write_text("".join(f"{path.name}\n" for path in over), "ascii")
    for other in shared.parent.iterdir() if digest else ():
        if layers.digest_in(other) == digest and not any(map((other / EROFS_ROOT).samefile, taken)):
            (made / EROFS_ROOT).unlink()
            os.link(other / EROFS_ROOT, made / EROFS_ROOT)
            break
    sync(made)
    made.rename(shared)


def _plan(store: Path, oci: Sequence[Layer]) -> tuple[list[Span], list[Path]]:
    """Return what layers are in which file, and where that is, or is to be."""
    chain, blobs = _chain(oci), Blobs(store)

    def place(span: Span) -> Path:
        begin, end = span
        own = chain[end] if end == begin + 1 else hashlib.sha256(f"{chain[begin]} {chain[end]}\n".encode()).hexdigest()
        return shared_layers(store) / own

    spans = grouping.spans(
        [blobs.size(layer.digest) for layer in oci],
        common=lambda: max((_common(oci, other) for other in _others(store)), default=0),
        is_known=lambda span: place(span).exists(),
    )
    return spans, list(map(place, spans))


def _chain(oci: Sequence[Layer]) -> list[str]:
    """Name each number of layers by their digests: of the blobs, too, so that one that was not looked into is not believed to have a layer."""
    digest = hashlib.sha256(b"%d\n" % _VERSION)
    names = [digest.hexdigest()]
    for layer in oci:
        digest.update(f"{layer.digest} {layer.diff_id}\n".encode())
        names.append(digest.hexdigest())
    return names


def _others(store: Path) -> Iterator[Sequence[Layer]]:
    """Yield the layers of the images from elsewhere that the store has."""
    blobs = Blobs(store)
    for file in store.glob(f"*/{ORIGIN}"):
        with contextlib.suppress(InvalidConfiguration, InvalidImage):
            if origin := read_origin(file.parent):
                yield load(blobs, origin.manifest).layers


def _common(one: Sequence[Layer], other: Sequence[Layer]) -> int:
    """Return how many of the lowest layers are the same."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _known(places: Sequence[Path]) -> Sequence[Path]:
    """Return those up to the highest that is there with all that it is over: one that is missing below it changes nothing, so no image has it."""
    return places[: max((number for number, path in enumerate(places, 1) if _is_whole(path)), default=0)]


def _is_whole(path: Path) -> bool:
    """Whether a layer is there, and what it is over: its file may be another's, too, and so be there for longer."""
    try:
        over = (path / _OVER).read_text("ascii").split()
    except FileNotFoundError:
        return False
    return all((path.parent / name / EROFS_ROOT).exists() for name in over)


def _read(path: Path) -> Part:
    try:
        return msgspec.json.decode((path / PART).read_bytes(), type=Part)
    except FileNotFoundError:
        return Part(total_bytes=0, entries=0, omissions=Omissions())


def _link(parts: Sequence[Path], place: Path) -> str:
    """Put files into an image's place, the lowest first; returns the image's digest. Some archives change nothing, and have none."""
    return layers.put_all([path for path in parts if (path / EROFS_ROOT).exists()], place)


def _sum(every: Sequence[Omissions]) -> Omissions:
    return Omissions(**{name: sum(getattr(one, name) for one in every) for name in Omissions.__slots__})
