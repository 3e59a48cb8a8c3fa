"""Manifests, indexes and configs of images, as OCI's image specification and Docker's schema 2 have them.

Fields that nobody here uses are ignored, as the specification demands; those that are used are checked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import is_digest
from sandboxd.images.toml import readable

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD = (
    f"application/vnd.oci.image.layer.v1.tar{end}" for end in ("", "+gzip", "+zstd")
)
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP, DOCKER_LAYER_ZSTD = f"{DOCKER_LAYER}.gzip", f"{DOCKER_LAYER}.zstd"

INDEXES, MANIFESTS, CONFIGS = (OCI_INDEX, DOCKER_INDEX), (OCI_MANIFEST, DOCKER_MANIFEST), (OCI_CONFIG, DOCKER_CONFIG)
LAYERS = (OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, DOCKER_LAYER, DOCKER_LAYER_GZIP, DOCKER_LAYER_ZSTD)
"""Those that need not be fetched from elsewhere. How one is compressed, its first bytes say."""

MOST_DOCUMENT_BYTES = 4 << 20
"""Of a manifest or an index: no registry takes larger ones."""
MOST_CONFIG_BYTES = 8 << 20
MOST_LAYERS = 512

_SCHEMA = 2
_SIZE_MAX = 1 << 62
_ARCHITECTURES = {
    "x86_64": ("amd64", None),
    "aarch64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", None),
    "ppc64le": ("ppc64le", None),
    "s390x": ("s390x", None),
    "riscv64": ("riscv64", None),
}
# What an image is for when it names no variant.
_FIRST_VARIANT = {"arm64": "v8", "amd64": "v1", "arm": "v5"}

_VARIANT = re.compile(r"v(?P<number>[0-9]{1,3})")
_NO_VARIANT = 1000

_Size = Annotated[int, msgspec.Meta(ge=0, lt=_SIZE_MAX)]
_T = TypeVar("_T")


class Platform(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What machine an image is for, in Go's words."""

    architecture: str = ""
    os: str = ""
    variant: str | None = None

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    def runs(self, other: Platform) -> bool:
        """Whether a machine of this kind runs images for the other: for an earlier variant of its architecture, too."""
        same = (self.os, self.architecture) == (other.os, other.architecture)
        return same and other.variant_number <= self.variant_number

    @property
    def variant_number(self) -> int:
        """The number in "v8"; of what is no such variant, one that no machine has, and for an architecture without any, 0."""
        variant = self.variant or _FIRST_VARIANT.get(self.architecture, "v0")
        found = _VARIANT.fullmatch(variant)
        return int(found["number"]) if found else _NO_VARIANT


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A reference to a blob."""

    media_type: str
    digest: str
    size: _Size
    annotations: Mapping[str, str] | None = None
    platform: Platform | None = None

    def __post_init__(self) -> None:
        if not is_digest(self.digest):
            raise ValueError(f"digest {self.digest[:80]!r} is not sha256: and 64 hexadecimal digits")


class Index(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Several images under one name, by platform; of a layout, all there are."""

    schema_version: int
    media_type: str | None = None
    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str] | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One image: its config and its layers, lowest first."""

    schema_version: int
    media_type: str | None = None
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if len(self.layers) > MOST_LAYERS:
            raise ValueError(f"{len(self.layers)} layers, more than {MOST_LAYERS}")


class RootFS(msgspec.Struct, frozen=True, kw_only=True):
    """The digests of the layers before compression, lowest first."""

    type: str = "layers"
    diff_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        for diff_id in self.diff_ids:
            if not is_digest(diff_id):
                raise ValueError(f"diff_id {diff_id[:80]!r} is not sha256: and 64 hexadecimal digits")


class History(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of how an image was made."""

    created: str | None = None
    created_by: str | None = None
    author: str | None = None
    comment: str | None = None
    empty_layer: bool = False


class Execution(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """What an image would have a container do. Docker writes null for what is not there."""

    user: str | None = None
    env: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    working_dir: str | None = None
    labels: Mapping[str, str] | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The config of an image."""

    architecture: str = ""
    os: str = ""
    variant: str | None = None
    created: str | None = None
    author: str | None = None
    config: Execution | None = None
    rootfs: RootFS
    history: tuple[History, ...] | None = None

    @property
    def platform(self) -> Platform:
        """What machine it is for."""
        return Platform(architecture=self.architecture, os=self.os, variant=self.variant)


def parse_index(data: bytes, where: str) -> Index:
    """Read an index or a manifest list. InvalidImage names ``where`` and the field."""
    index = _parse(data, Index, where)
    _check_schema(index.schema_version, index.media_type, INDEXES, where)
    return index


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest. InvalidImage names ``where`` and the field."""
    manifest = _parse(data, Manifest, where)
    _check_schema(manifest.schema_version, manifest.media_type, MANIFESTS, where)
    for number, layer in enumerate(manifest.layers):
        if layer.media_type not in LAYERS:
            raise InvalidImage(
                f"{where}: layers[{number}].mediaType: {layer.media_type[:100]!r} is no layer of a root file system"
            )
    if manifest.config.media_type not in CONFIGS:
        raise InvalidImage(f"{where}: config.mediaType: {manifest.config.media_type[:100]!r} is no config of an image")
    return manifest


def parse_config(data: bytes, where: str) -> Config:
    """Read a config. InvalidImage names ``where`` and the field."""
    return _parse(data, Config, where)


def parse_document(data: bytes, media_type: str | None, where: str) -> Index | Manifest:
    """Read what can be an index or a manifest; ``media_type`` is what it came as, None where nothing said so.

    InvalidImage where it says itself that it is of another kind, or could be read as both: whoever checked one reading would
    not know what runs.
    """
    try:
        kind = msgspec.json.decode(data, type=_Kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidImage(f"{where}: {readable(str(error))}") from error
    if kind.schema_version == 1:
        raise InvalidImage(f"{where}: schemaVersion: 1 is Docker's format of before 2016, and not read")
    if kind.manifests is not msgspec.UNSET and (kind.layers is not msgspec.UNSET or kind.config is not msgspec.UNSET):
        raise InvalidImage(f"{where}: has both manifests and layers: neither an index nor a manifest")
    if media_type and kind.media_type and media_type != kind.media_type:
        raise InvalidImage(f"{where}: mediaType: {kind.media_type[:100]!r}, but it came as {media_type[:100]!r}")
    said = media_type or kind.media_type
    if said is not None and said not in (*INDEXES, *MANIFESTS):
        raise InvalidImage(f"{where}: mediaType: {said[:100]!r} is neither an index nor a manifest")
    is_index = said in INDEXES if said else kind.manifests is not msgspec.UNSET
    return parse_index(data, where) if is_index else parse_manifest(data, where)


def host_platform() -> Platform:
    """Return what images this machine runs."""
    machine = os.uname().machine
    architecture, variant = _ARCHITECTURES.get(machine, (machine, None))
    return Platform(architecture=architecture, os="linux", variant=variant)


def choose(index: Index, platform: Platform, where: str) -> Descriptor:
    """Return the entry that is for a platform: of several variants the last that it runs. InvalidImage lists what there is."""
    entries = [entry for entry in index.manifests if entry.media_type in (*INDEXES, *MANIFESTS)]
    fitting = [entry for entry in entries if entry.platform is not None and platform.runs(entry.platform)]
    if not fitting and len(entries) == 1 and entries[0].platform is None:
        return entries[0]
    if not fitting:
        offered = ", ".join(sorted({str(entry.platform or "unnamed") for entry in entries})) or "nothing"
        raise InvalidImage(f"{where}: no image for {platform}; there is {offered[:300]}")
    return max(fitting, key=lambda entry: entry.platform.variant_number if entry.platform else 0)


class _Kind(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    schema_version: int | None = None
    media_type: str | None = None
    manifests: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    layers: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    config: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def _parse(data: bytes, into: type[_T], where: str) -> _T:
    try:
        return msgspec.json.decode(data, type=into)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidImage(f"{where}: {readable(str(error))}") from error


def _check_schema(version: int, media_type: str | None, kinds: tuple[str, ...], where: str) -> None:
    if version != _SCHEMA:
        raise InvalidImage(f"{where}: schemaVersion: {version}, where {_SCHEMA} is known")
    if media_type is not None and media_type not in kinds:
        raise InvalidImage(f"{where}: mediaType: {media_type[:100]!r}, where {' or '.join(kinds)} was expected")


def encode(document: Any) -> bytes:
    """Write an index, manifest or config: always the same bytes for the same content."""
    return msgspec.json.encode(document, order="deterministic")
