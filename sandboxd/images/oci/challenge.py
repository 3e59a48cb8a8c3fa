"""What a registry answers with 401: how it wants to know who asks (RFC 9110, section 11; RFC 6750)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PIECE = re.compile(
    rf'[\s,]*(?:(?P<key>{_WORD})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>{_WORD}))|(?P<scheme>{_WORD})(?=[\s,]|$))'
)
_MOST_CHARACTERS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to say who asks."""

    scheme: str
    """In small letters, such as ``basic`` or ``bearer``."""
    parameters: Mapping[str, str]
    """By name in small letters."""


def parse_challenges(headers: Sequence[str]) -> list[Challenge]:
    """Read the WWW-Authenticate headers of one answer. What cannot be read ends its header."""
    return [challenge for header in headers for challenge in _parse(header[:_MOST_CHARACTERS])]


def _parse(header: str) -> Iterator[Challenge]:
    scheme, parameters, place = "", dict[str, str](), 0
    while piece := _PIECE.match(header, place):
        place = piece.end()
        if piece["scheme"]:
            if scheme:
                yield Challenge(scheme=scheme, parameters=parameters)
            scheme, parameters = piece["scheme"].lower(), {}
        else:
            value = piece["bare"] if piece["quoted"] is None else re.sub(r"\\(.)", r"\1", piece["quoted"])
            parameters.setdefault(piece["key"].lower(), value)
    if scheme:
        yield Challenge(scheme=scheme, parameters=parameters)
