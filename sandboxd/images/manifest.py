"""The manifest of an image: its languages and its environment, as ``manifest.toml`` says. Starts and mounts nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sandboxd import paths
from sandboxd.errors import InvalidConfiguration
from sandboxd.images.toml import convert, read

ENTRYPOINT = "{entrypoint}"
STEM = "{stem}"
SOURCES = "{sources}"
PYTHON = "python"
"""The language that has packages of its own."""
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
_LANGUAGE_NAME = re.compile(r"[a-z0-9][a-z0-9.+#_-]*")
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_NEVER = 1 << 63
_MOST_LANGUAGES = 64
_OPTION_LIKE = ("-", "@")  # gcc reads options from the file that an argument @file names


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a language's runtime is held up before it looks at a program, so that programs can be forked from it."""

    hook: str
    """Name of the hook, by the runtime that it is for: "cpython"."""
    place: str
    """Path in the image where the runtime looks for the hook at its start; what is there is hidden from it."""
    preload: tuple[str, ...] = ()
    """Modules that it loads first. They are loaded, and in sys.modules, when a program starts."""

    def __post_init__(self) -> None:
        _require(_LANGUAGE_NAME.fullmatch(self.hook) is not None, f"{self.hook!r} is not a name of a hook")
        _require(self.place.startswith("/") and paths.problem(self.place[1:]) is None, "place must be an absolute path")
        for name in self.preload:
            _require(_MODULE.fullmatch(name) is not None, f"{name!r} is not a name of a module")


class Language(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sources of one language are compiled and run."""

    name: str
    aliases: tuple[str, ...] = ()
    source: str
    """File name of a program that is one file without a name."""
    extensions: tuple[str, ...]
    compile: tuple[str, ...] | None = None
    """Template of the compiler's argv; None for a language that is not compiled."""
    run: tuple[str, ...]
    """Template of the program's argv."""
    env: Mapping[str, str] = {}
    """Over the image's environment, in both phases."""
    min_memory_bytes: int = 0
    """Below this a hello does not run; 0 says nothing."""
    compile_min_memory_bytes: int = 0
    """Below this a hello does not compile; 0 says nothing."""
    compile_min_processes: int = 0
    """Below this many processes at a time it does not either."""
    version: tuple[str, ...] | None = None
    """Argv of a command that says which version this is; None where nobody said how. Nothing here runs it."""
    template: Template | None = None
    """None for a language whose programs are always exec'ed."""
    packages: tuple[str, ...] = ()
    """Requirements of Python packages, which a recipe's image has in a layer of their own. In an image that is made they say nothing."""

    def __post_init__(self) -> None:
        for name in (self.name, *self.aliases):
            _require(_LANGUAGE_NAME.fullmatch(name) is not None, f"{name!r} is not a name of a language")
        _require(paths.problem(self.source) is None and "/" not in self.source, "source must be the name of a file")
        for extension in self.extensions:
            _require(len(extension) > 1 and extension[0] == ".", f"extension {extension!r} must begin with a dot")
        for template in (self.run, self.compile):
            _check_template(template)
        if self.version is not None:
            _check_command(self.version)
        _require(not self.packages or self.name == PYTHON, f"only {PYTHON} has packages")
        _check_env(self.env)
        least_memory = (self.min_memory_bytes, self.compile_min_memory_bytes)
        _require(min(least_memory) >= 0, "memory cannot be negative")
        _require(self.compile_min_processes >= 0, "a number of processes cannot be negative")
        _require(max(*least_memory, self.compile_min_processes) < _NEVER, "no machine has that much")

    def sources_of(self, files: Iterable[str]) -> tuple[str, ...]:
        """Return those of the files that are sources of this language, in order."""
        return tuple(file for file in files if file.endswith(self.extensions))


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an image offers."""

    languages: Mapping[str, Language]
    """By name, aliases not among the keys."""
    env: Mapping[str, str] = {}
    """Environment of every program, under that of the language and of the request."""

    def __post_init__(self) -> None:
        _require(len(self.languages) <= _MOST_LANGUAGES, f"more than {_MOST_LANGUAGES} languages")
        _check_env(self.env)
        owners: dict[str, str] = {}
        for language in self.languages.values():
            for name in (language.name, *language.aliases):
                owner = owners.setdefault(name, language.name)
                _require(owner == language.name, f"{name!r} names both {owner} and {language.name}")


def load_manifest(path: Path) -> Manifest:
    """Read a manifest. InvalidConfiguration names the file and the key."""
    return parse_manifest(read(path), str(path))


def parse_manifest(tables: Mapping[str, Any], where: str) -> Manifest:
    """Check the parsed TOML of a manifest that came from ``where``. An image without languages runs commands only."""
    languages = tables.get("languages", {})
    if not isinstance(languages, dict):
        raise InvalidConfiguration(f"{where}: languages: must be tables, [languages.<name>]")
    converted = {name: _parse_language(name, table, where) for name, table in languages.items()}
    return convert({**tables, "languages": converted}, Manifest, where)


def expand(template: Sequence[str], entrypoint: str, sources: Sequence[str]) -> tuple[str, ...]:
    """Fill an argv template in. A file whose name looks like an option is given as ``./name``."""
    file = _as_file(entrypoint)
    names = {ENTRYPOINT: file, STEM: os.path.splitext(file)[0]}
    argv: list[str] = []
    for element in template:
        if element == SOURCES:
            argv += [_as_file(source) for source in sources]
        else:
            argv.append(_PLACEHOLDER.sub(lambda found: names.get(found[0], found[0]), element))
    return tuple(argv)


def _as_file(path: str) -> str:
    return f"./{path}" if path.startswith(_OPTION_LIKE) else path


def _parse_language(name: str, table: Any, where: str) -> Language:
    at = f"languages.{name}"
    if not isinstance(table, dict):
        raise InvalidConfiguration(f"{where}: {at}: must be a table")
    if "name" in table:
        raise InvalidConfiguration(f"{where}: {at}.name: unknown key; the table's name is the language's")
    return convert({**table, "name": name}, Language, where, at)


def _check_template(template: tuple[str, ...] | None) -> None:
    if template is None:
        return
    _check_command(template)
    for element in template:
        for placeholder in _PLACEHOLDER.findall(element):
            _require(placeholder in (ENTRYPOINT, STEM, SOURCES), f"unknown placeholder {placeholder}")
            _require(placeholder != SOURCES or element == SOURCES, f"{SOURCES} must be a whole element")


def _check_command(argv: tuple[str, ...]) -> None:
    _require(len(argv) > 0 and argv[0] != "", "a command needs at least the name of a program")
    _require(not any("\0" in element for element in argv), "a command has a NUL")


def _check_env(env: Mapping[str, str]) -> None:
    for name, value in env.items():
        _require(ENV_NAME.fullmatch(name) is not None, f"{name!r} is not a name of an environment variable")
        _require("\0" not in value, f"environment variable {name} has a NUL")


def _require(truth: bool, message: str) -> None:
    """Reject what msgspec's types cannot; msgspec adds where it was."""
    if not truth:
        raise ValueError(message)
