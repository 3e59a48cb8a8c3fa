"""Where an image came from.

- ``oci.json`` in its directory, of one that was not built here
- ``oci-base.json``, of one that was: the same of the one from elsewhere that it is built on, if there is one
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.files import BASE_ORIGIN, OCI_LAYERS, ORIGIN
from sandboxd.images.oci.image import OciImage
from sandboxd.images.oci.media import Execution, History
from sandboxd.images.oci.placing import Omissions
from sandboxd.images.packed import came_as
from sandboxd.images.toml import readable

_DOCUMENTS = 2  # manifest and config, which are before the layers


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of an image from elsewhere, for people, and for giving it on as it was."""

    manifest: str
    """Digest of its manifest in the content store."""
    blobs: tuple[str, ...]
    """Digests of all that it is made of, the manifest among them."""
    reference: str | None = None
    """What it was called where it came from."""
    platform: str = ""
    created: str | None = None
    author: str | None = None
    history: tuple[History, ...] = ()
    execution: Execution | None = None
    """What it would have a container do, with its labels. Of that only the environment is used here."""
    left_out: Mapping[str, int] = {}
    """How many of its files are not here, or not as they were, by reason."""

    @property
    def layers(self) -> Sequence[str]:
        """Digests of its layers, the lowest first, each once."""
        return self.blobs[_DOCUMENTS:]


def describe(image: OciImage, reference: str | None, omissions: Omissions) -> Origin:
    """Return what is kept of an image."""
    counts = {name: getattr(omissions, name) for name in Omissions.__slots__}
    return Origin(
        manifest=image.digest,
        blobs=tuple(image.blobs),
        reference=reference,
        platform=str(image.config.platform),
        created=image.config.created,
        author=image.config.author,
        history=image.config.history or (),
        execution=image.config.config,
        left_out={name: count for name, count in counts.items() if count},
    )


def write_origin(place: Path, origin: Origin) -> None:
    """Write it into the directory of an image."""
    (place / ORIGIN).write_bytes(msgspec.json.format(msgspec.json.encode(origin), indent=2) + b"\n")


def read_origin(place: Path) -> Origin | None:
    """Read that of the image in a directory; None of one that was built here. InvalidConfiguration if it is damaged."""
    return _read(place / ORIGIN)


def inherit(source: Path, place: Path) -> None:
    """Have it known of an image that is made in a directory that it is built on the one in another, or on what that is built on."""
    for name in (ORIGIN, BASE_ORIGIN):
        if (source / name).exists():
            shutil.copyfile(source / name, place / BASE_ORIGIN)
            return


def read_base(place: Path) -> Origin | None:
    """Read that of the image from elsewhere that the one in a directory is built on; None of one that is not. InvalidConfiguration if it is damaged."""
    return _read(place / BASE_ORIGIN)


def read_nearest(place: Path) -> Origin | None:
    """Read that of the image in a directory, or else of what it is built on. InvalidConfiguration if it is damaged."""
    return read_origin(place) or read_base(place)


def _read(path: Path) -> Origin | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Origin)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise InvalidConfiguration(f"{path}: {readable(str(error))}") from error


def used_blobs(store: Path) -> set[str]:
    """Return the digests of the blobs that images of a store are made of, for :meth:`Blobs.prune`.

    InvalidConfiguration where one cannot tell: then nothing may be pruned.
    """
    origins = (read_origin(path.parent) for path in store.glob(f"*/{ORIGIN}"))
    below = (came_as(path.parent) for path in store.glob(f"*/{OCI_LAYERS}"))
    return {digest for origin in origins if origin is not None for digest in origin.blobs} | {
        layer.digest for came in below for group in came for layer in group
    }
