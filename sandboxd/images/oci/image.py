"""One image in the content store: manifest, config and layers, which fit each other and this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import Blobs
from sandboxd.images.oci import media
from sandboxd.images.oci.layers import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class OciImage:
    """An image whose blobs are all there; :func:`load` makes it."""

    digest: str
    """Of the manifest."""
    manifest_size: int
    """Bytes."""
    manifest: media.Manifest
    config: media.Config

    @property
    def layers(self) -> Sequence[Layer]:
        """The layers, lowest first."""
        pairs = zip(self.manifest.layers, self.config.rootfs.diff_ids, strict=True)
        return [Layer(digest=layer.digest, diff_id=diff_id) for layer, diff_id in pairs]

    @property
    def blobs(self) -> Sequence[str]:
        """The digests of all that it is made of, each once."""
        return list(
            dict.fromkeys([self.digest, self.manifest.config.digest, *(layer.digest for layer in self.manifest.layers)])
        )


def load(blobs: Blobs, digest: str, platform: media.Platform | None = None) -> OciImage:
    """Read an image of the content store. InvalidImage where a part is missing, or the image is for another machine than ``platform``.

    ``platform`` is by default this machine's. The content of layers is verified when they are read.
    """
    data = blobs.read(digest, media.MOST_DOCUMENT_BYTES)
    manifest = media.parse_manifest(data, f"manifest {digest}")
    for descriptor in (manifest.config, *manifest.layers):
        size = blobs.size(descriptor.digest)
        if size != descriptor.size:
            raise InvalidImage(
                f"manifest {digest}: blob {descriptor.digest} has {size} bytes, where {descriptor.size} were said"
            )
    where = f"config {manifest.config.digest}"
    config = media.parse_config(blobs.read(manifest.config.digest, media.MOST_CONFIG_BYTES), where)
    if len(config.rootfs.diff_ids) != len(manifest.layers):
        raise InvalidImage(
            f"{where}: rootfs.diff_ids: {len(config.rootfs.diff_ids)} of them, for {len(manifest.layers)} layers"
        )
    machine = platform or media.host_platform()
    if not machine.runs(config.platform):
        raise InvalidImage(
            f"{where}: for {str(config.platform) or 'a machine that it does not name'}, and this is {machine}"
        )
    return OciImage(digest=digest, manifest_size=len(data), manifest=manifest, config=config)
