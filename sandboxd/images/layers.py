"""The layers below an image's own, in its directory: hard links to the files of the images that it builds on.

So a layer is on disk once, its links are counted by the file system, and no image has to be there for another's sake.
The file ``layers`` has the digests of all, a line each, the lowest first, and its own digest is the image's. An image of one
layer has no such file: its digest is the layer's.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from sandboxd.errors import BuildFailed
from sandboxd.images.files import BELOW, DIGEST, EROFS_ROOT, LAYERS, OCI_LAYERS
from sandboxd.model import MOST_LAYERS


def below(place: Path) -> Sequence[Path]:
    """Return the layers below the own one of the image in a directory, the lowest first."""
    files = (place / BELOW / f"{number}.erofs" for number in itertools.count())
    return list(itertools.takewhile(Path.is_file, files))


def put_below(image: Path, place: Path) -> None:
    """Have all layers of the image in one directory below that in another, which has none yet."""
    if len(below(image)) + 2 > MOST_LAYERS:
        raise BuildFailed(f"an image has at most {MOST_LAYERS} layers, and the one to build on has as many")
    share(image, place)
    if (image / OCI_LAYERS).exists():
        shutil.copyfile(image / OCI_LAYERS, place / OCI_LAYERS)
    (place / BELOW).mkdir(exist_ok=True)
    os.link(image / EROFS_ROOT, place / BELOW / f"{len(below(place))}.erofs")
    if not (place / LAYERS).exists():
        shutil.copyfile(image / DIGEST, place / LAYERS)


def put_first_below(image: Path, place: Path, number: int) -> None:
    """Have so many layers of the image in one directory, from the lowest on, below that in another, which has none yet."""
    if number < 1:
        raise ValueError(f"{number} layers below")
    listed = image / LAYERS if (image / LAYERS).exists() else image / DIGEST
    (place / BELOW).mkdir()
    for index, layer in enumerate([*below(image), image / EROFS_ROOT][:number]):
        os.link(layer, place / BELOW / f"{index}.erofs")
    digests = listed.read_text("ascii").split()[:number]
    (place / LAYERS).write_text("".join(f"{digest}\n" for digest in digests), "ascii")


def put_all(parts: Sequence[Path], place: Path) -> str:
    """Have the files of directories as an image's layers, the lowest first, the last as its own; returns the image's digest."""
    *lower, own = parts
    if lower:
        (place / BELOW).mkdir()
        (place / LAYERS).write_text("".join(f"{digest_in(part)}\n" for part in lower), "ascii")
    for number, part in enumerate(lower):
        os.link(part / EROFS_ROOT, place / BELOW / f"{number}.erofs")
    os.link(own / EROFS_ROOT, place / EROFS_ROOT)
    return add(place, digest_in(own))


def link_own(layer: Path, place: Path) -> None:
    """Have a file as an image's own layer: a copy where it is one of those below, for no overlay has one twice."""
    put = shutil.copyfile if any(map(layer.samefile, below(place))) else os.link
    put(layer, place / EROFS_ROOT)


def digest_in(place: Path) -> str:
    """Return the digest in a directory, of its layer or image; empty where there is none."""
    try:
        return (place / DIGEST).read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def digests(place: Path) -> Sequence[str]:
    """Return the digests of all layers of the image in a directory, the lowest first."""
    file = place / LAYERS
    return file.read_text("ascii").split() if file.exists() else [digest_in(place)]


def share(image: Path, place: Path) -> None:
    """Have what is below the image in one directory below that in another, too."""
    if layers := below(image):
        (place / BELOW).mkdir()
        for layer in layers:
            os.link(layer, place / BELOW / layer.name)
        shutil.copyfile(image / LAYERS, place / LAYERS)


def add(place: Path, digest: str) -> str:
    """Take note of an image's own layer, and return the image's digest."""
    file = place / LAYERS
    if not file.exists():
        return digest
    content = file.read_text("ascii") + f"{digest}\n"
    file.write_text(content, "ascii")
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


def forget(place: Path) -> None:
    """Have none below: the image's own has all."""
    shutil.rmtree(place / BELOW, ignore_errors=True)
    for name in (LAYERS, OCI_LAYERS):
        (place / name).unlink(missing_ok=True)
