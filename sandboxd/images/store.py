"""The image store: a directory with one entry an image. Reads it; ``versions`` writes it.

- <store>/<name>/manifest.toml: what the image offers
- <store>/<name>/digest: "sha256:<hex>" of its root
- <store>/<name>/root.erofs, or root/: its root file system
- <store>/.versions, .tmp, .lock: of ``versions``; <name> is a symbolic link to one of the versions
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.manifest import Language, load_manifest

MANIFEST = "manifest.toml"
DIGEST = "digest"
EROFS_ROOT = "root.erofs"
DIRECTORY_ROOT = "root"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_NAME_MAX = 128
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A read-only root file system and what it offers."""

    name: str
    digest: str
    root: Path
    """An erofs file, or a directory where the kernel has no erofs; below the store, of this version for good."""
    languages: Mapping[str, Language]
    """By name, aliases not among the keys; :meth:`language` finds both."""
    env: Mapping[str, str]

    def language(self, name: str) -> Language | None:
        """Find a language by its name or one of its aliases."""
        if language := self.languages.get(name):
            return language
        return next((language for language in self.languages.values() if name in language.aliases), None)


_Stamp = tuple[int, int, int, int]


class ImageStore:
    """The images of a directory. What was read once is kept until the image is replaced."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[str, tuple[_Stamp, Image]] = {}

    def get(self, name: str) -> Image | None:
        """Return the image, or None if there is none of this name. InvalidConfiguration if it is damaged."""
        if not is_image_name(name):
            return None
        stamp = self._stamp(name)
        if stamp is None:
            self._read.pop(name, None)
            return None
        known = self._read.get(name)
        if known is not None and known[0] == stamp:
            return known[1]
        image = self._load(name)
        self._read[name] = (stamp, image)
        return image

    def list(self) -> Sequence[Image]:
        """Return all images, by name. InvalidConfiguration if one is damaged."""
        return [image for name in self.names() if (image := self.get(name)) is not None]

    def names(self) -> Sequence[str]:
        """Return the names of all images, damaged ones too."""
        try:
            with os.scandir(self._directory) as entries:
                return sorted(entry.name for entry in entries if is_image_name(entry.name) and entry.is_dir())
        except FileNotFoundError:
            return []

    def _stamp(self, name: str) -> _Stamp | None:
        """Tell one state of an image from another by two cheap calls; None if there is no such image."""
        place = f"{self._directory}/{name}"
        try:
            manifest, digest = os.stat(f"{place}/{MANIFEST}"), os.stat(f"{place}/{DIGEST}")
        except (FileNotFoundError, NotADirectoryError):
            return None if not os.path.isdir(place) else (0, 0, 0, 0)
        return (manifest.st_ino, manifest.st_mtime_ns, digest.st_ino, digest.st_mtime_ns)

    def _load(self, name: str) -> Image:
        place = self._version(name)
        manifest = load_manifest(place / MANIFEST)
        return Image(
            name=name,
            digest=read_digest(place / DIGEST),
            root=_root(place),
            languages=manifest.languages,
            env=manifest.env,
        )

    def _version(self, name: str) -> Path:
        """Follow the image's link by hand, so that a later replacement does not change what was read."""
        place = self._directory / name
        return self._directory / os.readlink(place) if place.is_symlink() else place


def is_image_name(name: str) -> bool:
    """Whether this can be the name of an image. Such a name is never a path."""
    return len(name) <= _NAME_MAX and _NAME.fullmatch(name) is not None


def read_digest(path: Path) -> str:
    """Read a digest file."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(f"{path}: {error}") from error
    if not _DIGEST.fullmatch(text):
        raise InvalidConfiguration(f"{path}: not a digest: {text[:80]!r}")
    return text


def has_root(place: Path) -> bool:
    """Whether a root file system is in the directory of an image."""
    return (place / EROFS_ROOT).is_file() or (place / DIRECTORY_ROOT).is_dir()


def _root(place: Path) -> Path:
    if not has_root(place):
        raise InvalidConfiguration(f"{place}: neither {EROFS_ROOT} nor {DIRECTORY_ROOT}/ is there")
    erofs = place / EROFS_ROOT
    return erofs if erofs.is_file() else place / DIRECTORY_ROOT
