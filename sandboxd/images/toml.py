"""Reading TOML into structs, with errors that name file and key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sandboxd.errors import InvalidConfiguration

_T = TypeVar("_T")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]*)`")
_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_MOST_PARTS = 64
# tomllib keeps each beginning of a key, and joins them anew: 4,000 parts take 62 MiB, 40,000 a hundred times that.
_LONG_KEY = re.compile(
    rf"(?:^|[{{,])[ \t]*+\[{{0,2}}+[ \t]*+(?:{_PART}[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}", re.MULTILINE
)
_AT = re.compile(r" - at `\$(?P<path>[^`]*)`$")


def read(path: Path) -> dict[str, Any]:
    """Parse a TOML file."""
    try:
        text = path.read_text("utf-8")
        if _LONG_KEY.search(text):
            raise InvalidConfiguration(f"{path}: a key of more than {_MOST_PARTS} parts")
        return tomllib.loads(text)
    except OSError as error:
        raise InvalidConfiguration(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not TOML, or not UTF-8, or too deep
        raise InvalidConfiguration(f"{path}: {error}") from error


def convert(tables: Any, into: type[_T], where: str, at: str = "") -> _T:
    """Convert parsed TOML, the table ``at`` of the file ``where``, into a struct. Unknown keys are errors."""
    try:
        return msgspec.convert(tables, into)
    except msgspec.ValidationError as error:
        raise InvalidConfiguration(f"{where}: {readable(str(error), at)}") from error


def readable(message: str, at: str = "") -> str:
    """Turn msgspec's wording into ``key: complaint``."""
    found = _AT.search(message)
    path = (at + found["path"] if found else at).lstrip(".")
    message = _AT.sub("", message)
    for pattern, complaint in ((_UNKNOWN, "unknown key"), (_MISSING, "is missing")):
        if found := pattern.fullmatch(message):
            return f"{path}.{found['key']}: {complaint}".lstrip(".")
    return f"{path}: {message}" if path else message
