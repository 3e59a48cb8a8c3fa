"""Globs of files to return, over the names that a program gave its files."""

from __future__ import annotations

import fnmatch
import os

from sandboxd import paths
from sandboxd.runtime.glob import Glob


def fuzz(data: bytes) -> None:
    """Match as trying everything does, for any pattern that a request may have and any path that a kernel allows.

    The first line is the pattern, the rest the path. What can match no more is not entered, and does not match.
    """
    line, _, rest = data.partition(b"\n")
    pattern, path = line.decode(errors="replace"), os.fsdecode(rest.replace(b"\0", b""))
    names = [name for name in path.split("/") if name]
    if paths.problem(pattern) or not names or len(names) > paths.MAX_DEPTH:
        return
    glob = Glob(pattern)
    places = glob.start
    matched = [glob.matches(places)]
    for name in names:
        open_before = glob.goes_on(places)
        places = glob.enter(places, name)
        matched.append(glob.matches(places))
        assert open_before or not places, "it went on after it had ended"
    assert matched == _expected(pattern.split("/"), names), (pattern, names)


def _expected(pattern: list[str], names: list[str]) -> list[bool]:
    """Say for each beginning of a path whether it matches, by a table of all pairs of beginnings."""
    table = [[False] * (len(names) + 1) for _ in range(len(pattern) + 1)]
    table[0][0] = True
    for row, part in enumerate(pattern, 1):
        last = row == len(pattern)
        for column in range(len(names) + 1):
            if part == "**":
                none = table[row - 1][column] and not last
                table[row][column] = none or (column > 0 and (table[row][column - 1] or table[row - 1][column - 1]))
            else:
                here = column > 0 and table[row - 1][column - 1]
                table[row][column] = here and fnmatch.fnmatchcase(names[column - 1], part)
    return table[-1]
