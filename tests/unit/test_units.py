"""Sizes and durations: what is read, and that whatever else is written is a ValueError that shows what was meant."""

from __future__ import annotations

import pytest

from sandboxd.units import parse_bytes, parse_duration_ns


@pytest.mark.parametrize(
    ("text", "value"),
    [("64MiB", 64 << 20), ("64M", 64 << 20), ("64MB", 64_000_000), ("1.5 k", 1536), ("7", 7), (" 2 GiB ", 2 << 30)],
)
def test_a_size(text, value):
    assert value == parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2s", 2 * 10**9), ("500ms", 5 * 10**8), ("1.5s", 15 * 10**8), ("2m", 120 * 10**9), ("2", 2 * 10**9), ("7ns", 7)],
)
def test_a_duration(text, value):
    assert value == parse_duration_ns(text)


@pytest.mark.parametrize("parse", [parse_bytes, parse_duration_ns])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "-1",
        "1e9",
        "0x10",
        "1.",
        ".5",
        "1,5",
        "1 furlong",
        "1s1",
        "nan",
        "\u06f3",
        "9" * 400 + ".5",
        "9" * 5000,
    ],
    ids=ascii,
)
def test_anything_else_is_none(parse, text):
    """Also digits of other alphabets, and what is too large for a double."""
    with pytest.raises(ValueError, match="such as"):
        parse(text)
