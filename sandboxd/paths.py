"""Paths below a workspace: what is wrong with one, and with two that want the same place."""

from __future__ import annotations

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
    """Which names are taken, as files and as the directories above them, and by which field of a request."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._directories: dict[str, str] = {}

    def take(self, path: str, field: str) -> str | None:
        """Note a file's path; say what is wrong where its name, or one above it, is taken."""
        if path in self._files:
            return f"duplicate of {self._files[path]}"
        names = path.split("/")
        above = ["/".join(names[:depth]) for depth in range(1, len(names))]
        other = self._directories.get(path) or next((self._files[name] for name in above if name in self._files), None)
        if other is not None:
            return f"one name is both a file and a directory: see {other}"
        self._files[path] = field
        for name in above:
            self._directories.setdefault(name, field)
        return None
