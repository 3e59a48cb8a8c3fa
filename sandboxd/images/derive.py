"""Images with more packages: those of another, and one more layer of what was asked for.

Of Python: ``wheels``. Of Debian: the root is made anew of all packages, and what is not below is the layer.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from sandboxd.errors import BuildFailed
from sandboxd.images import layers, wheels
from sandboxd.images.build import make_root_of
from sandboxd.images.files import DIGEST, INGREDIENTS, MANIFEST
from sandboxd.images.recipe import Ingredients, and_more
from sandboxd.images.store import Image
from sandboxd.images.versions import Progress, install, work_directory, writing

_SHORT = 12  # digits of a digest, as container tools show them


def add_requirements(store: Path, name: str, base: Image, wanted: wheels.Wanted, progress: Progress) -> str:
    """Make an image of another's layers and one of Python packages; returns its name, which is after what it is made of if none is given.

    BuildFailed says what cannot be had; nothing has changed then.
    """
    with writing(store, progress), work_directory(store) as work:
        place = work / "version"
        place.mkdir(mode=0o755)
        key = wheels.add(store, base.directory, place, wanted, work, progress)
        name = name or _named_after(base, key)
        install(store, name, place)
    return name


def add_packages(store: Path, name: str, base: Image, packages: tuple[str, ...], progress: Progress) -> str:
    """Make an image of another's layers and one of Debian packages, with what they depend on; returns its name.

    BuildFailed where they cannot be had, or the other image was not made of Debian packages alone.
    """
    source = base.directory
    try:
        present = msgspec.json.decode((source / INGREDIENTS).read_bytes(), type=Ingredients)
    except FileNotFoundError:
        raise BuildFailed(f"image {base.name!r} is not made of Debian packages alone: name one that is") from None
    ingredients = and_more(present, packages)
    with writing(store, progress), work_directory(store) as work:
        place = work / "version"
        place.mkdir(mode=0o755)
        if base.is_erofs:
            layers.put_below(source, place)
        make_root_of(ingredients, work, place, progress)
        (place / INGREDIENTS).write_bytes(msgspec.json.encode(ingredients))
        shutil.copyfile(source / MANIFEST, place / MANIFEST)
        name = name or _named_after(base, (place / DIGEST).read_text("ascii").strip())
        install(store, name, place)
    return name


def _named_after(base: Image, digest: str) -> str:
    return f"{base.name.partition(':')[0]}-{digest.removeprefix('sha256:')[:_SHORT]}"
