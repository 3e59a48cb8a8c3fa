"""A recipe: the directory from which an image is built."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sandboxd import paths
from sandboxd.errors import InvalidConfiguration, InvalidSubmission
from sandboxd.images import requirements
from sandboxd.images.files import MANIFEST
from sandboxd.images.manifest import PYTHON, Manifest, load_manifest
from sandboxd.images.store import is_image_name
from sandboxd.images.toml import convert, read
from sandboxd.model import MOST_LAYERS

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
    keep: tuple[str, ...] = ()
    """Paths below directories that every image has empty, such as var/lib/ghc, that stay all the same."""
    links: Mapping[str, str] = {}
    """Symbolic links: path relative to the root, and target."""
    run: tuple[tuple[str, ...], ...] = ()
    """Commands, run inside the root without network."""

    def __post_init__(self) -> None:
        for path in (*self.remove, *self.keep, *self.links):
            if problem := paths.problem(path):
                raise ValueError(f"{path!r}: {problem}")
        for target in self.links.values():
            if not target or "\0" in target:
                raise ValueError(f"{target!r} is not the target of a link")
        for command in self.run:
            if not command or not command[0] or any("\0" in word for word in command):
                raise ValueError(f"{command!r} is not a command")


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"base": "from"}):
    base: str = ""
    debian: Debian
    root: Steps = Steps()

    def __post_init__(self) -> None:
        if self.base and not is_image_name(self.base):
            raise ValueError(f"from {self.base!r}: not the name of an image")


class Ingredients(msgspec.Struct, frozen=True, kw_only=True):
    """All that a root is made of."""

    debian: Debian
    steps: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What ``recipe.toml`` says, and the manifest beside it. Its root is made of all packages and steps, those of what it builds on too."""

    name: str
    base: Recipe | None
    """Whose image has the layers below this one's."""
    debian: Debian
    steps: Steps
    manifest: bytes
    requirements: tuple[str, ...] = ()
    """Of Python packages, as ``requirements.check`` returns them."""
    python: str = ""
    """Where the interpreter is that they are for."""
    root_digest: str
    """Of what decides the root. Says nothing about package versions."""

    @property
    def ingredients(self) -> Ingredients:
        """All packages and steps, those of what it builds on first."""
        if self.base is None:
            return Ingredients(debian=self.debian, steps=self.steps)
        return and_more(self.base.ingredients, self.debian.packages, self.steps)

    @property
    def digest(self) -> str:
        """Of everything: an image with this digest is up to date."""
        return _sha256(self.root_digest.encode() + b"\n" + self.manifest)


_NOTHING = Steps()


def and_more(ingredients: Ingredients, packages: tuple[str, ...], steps: Steps = _NOTHING) -> Ingredients:
    """Return ingredients and more of them."""
    own = ingredients.steps
    return Ingredients(
        debian=Debian(suite=ingredients.debian.suite, packages=ingredients.debian.packages + packages),
        steps=Steps(
            remove=own.remove + steps.remove,
            keep=own.keep + steps.keep,
            links={**own.links, **steps.links},
            run=own.run + steps.run,
        ),
    )


def load_recipe(directory: Path, above: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe, and the one beside it that it builds on; the directory's name is the image's. InvalidConfiguration names file and key.

    ``above`` are those that build on it.
    """
    name, path = directory.resolve().name, directory / RECIPE
    if not is_image_name(name):
        raise InvalidConfiguration(f"{directory}: {name!r} cannot be the name of an image")
    content = convert(read(path), _Content, str(path))
    above = (*above, name)
    base = _load_base(content, path, above)
    decisive = [str(BUILDER_VERSION), *([base.root_digest] if base else [])]
    manifest = load_manifest(directory / MANIFEST)  # a wrong manifest is found now, not at the first request
    return Recipe(
        name=name,
        base=base,
        debian=content.debian,
        steps=content.root,
        manifest=(directory / MANIFEST).read_bytes(),
        requirements=_requirements(manifest, directory / MANIFEST),
        python=manifest.languages[PYTHON].run[0] if PYTHON in manifest.languages else "",
        root_digest=_sha256("".join(f"{line}\n" for line in decisive).encode() + path.read_bytes()),
    )


def _load_base(content: _Content, path: Path, above: tuple[str, ...]) -> Recipe | None:
    if not content.base:
        return None
    if content.base in above or len(above) == MOST_LAYERS:
        wrong = "builds on itself" if content.base in above else f"would have more than {MOST_LAYERS} layers"
        raise InvalidConfiguration(f"{path}: from: {above[0]} {wrong}")
    base = load_recipe(path.resolve().parent.parent / content.base, above)
    if base.requirements:
        raise InvalidConfiguration(
            f"{path}: from: {base.name} has Python packages; only what is made of Debian's can be built on"
        )
    if base.debian.suite != content.debian.suite:
        raise InvalidConfiguration(f"{path}: debian.suite: {base.name} is of {base.debian.suite}")
    return base


def _requirements(manifest: Manifest, path: Path) -> tuple[str, ...]:
    python = manifest.languages.get(PYTHON)
    if python is None or not python.packages:
        return ()
    try:
        return tuple(requirements.check("\n".join(python.packages)))
    except InvalidSubmission as error:
        raise InvalidConfiguration(f"{path}: languages.{PYTHON}.packages: {error}") from error


def _sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
