"""What is taken out of two outputs before they are compared, because it is another in any two runs of one program."""

from __future__ import annotations

import re

_RULES = (
    # The address of an object, in its repr: address spaces are laid out at random.
    (rb"\b0x[0-9a-f]{6,16}\b", b"0xADDRESS"),
    # The identifier of a thread in its repr, which is an address in decimal.
    (rb"\b(started (?:daemon )?)\d{14,15}\b", rb"\1IDENTIFIER"),
    # Names that tempfile makes of random letters.
    (rb"/tmp/tmp[a-z0-9_]{8}\b", b"/tmp/tmpRANDOM"),
    # How long unittest says that its tests took.
    (rb"\bRan (\d+) tests? in [\d.]+s", rb"Ran \1 tests in TIME"),
)


def normal(output: bytes) -> bytes:
    """Return an output without what is another in every run."""
    for pattern, replacement in _RULES:
        output = re.sub(pattern, replacement, output)
    return output


def without_figures(sentence: str) -> str:
    """Return the detail of a verdict without what was measured: times, bytes, how many were killed."""
    return re.sub(r"\bN processes\b", "N process", re.sub(r"\d[\d.,]*", "N", sentence))
