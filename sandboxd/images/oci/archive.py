"""Images in files, into the content store: an OCI layout, as a directory or an archive; what docker save writes; a plain root.

Which one it is, is told from what is in it. Nothing here unpacks a layer; but blobs are verified as they are copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from sandboxd.errors import InvalidImage, shown
from sandboxd.images.blobs import Blobs
from sandboxd.images.oci import media, selection
from sandboxd.images.oci.caps import Budget, Caps
from sandboxd.images.oci.image import OciImage, load
from sandboxd.images.oci.layers import scan
from sandboxd.images.oci.selection import Named
from sandboxd.images.oci.sources import DirectorySource, Source, TarSource
from sandboxd.images.oci.streams import MAGIC_BYTES, HashingReader, compression_of, decompressed

LAYOUT, INDEX, DOCKER = "oci-layout", "index.json", "manifest.json"
LAYER_OF = {"": media.OCI_LAYER, "gzip": media.OCI_LAYER_GZIP, "zstd": media.OCI_LAYER_ZSTD}
"""What a layer is called, by its compression."""
_CHUNK_BYTES = 1 << 20
_MOST_NESTED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file had."""

    image: OciImage
    name: str | None
    """What the image is called in it, where it says so."""


class _Saved(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One image in the manifest.json of docker save."""

    config: str
    repo_tags: tuple[str, ...] | None = None
    layers: tuple[str, ...]


class _Layout(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    image_layout_version: str


def read_file(path: Path, blobs: Blobs, work: Path, *, wanted: str | None = None, caps: Caps | None = None) -> Found:
    """Copy one image of a file or directory into the content store; ``wanted`` is its name or digest where there are several.

    ``work`` is an empty directory for what must be decompressed. InvalidImage says what is wrong, and where; OSError comes from
    the file itself.
    """
    bounds = caps or Caps()
    if path.is_dir():
        with closing(DirectorySource(path)) as directory:
            if directory.size(INDEX) is None:
                raise InvalidImage(f"{path}: no {INDEX} is in it, so it is no OCI layout")
            return _read_layout(directory, blobs, wanted, bounds)
    with path.open("rb") as file, _plain(file, work, bounds) as archive:
        source = TarSource(archive, bounds)
        if source.size(LAYOUT) is not None and source.size(INDEX) is not None:
            return _read_layout(source, blobs, wanted, bounds)
        if source.size(DOCKER) is not None:
            return _read_saved(source, blobs, wanted, bounds)
        if wanted is not None:
            raise InvalidImage(f"{path}: is no archive of images, so none in it can be {shown(wanted)}")
        return _read_root(file, blobs, bounds)


@contextmanager
def _plain(file: BinaryIO, work: Path, caps: Caps) -> Iterator[BinaryIO]:
    """Give the archive as one that can be moved in: decompressed, where it is compressed."""
    compression = compression_of(file.read(MAGIC_BYTES))
    file.seek(0)
    if not compression:
        yield file
        return
    with (work / "archive.tar").open("w+b") as plain, decompressed(file, compression) as stream:
        reader = HashingReader(stream, Budget(caps).take_bytes)
        while chunk := reader.read(_CHUNK_BYTES):
            plain.write(chunk)
        plain.flush()
        yield plain


def _read_layout(source: Source, blobs: Blobs, wanted: str | None, caps: Caps) -> Found:
    _check_layout(source)
    index = media.parse_index(source.read(INDEX, media.MOST_DOCUMENT_BYTES), INDEX)
    chosen = selection.choose_entry(index, wanted, INDEX)
    descriptor = chosen.value
    for _ in range(_MOST_NESTED):
        where = f"blob {descriptor.digest}"
        data = source.read(_blob(descriptor.digest), media.MOST_DOCUMENT_BYTES)
        document = media.parse_document(data, descriptor.media_type, where)
        _copy(source, _blob(descriptor.digest), blobs, descriptor.digest, descriptor.size)
        if isinstance(document, media.Manifest):
            _copy_all(source, blobs, document, caps)
            return Found(image=load(blobs, descriptor.digest), name=chosen.name)
        descriptor = media.choose(document, media.host_platform(), where)
    raise InvalidImage(f"{INDEX}: more than {_MOST_NESTED} indexes, one in the other")


def _check_layout(source: Source) -> None:
    try:
        layout = msgspec.json.decode(source.read(LAYOUT, media.MOST_DOCUMENT_BYTES), type=_Layout)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidImage(f"{LAYOUT}: {error}") from error
    if not layout.image_layout_version.startswith("1."):
        raise InvalidImage(f"{LAYOUT}: imageLayoutVersion: {shown(layout.image_layout_version)}, where 1.0.0 is known")


def _copy_all(source: Source, blobs: Blobs, manifest: media.Manifest, caps: Caps) -> None:
    descriptors = (manifest.config, *manifest.layers)
    budget = Budget(caps)
    for descriptor in descriptors:
        budget.take_bytes(descriptor.size)
    for descriptor in descriptors:
        _copy(source, _blob(descriptor.digest), blobs, descriptor.digest, descriptor.size)


def _read_saved(source: Source, blobs: Blobs, wanted: str | None, caps: Caps) -> Found:
    """Make of Docker's own format what a registry would have: the config as it is, and a manifest of our own."""
    try:
        saved = msgspec.json.decode(source.read(DOCKER, media.MOST_DOCUMENT_BYTES), type=tuple[_Saved, ...])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidImage(f"{DOCKER}: {error}") from error
    chosen, name = _choose_saved(saved, wanted)
    config = source.read(chosen.config, media.MOST_CONFIG_BYTES)
    media.parse_config(config, chosen.config)
    if len(chosen.layers) > media.MOST_LAYERS:
        raise InvalidImage(f"{DOCKER}: {len(chosen.layers)} layers, more than {media.MOST_LAYERS}")
    budget = Budget(caps)
    layers = tuple(_copy_layer(source, layer, blobs, budget) for layer in chosen.layers)
    return Found(image=_add_image(blobs, config, layers), name=name)


def _choose_saved(saved: Sequence[_Saved], wanted: str | None) -> tuple[_Saved, str | None]:
    named = [Named(value=image, names=tuple(image.repo_tags or ())) for image in saved]
    chosen = selection.choose(named, wanted, DOCKER)
    return chosen.value, chosen.name


def _copy_layer(source: Source, name: str, blobs: Blobs, budget: Budget) -> media.Descriptor:
    """Copy a layer of which nothing says the digest."""
    size = source.size(name)
    if size is None:
        raise InvalidImage(f"{DOCKER}: {shown(name)}: there is no such file in the image")
    budget.take_bytes(size)
    digest, beginning = hashlib.sha256(), b""
    for chunk in source.chunks(name):
        beginning = beginning or chunk[:MAGIC_BYTES]
        digest.update(chunk)
    descriptor = media.Descriptor(
        media_type=LAYER_OF[compression_of(beginning)], digest=f"sha256:{digest.hexdigest()}", size=size
    )
    _copy(source, name, blobs, descriptor.digest, size)
    return descriptor


def _read_root(file: BinaryIO, blobs: Blobs, caps: Caps) -> Found:
    """Make an image of one layer of a root file system, always the same one of the same file."""
    file.seek(0)
    found = scan(file, Budget(caps))
    if not found.has_end:  # no digest says what it should be
        raise InvalidImage("the archive has no end: it was cut off")
    file.seek(0)
    compression = compression_of(file.read(MAGIC_BYTES))
    size = file.seek(0, 2)
    with blobs.open_writer(found.digest, size) as writer:
        writer.restart()
        file.seek(0)
        while writer.offset < size and (chunk := file.read(_CHUNK_BYTES)):
            writer.write(chunk)
    platform = media.host_platform()
    config = media.Config(
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        rootfs=media.RootFS(diff_ids=(found.diff_id,)),
        history=(media.History(created_by="sandboxd: a root file system from an archive"),),
    )
    layer = media.Descriptor(media_type=LAYER_OF[compression], digest=found.digest, size=size)
    return Found(image=_add_image(blobs, media.encode(config), (layer,)), name=None)


def _add_image(blobs: Blobs, config: bytes, layers: tuple[media.Descriptor, ...]) -> OciImage:
    """Write config and manifest of an image whose layers are there."""
    descriptor = media.Descriptor(media_type=media.OCI_CONFIG, digest=blobs.add(config), size=len(config))
    manifest = media.Manifest(schema_version=2, media_type=media.OCI_MANIFEST, config=descriptor, layers=layers)
    return load(blobs, blobs.add(media.encode(manifest)))


def _copy(source: Source, name: str, blobs: Blobs, digest: str, size: int) -> None:
    """Copy a blob, verified, unless it is there."""
    has = source.size(name)
    if has is not None and has != size:
        raise InvalidImage(f"{shown(name)}: has {has} bytes, where {size} were said")
    with blobs.open_writer(digest, size) as writer:
        writer.restart()
        if writer.offset < size:
            for chunk in source.chunks(name):
                writer.write(chunk)


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"
