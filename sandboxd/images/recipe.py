"""A recipe: the directory from which an image is built."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sandboxd import paths
from sandboxd.errors import InvalidConfiguration
from sandboxd.images.manifest import load_manifest
from sandboxd.images.store import MANIFEST, is_image_name
from sandboxd.images.toml import convert, read

RECIPE = "recipe.toml"
# Part of every recipe's digest: raise it when the same recipe would give another root.
BUILDER_VERSION = 1

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+(=[A-Za-z0-9.+~:-]+)?")
_SUITE = re.compile(r"[a-z][a-z0-9-]*")


class Debian(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The packages from which a root is made."""

    suite: str
    packages: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _SUITE.fullmatch(self.suite):
            raise ValueError(f"suite {self.suite!r} is not the name of a release")
        for package in self.packages:
            if not _PACKAGE.fullmatch(package):
                raise ValueError(f"{package!r} is not the name of a package")


class Steps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done to the root once the packages are in it, in this order."""

    remove: tuple[str, ...] = ()
    """Patterns of paths, relative to the root."""
    links: Mapping[str, str] = {}
    """Symbolic links: path relative to the root, and target."""
    run: tuple[tuple[str, ...], ...] = ()
    """Commands, run inside the root without network."""

    def __post_init__(self) -> None:
        for path in (*self.remove, *self.links):
            if problem := paths.problem(path):
                raise ValueError(f"{path!r}: {problem}")
        for target in self.links.values():
            if not target or "\0" in target:
                raise ValueError(f"{target!r} is not the target of a link")
        for command in self.run:
            if not command or not command[0] or any("\0" in word for word in command):
                raise ValueError(f"{command!r} is not a command")


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    debian: Debian
    root: Steps = Steps()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What ``recipe.toml`` says, and the manifest beside it."""

    name: str
    debian: Debian
    steps: Steps
    manifest: bytes
    root_digest: str
    """Of what decides the root. Says nothing about package versions."""

    @property
    def digest(self) -> str:
        """Of everything: an image with this digest is up to date."""
        return _sha256(self.root_digest.encode() + b"\n" + self.manifest)


def load_recipe(directory: Path) -> Recipe:
    """Read a recipe; the directory's name is the image's. InvalidConfiguration names file and key."""
    name, path = directory.resolve().name, directory / RECIPE
    if not is_image_name(name):
        raise InvalidConfiguration(f"{directory}: {name!r} cannot be the name of an image")
    content = convert(read(path), _Content, str(path))
    load_manifest(directory / MANIFEST)  # a wrong manifest is found now, not at the first request
    return Recipe(
        name=name,
        debian=content.debian,
        steps=content.root,
        manifest=(directory / MANIFEST).read_bytes(),
        root_digest=_sha256(f"{BUILDER_VERSION}\n".encode() + path.read_bytes()),
    )


def _sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
