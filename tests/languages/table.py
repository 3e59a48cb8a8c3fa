"""The table of languages: a row is a file, programs/IMAGE/LANGUAGE.toml, and its programs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from sandboxd.images.manifest import Language, load_manifest

RECIPES = Path(__file__).resolve().parents[2] / "images"
_PROGRAMS = Path(__file__).parent / "programs"


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What programs in a language do, whatever the language: each field's name is a program's but for those of text."""

    image: str
    language: str
    version: str | None = None
    """Part of what the manifest's command says, which is None where the manifest has none."""
    hello: str
    sums: str
    """Prints the sum of two numbers, a line each, of its standard input."""
    broken: str
    complaint: str
    """Part of what is said about the broken program."""
    fails: str
    status: int
    message: str
    """Part of what the program that fails leaves on stderr."""
    endless: str
    hoards: str
    """Takes memory until there is none."""
    pair: str
    """Has two processes or threads come to 1 and 2, and prints the sum."""

    def __str__(self) -> str:
        return f"{self.image}-{self.language}"

    @property
    def offer(self) -> Language:
        """What the recipe's manifest says of the language."""
        return load_manifest(RECIPES / self.image / "manifest.toml").languages[self.language]


def rows() -> list[Row]:
    """Return the whole table, by image and language."""
    return [_row(path) for path in sorted(_PROGRAMS.glob("*/*.toml"))]


def _row(path: Path) -> Row:
    programs = tomllib.loads(path.read_text("utf-8"))
    return msgspec.convert({**programs, "image": path.parent.name, "language": path.stem}, Row)
