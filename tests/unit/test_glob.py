"""Globs: what matches, and that no pattern takes long."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.runtime.glob import Glob


def matches(pattern, path):
    """Walk a pattern along a path, as the collector does."""
    glob = Glob(pattern)
    places = glob.start
    for name in path.split("/"):
        if not glob.goes_on(places):
            return False
        places = glob.enter(places, name)
    return glob.matches(places)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("a", "a"),
        ("*", "anything"),
        ("*.txt", "a.txt"),
        ("?.txt", "a.txt"),
        ("[ab].txt", "b.txt"),
        ("[a-c]", "b"),
        ("[!a-c]", "d"),
        ("out/*", "out/x"),
        ("**", "a"),
        ("**", "a/b/c"),
        ("out/**", "out/x"),
        ("out/**", "out/x/y/z"),
        ("**/x", "x"),
        ("**/x", "a/b/x"),
        ("a/**/b", "a/b"),
        ("a/**/b", "a/x/y/b"),
        ("**/a/**/b/**", "x/a/b/y"),
        ("**/*.py", "a/b.py"),
        ("**/**", "a/b"),
        ("*", ".hidden"),
        ("a\nb", "a\nb"),
        ("*", "\udcff"),
        ("[", "["),
        ("[]]", "]"),
    ],
)
def test_matches(pattern, path):
    assert matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("a", "b"),
        ("a", "a/b"),
        ("*", "a/b"),
        ("a/*", "a"),
        ("?", "ab"),
        ("?", ""),
        ("[!a]", "a"),
        ("[b-a]", "a"),
        ("[^a]", "b"),
        ("out/**", "out"),
        ("**/x", "x/y"),
        ("a/**/b", "a/x"),
        ("a**b", "a/b"),
        ("*.txt", "a.txt\n"),
    ],
)
def test_does_not_match(pattern, path):
    assert not matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 100 + "*c", "a" * 250 + "b"),
        ("**/" * 200 + "x", "/".join("a" * 60)),
        ("/".join(["**", "*"] * 100), "/".join("a" * 60)),
    ],
)
def test_no_pattern_takes_long(pattern, path):
    """With backtracking these would take years; the alarm ends the test, which nothing else could."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it takes too long"))
    signal.alarm(20)
    try:
        matches(pattern, path)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def slow(pattern, path):
    """Say by trying whether names match a pattern of whole names, ``*`` and ``**``."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        least = 1 if len(pattern) == 1 else 0
        return any(slow(pattern[1:], path[taken:]) for taken in range(least, len(path) + 1))
    return bool(path) and pattern[0] in ("*", path[0]) and slow(pattern[1:], path[1:])


names = st.sampled_from("ab")


@given(st.lists(names | st.sampled_from(["*", "**"]), min_size=1, max_size=6), st.lists(names, min_size=1, max_size=6))
def test_is_what_trying_everything_finds(pattern, path):
    assert slow(pattern, path) == matches("/".join(pattern), "/".join(path))


@given(st.text(min_size=1).filter(lambda text: "\0" not in text), st.text())
def test_any_text_is_a_pattern(pattern, path):
    matches(pattern, path)
