"""Sizes and durations as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from sandboxd.units import parse_bytes, parse_duration_ns

_UNITS = {
    parse_bytes: {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
    | {"": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30},
    parse_duration_ns: {"": 10**9, "ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "h": 3600 * 10**9}
    | {"m": 60 * 10**9, "min": 60 * 10**9},
}
_DOUBLE = Fraction(1, 2**50)
"""How exact a number with a point has to be."""


def fuzz(data: bytes) -> None:
    """Read any text as what exact arithmetic makes of it, or refuse it with a ValueError that says what was meant."""
    text = data.decode(errors="surrogateescape")
    for parse in (parse_bytes, parse_duration_ns):
        _check(parse, text)


def _check(parse: Callable[[str], int], text: str) -> None:
    try:
        value = parse(text)
    except ValueError as error:
        assert "such as" in str(error), error  # noqa: PT017  (what else is raised is the finding)
        return
    number, unit = re.fullmatch(r"\s*([0-9.]+)\s*([a-z]*)\s*", text.lower()).groups()
    exact = Fraction(number) * _UNITS[parse][unit]
    assert abs(value - exact) <= (exact * _DOUBLE + Fraction(1, 2) if "." in number else 0), (text, value)
