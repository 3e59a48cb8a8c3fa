"""Images of the content store into files: what every container engine reads."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from sandboxd.images.blobs import Blobs
from sandboxd.images.oci import media, packing
from sandboxd.images.oci.archive import DOCKER, INDEX, LAYOUT
from sandboxd.images.oci.image import OciImage
from sandboxd.images.oci.layers import flatten
from sandboxd.images.oci.reference import Reference
from sandboxd.images.oci.selection import FULL_NAME, REF_NAME

_DIRECTORIES = ("blobs", "blobs/sha256")


def write_archive(blobs: Blobs, images: Sequence[tuple[OciImage, Reference | None]], out: BinaryIO) -> None:
    """Write an OCI layout as a tar archive, with Docker's list beside it, as docker save does since version 25.

    Always the same bytes for the same images.
    """
    digests = sorted({digest for image, _ in images for digest in image.blobs})
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name in _DIRECTORIES:
            tar.addfile(_info(name, tarfile.DIRTYPE))
        for digest in digests:
            info = _info(_blob(digest))
            info.size = blobs.size(digest)
            with blobs.open(digest) as file:
                tar.addfile(info, file)
        for name, data in (
            (INDEX, media.encode(_index(images))),
            (DOCKER, msgspec.json.encode([_docker(image, name) for image, name in images])),
            (LAYOUT, b'{"imageLayoutVersion":"1.0.0"}'),
        ):
            info = _info(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def export(blobs: Blobs, image: OciImage, work: Path, out: BinaryIO) -> None:
    """Write an image's root file system, its layers one over the other, as one tar archive; ``work`` is an empty directory."""
    root = work / "root"
    root.mkdir(mode=0o755)
    flatten(blobs, image.layers, root)
    packing.write_tree(root, out)


def _index(images: Sequence[tuple[OciImage, Reference | None]]) -> media.Index:
    entries = []
    for image, name in images:
        annotations = {}
        if name is not None:
            annotations = {FULL_NAME: str(name), REF_NAME: name.tag or name.wanted}
        entries.append(
            media.Descriptor(
                media_type=image.manifest.media_type or media.OCI_MANIFEST,
                digest=image.digest,
                size=image.manifest_size,
                annotations=annotations or None,
                platform=image.config.platform,
            )
        )
    return media.Index(schema_version=2, media_type=media.OCI_INDEX, manifests=tuple(entries))


def _docker(image: OciImage, name: Reference | None) -> dict[str, object]:
    return {
        "Config": _blob(image.manifest.config.digest),
        "RepoTags": [replace(name, digest=None).short] if name is not None and name.tag else None,
        "Layers": [_blob(layer.digest) for layer in image.layers],
    }


def _info(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, 0o755 if kind == tarfile.DIRTYPE else 0o644
    return info


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"
