"""Sizes and durations as people write them."""

from __future__ import annotations

import re

from sandboxd.errors import shown

_BYTES = {"": 1, "b": 1, "k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20, "g": 1 << 30, "gib": 1 << 30}
_DECIMAL_BYTES = {"kb": 10**3, "mb": 10**6, "gb": 10**9}
_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
# Digits of ASCII, and fewer than a double or an int has trouble with.
_PATTERN = re.compile(r"\s*([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([A-Za-z]*)\s*")


def parse_bytes(text: str) -> int:
    """Return ``64MiB``, ``64M``, ``64MB`` or ``67108864`` in bytes. M is MiB, as container tools have it; MB is decimal."""
    return _parse(text, {**_BYTES, **_DECIMAL_BYTES}, "a size such as 64MiB")


def parse_duration_ns(text: str) -> int:
    """Return ``2s``, ``500ms``, ``1.5s`` or ``2m`` in nanoseconds. A number without a unit is seconds."""
    return _parse(text, {**_NANOSECONDS, "": 10**9}, "a duration such as 2s or 500ms")


def _parse(text: str, units: dict[str, int], what: str) -> int:
    match = _PATTERN.fullmatch(text)
    if match is None or match[2].lower() not in units:
        raise ValueError(f"{shown(text)} is not {what}")
    return (
        round(float(match[1]) * units[match[2].lower()]) if "." in match[1] else int(match[1]) * units[match[2].lower()]
    )
