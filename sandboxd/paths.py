"""Paths below a workspace: what is wrong with one, and with two that want the same place."""

from __future__ import annotations

from bisect import bisect

MAX_PATH_BYTES = 4096
MAX_NAME_BYTES = 255
MAX_DEPTH = 64


def problem(path: str) -> str | None:
    """Say what is wrong with a path, or with a glob over paths; None when nothing is."""
    if not path:
        return "missing"
    if "\0" in path:
        return "contains NUL"
    if path.startswith("/"):
        return "must be relative"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"longer than {MAX_PATH_BYTES} bytes"
    names = path.split("/")
    if len(names) > MAX_DEPTH:
        return f"deeper than {MAX_DEPTH} directories"
    return next(filter(None, map(_problem_of_name, names)), None)


def _problem_of_name(name: str) -> str | None:
    if name == "..":
        return "must not contain '..'"
    if name in ("", "."):
        return "has an empty or '.' component"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"has a component longer than {MAX_NAME_BYTES} bytes"
    return None


class Places:
    """Which names are taken, as files and as the directories above them, and by which field of a request.

    Nothing is kept of the directories: thousands of deep paths have a hundred times as many. With NUL, which is in no path,
    for the slash, what is below a directory follows at once where its name would be.
    """

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._sorted: list[str] = []

    def take(self, path: str, field: str) -> str | None:
        """Note a file's path; say what is wrong where its name, or one above it, is taken."""
        key = path.replace("/", "\0")
        if key in self._fields:
            return f"duplicate of {self._fields[key]}"
        place = bisect(self._sorted, key)
        other = self._above(place, key) or self._below(place, key)
        if other is not None:
            return f"one name is both a file and a directory: see {other}"
        self._fields[key] = field
        self._sorted.insert(place, key)
        return None

    def _above(self, place: int, key: str) -> str | None:
        """Return the field of a file that would be a directory above."""
        before = self._sorted[place - 1] if place else ""
        return self._fields[before] if before and key.startswith(f"{before}\0") else None

    def _below(self, place: int, key: str) -> str | None:
        """Return the first field of a file that is below."""
        directory = f"{key}\0"
        if place == len(self._sorted) or not self._sorted[place].startswith(directory):
            return None
        return next(field for name, field in self._fields.items() if name.startswith(directory))
