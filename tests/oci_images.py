"""Images of little content for tests of what carries them: real config and layers, in a store or as they travel."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Sequence

from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.oci.media import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Config,
    Descriptor,
    Index,
    Manifest,
    Platform,
    RootFS,
    encode,
    host_platform,
)


def layer(name: str, size: int) -> tuple[bytes, str]:
    """Return a layer with one file that does not compress, and its digest before compression."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = size
        archive.addfile(entry, io.BytesIO(random.Random(name).randbytes(size)))
    return gzip.compress(tar.getvalue(), 1, mtime=0), f"sha256:{hashlib.sha256(tar.getvalue()).hexdigest()}"


def image(layers: Sequence[tuple[bytes, str]], platform: Platform | None = None) -> dict[str, bytes]:
    """Return the blobs of an image, by digest: its manifest last."""
    platform = platform or host_platform()
    config = encode(
        Config(
            architecture=platform.architecture,
            os=platform.os,
            variant=platform.variant,
            rootfs=RootFS(diff_ids=tuple(diff_id for _, diff_id in layers)),
        )
    )
    manifest = encode(
        Manifest(
            schema_version=2,
            media_type=OCI_MANIFEST,
            config=descriptor(OCI_CONFIG, config),
            layers=tuple(descriptor(OCI_LAYER_GZIP, data) for data, _ in layers),
        )
    )
    return {digest_of(data): data for data in (*(data for data, _ in layers), config, manifest)}


def index(images: dict[Platform, dict[str, bytes]]) -> dict[str, bytes]:
    """Return the blobs of an index of images, by digest: the index last."""
    manifests = tuple(
        descriptor(OCI_MANIFEST, list(blobs.values())[-1], platform) for platform, blobs in images.items()
    )
    data = encode(Index(schema_version=2, media_type=OCI_INDEX, manifests=manifests))
    together = {digest: data for blobs in images.values() for digest, data in blobs.items()}
    return {**together, digest_of(data): data}


def descriptor(media_type: str, data: bytes, platform: Platform | None = None) -> Descriptor:
    return Descriptor(media_type=media_type, digest=digest_of(data), size=len(data), platform=platform)


def put(blobs: Blobs, image: dict[str, bytes]) -> str:
    """Have an image in a store; returns the digest of its manifest or index."""
    return [blobs.add(data) for data in image.values()][-1]


def contents(blobs: Blobs, digests: Sequence[str]) -> dict[str, bytes | None]:
    """Return what a store has, None where it has not."""
    return {digest: blobs.path(digest).read_bytes() if blobs.has(digest) else None for digest in digests}
