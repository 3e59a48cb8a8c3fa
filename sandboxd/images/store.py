"""The image store: a directory with one entry an image. Reads it; ``versions`` writes it.

- <store>/<name>/manifest.toml: what the image offers
- <store>/<name>/digest: "sha256:<hex>" of its root
- <store>/<name>/root.erofs, or root/: its root file system, or what of it is over below/0.erofs, below/1.erofs and so on
- <store>/<name>/layers: where there are such, the digests of all, the lowest first; ``digest`` is that of this file
- <store>/.layers: files that several images may have, for ``parts`` and ``derive``
- <store>/.versions, .tmp, .lock: of ``versions``; <name>, or <name>:<tag>, is a symbolic link to one of the versions
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandboxd.errors import InvalidConfiguration
from sandboxd.images import layers
from sandboxd.images.files import DIGEST, DIRECTORY_ROOT, EROFS_ROOT, MANIFEST
from sandboxd.images.lease import Lease
from sandboxd.images.manifest import Language, load_manifest

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?")
_NAME_MAX = 128
_TRIES = 10
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A read-only root file system and what it offers."""

    name: str
    digest: str
    layers: tuple[Path, ...]
    """The lowest first: erofs files, or one directory where the kernel has no erofs; below the store, of this version for good."""
    languages: Mapping[str, Language]
    """By name, aliases not among the keys; :meth:`language` finds both."""
    env: Mapping[str, str]
    lease: Lease | None = field(default=None, compare=False, repr=False)
    """While it is held, the files stay where they are, whatever becomes of the name."""

    @property
    def directory(self) -> Path:
        """Where its version is kept: what is known of it lies beside its topmost layer."""
        return self.layers[-1].parent

    @property
    def is_erofs(self) -> bool:
        """Whether it has erofs files, on which another image can be built; False for one directory."""
        return self.layers[-1].is_file()

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
        self.on_replaced: Callable[[Image], None] = lambda _: None
        """Told of an image that its name does not mean any more, when that is next looked at; by any thread."""

    def get(self, name: str) -> Image | None:
        """Return the image, or None if there is none of this name. InvalidConfiguration if it is damaged."""
        if not is_image_name(name):
            return None
        stamp, known = self._stamp(name), self._read.get(name)
        if known is not None and known[0] == stamp:
            return known[1]
        if known is not None:
            self._forget(name, known[1])
        if stamp is None:
            return None
        image = self._load(name)
        self._read[name] = (stamp, image)
        return image

    def let_go(self) -> None:
        """Look at every name that was read, and let go of what it does not mean any more: until then, that stays on the disk."""
        for name, (stamp, image) in tuple(self._read.items()):
            if self._stamp(name) != stamp:
                self._forget(name, image)

    def whole(self) -> Iterator[Image]:
        """Yield the images that are not damaged, by name."""
        for name in self.names():
            with contextlib.suppress(InvalidConfiguration):
                if image := self.get(name):
                    yield image

    def find(self, language: str) -> Image | None:
        """Return the first of them that has a language, by its name or an alias of it."""
        return next((image for image in self.whole() if image.language(language) is not None), None)

    def languages(self) -> Sequence[str]:
        """Return the languages that can be had, aliases not among them."""
        return sorted({name for image in self.whole() for name in image.languages})

    def names(self) -> Sequence[str]:
        """Return the names of all images, damaged ones too."""
        try:
            with os.scandir(self._directory) as entries:
                return sorted(entry.name for entry in entries if is_image_name(entry.name) and entry.is_dir())
        except FileNotFoundError:
            return []

    def _forget(self, name: str, image: Image) -> None:
        if self._read.pop(name, None) is not None:  # another thread may have been here
            self.on_replaced(image)

    def _stamp(self, name: str) -> _Stamp | None:
        """Tell one state of an image from another by two cheap calls; None if there is no such image."""
        place = f"{self._directory}/{name}"
        try:
            manifest, digest = os.stat(f"{place}/{MANIFEST}"), os.stat(f"{place}/{DIGEST}")
        except (FileNotFoundError, NotADirectoryError):
            return None if not os.path.isdir(place) else (0, 0, 0, 0)
        return (manifest.st_ino, manifest.st_mtime_ns, digest.st_ino, digest.st_mtime_ns)

    def _lease(self, name: str) -> tuple[Path, Lease]:
        """Return the version that a name means now, and a lease of it; one that is being removed was replaced a moment ago."""
        for _ in range(_TRIES):
            place = self._version(name)
            with contextlib.suppress(FileNotFoundError, BlockingIOError):
                return place, Lease(place)
        raise InvalidConfiguration(f"{self._directory / name}: its files are gone")

    def _load(self, name: str) -> Image:
        place, lease = self._lease(name)
        manifest = load_manifest(place / MANIFEST)
        return Image(
            name=name,
            digest=read_digest(place / DIGEST),
            layers=(*layers.below(place), _root(place)),
            languages=manifest.languages,
            env=manifest.env,
            lease=lease,
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
