"""Images of the image store as OCI images, in the content store: what was imported as it was, what was built here as layers of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from sandboxd.images import packed
from sandboxd.images.blobs import Blobs
from sandboxd.images.files import MANIFEST
from sandboxd.images.history import history
from sandboxd.images.importing import MANIFEST_LABEL
from sandboxd.images.layers import digests as digests_of
from sandboxd.images.oci import media, packing
from sandboxd.images.oci.archive import LAYER_OF
from sandboxd.images.oci.caps import Budget, Caps
from sandboxd.images.oci.image import OciImage, load
from sandboxd.images.oci.layers import Layer, scan
from sandboxd.images.oci.streams import MAGIC_BYTES, compression_of
from sandboxd.images.origin import read_base, read_origin
from sandboxd.images.skeleton import SANDBOX_ID
from sandboxd.images.store import Image
from sandboxd.images.versions import Progress

_CHUNK_BYTES = 1 << 20
# What was built here is not doubted, only measured.
_NO_CAPS = Caps(total_bytes=1 << 62, entries=1 << 62, whiteout_bytes=1 << 62)


def to_oci(image: Image, blobs: Blobs, work: Path, progress: Progress = lambda _line: None) -> OciImage:
    """Return an image as OCI has it, always the same of the same; ``work`` is an empty directory.

    Keep the blobs meanwhile. InvalidImage where the blobs of an imported one are gone.
    """
    place = image.directory
    if origin := read_origin(place):
        return load(blobs, origin.manifest)
    goes: list[Sequence[Layer]] = []  # as what each file
    came, digests = packed.came_as(place), digests_of(place)
    for number, (file, digest) in enumerate(zip(image.layers, digests, strict=True)):
        if number < len(came) and all(blobs.has(layer.digest) for layer in came[number]):
            goes.append(came[number])
            continue
        layer = packed.find(blobs, digest)
        if layer is None:
            progress(f"compressing layer {number + 1} of {len(image.layers)}")
            layer = _add_layer(file, blobs, work)
            packed.keep(blobs, digest, layer)
        goes.append([layer])
    config = media.encode(_config(image, (place / MANIFEST).read_text("utf-8"), goes))
    manifest = media.Manifest(
        schema_version=2,
        media_type=media.OCI_MANIFEST,
        config=media.Descriptor(media_type=media.OCI_CONFIG, digest=blobs.add(config), size=len(config)),
        layers=tuple(_descriptor(blobs, layer) for layers in goes for layer in layers),
    )
    return load(blobs, blobs.add(media.encode(manifest)))


def _descriptor(blobs: Blobs, layer: Layer) -> media.Descriptor:
    with blobs.open(layer.digest) as file:
        media_type = LAYER_OF[compression_of(file.read(MAGIC_BYTES))]
    return media.Descriptor(media_type=media_type, digest=layer.digest, size=blobs.size(layer.digest))


def _config(image: Image, manifest: str, goes: Sequence[Sequence[Layer]]) -> media.Config:
    """Say what the image says here, for other engines and for other sandboxds. Without a time: it is not made anew each time.

    What it is built on said more, which is nothing here: other engines go by it.
    """
    platform = media.host_platform()
    base = read_base(image.directory)
    said = (base and base.execution) or media.Execution()
    env = dict(variable.partition("=")[::2] for variable in said.env or ()) | dict(image.env)
    return media.Config(
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        config=replace(
            said,
            user=f"{SANDBOX_ID}:{SANDBOX_ID}",
            env=tuple(f"{name}={value}" for name, value in env.items()),
            working_dir="/workspace",
            labels={**(said.labels or {}), MANIFEST_LABEL: manifest},
        ),
        rootfs=media.RootFS(diff_ids=tuple(layer.diff_id for layers in goes for layer in layers)),
        history=history(image.directory, goes),
    )


def _add_layer(layer: Path, blobs: Blobs, work: Path) -> Layer:
    """Put a layer of the image store, an erofs file or a directory, into the content store."""
    out = work / "layer.tar.gz"
    if layer.is_dir():
        with out.open("xb") as file:
            packing.write_layer(layer, file)
    else:
        place = work / "layer"
        packing.write_erofs_layer(layer, place, out)
        place.rmdir()
    with out.open("rb") as file:
        found = scan(file, Budget(_NO_CAPS))
        file.seek(0)
        with blobs.open_writer(found.digest, out.stat().st_size) as writer:
            writer.restart()
            while writer.offset < out.stat().st_size and (chunk := file.read(_CHUNK_BYTES)):
                writer.write(chunk)
    out.unlink()
    return Layer(digest=found.digest, diff_id=found.diff_id)
