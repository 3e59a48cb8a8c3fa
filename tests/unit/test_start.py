"""START: what is remembered of it is what would be written anew, and little."""

from __future__ import annotations

import os

import pytest

from sandboxd.model import File
from sandboxd.runtime import start
from sandboxd.runtime.spec import ProgramSpec

SHORT, LONG = File(path="a/main.py", content=b"one"), File(path="a/" * 200 + "main.py", content=b"one")


def program(*argv, **env):
    limits = {"cpu_seconds": 1, "processes": 1, "open_files": 1, "file_size_bytes": 1, "stack_bytes": 1}
    return ProgramSpec(argv=("true", *argv), env=tuple(env.items()), tty=False, **limits)


def content(spec, files):
    """Return what is in the memfd."""
    fd = start.to_memfd(spec, files, 999)
    with open(fd, "rb") as file:
        return os.pread(file.fileno(), 1 << 24, 0)


@pytest.fixture(autouse=True)
def nothing_remembered():
    start._packed_before.cache_clear()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((program(), (SHORT,)), (program(), (File(path="a/main.py", content=b"another"),))),
        ((program(), (SHORT,)), (program(), (File(path="a/main.py", content=b"one", mode=0o700),))),
        ((program(), (SHORT,)), (program(), (File(path="main.py", content=b"one"),))),
        ((program(), (SHORT,)), (program(), ())),
        ((program(), ()), (program("x"), ())),
        ((program(A="1", B="2"), ()), (program(B="2", A="1"), ())),
        ((program(A="1"), ()), (program(A="2"), ())),
    ],
)
def test_what_is_remembered_is_what_is_written(one, other):
    """Of two that differ in something, after the other and again."""
    seen = [content(*one), content(*other), content(*one), content(*other)]
    for spec, files in (one, other):
        start._packed_before.cache_clear()
        seen.append(content(spec, files))

    assert seen[0] == seen[2] == seen[4]
    assert seen[1] == seen[3] == seen[5]
    assert seen[0] != seen[1]


@pytest.mark.parametrize(
    ("spec", "files", "remembered"),
    [
        (program(), (), True),
        (program(), (SHORT,), True),
        (program(), (SHORT, SHORT), False),
        (program(), (LONG,), False),
        (program("x" * 5000), (), False),
        (program(SECRET="x" * 5000), (), False),
    ],
)
def test_what_is_long_is_not_remembered(spec, files, remembered):
    content(spec, files)

    assert remembered == start._packed_before.cache_info().currsize


def test_the_last_content_goes_to_the_end():
    files = (File(path="a", content=b"12"), File(path="b", content=b"345"), File(path="c", content=b"6"))

    assert [(0, 2), (2, 3), (5, -1)] == [(place.offset, place.size) for place in start.places(files)]
