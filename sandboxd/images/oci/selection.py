"""Which image is meant where a file has several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sandboxd.errors import InvalidImage, shown
from sandboxd.images.oci import media
from sandboxd.images.oci.reference import parse_reference

REF_NAME = "org.opencontainers.image.ref.name"
"""Annotation of OCI's: in a layout, what people call the image; often only its tag."""
FULL_NAME = "io.containerd.image.name"
"""Annotation of containerd's and Docker's: the whole reference."""
_MOST_SHOWN = 300

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Generic[_T]):
    """One of several, and what it is called; the first name is the best one."""

    value: _T
    names: tuple[str, ...]

    @property
    def name(self) -> str | None:
        """The best name, None if there is none."""
        return next(iter(self.names), None)


def choose(images: Sequence[Named[_T]], wanted: str | None, where: str) -> Named[_T]:
    """Return the one that is wanted, or the only one. InvalidImage lists what there is."""
    fitting = (
        images if wanted is None else [image for image in images if any(_same(wanted, name) for name in image.names)]
    )
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(sorted({name for image in images for name in image.names})) or "none that has a name"
    if not images:
        raise InvalidImage(f"{where}: has no image")
    if wanted is None:
        raise InvalidImage(f"{where}: has {len(images)} images, so one must be named: {names[:_MOST_SHOWN]}")
    which = "no image" if not fitting else "more than one image"
    raise InvalidImage(f"{where}: {which} of the name {shown(wanted)}; there are {names[:_MOST_SHOWN]}")


def choose_entry(index: media.Index, wanted: str | None, where: str) -> Named[media.Descriptor]:
    """Return the entry of a layout's index that is wanted: by a name or its digest, or else the only one that this machine runs."""
    entries = [_named(entry) for entry in index.manifests if entry.media_type in (*media.INDEXES, *media.MANIFESTS)]
    by_digest = next((entry for entry in entries if entry.value.digest == wanted), None)
    if by_digest is not None:
        return by_digest
    if wanted is None and len(entries) > 1 and all(entry.value.platform is not None for entry in entries):
        running = [entry for entry in entries if _runs_here(entry.value)]
        entries = running or entries
    return choose(entries, wanted, where)


def _named(entry: media.Descriptor) -> Named[media.Descriptor]:
    annotations = entry.annotations or {}
    return Named(value=entry, names=tuple(annotations[key] for key in (FULL_NAME, REF_NAME) if key in annotations))


def _runs_here(entry: media.Descriptor) -> bool:
    return entry.platform is not None and media.host_platform().runs(entry.platform)


def _same(wanted: str, name: str) -> bool:
    if wanted == name:
        return True
    try:
        return parse_reference(wanted) == parse_reference(name)
    except InvalidImage:
        return False
