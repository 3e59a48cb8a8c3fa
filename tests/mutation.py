"""Copies of sandboxd with something taken out of them, to see what notices. The product has no switch for that."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

REPOSITORY = Path(__file__).resolve().parents[1]
_COPIED = (
    "sandboxd",
    "policies",
    "images",
    "proto",
    "deploy",
    "examples",
    "docs",
    "tests",
    "pyproject.toml",
    "README.md",
)
INIT = "sandboxd/runtime/init.c"
_IGNORED = shutil.ignore_patterns("__pycache__")


@dataclass(frozen=True)
class Edit:
    """A piece of a file's text, which must be there once, and what takes its place."""

    file: str
    old: str
    new: str = ""

    def apply(self, directory: Path) -> None:
        """Make the edit. AssertionError where the text is not there, or more than once."""
        path = directory / self.file
        text = path.read_text()
        assert text.count(self.old) == 1, f"{self.file} has {self.old!r} {text.count(self.old)} times"
        path.write_text(text.replace(self.old, self.new))


@contextlib.contextmanager
def mutated(edits: Sequence[Edit], added: Mapping[str, str] = MappingProxyType({})) -> Iterator[Path]:
    """Give a copy of the repository with the edits made, which other users can read. ``added`` has the texts of more files."""
    with tempfile.TemporaryDirectory(prefix="sandboxd-mutant-") as directory:
        Path(directory).chmod(0o755)
        for name in _COPIED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, Path(directory, name), symlinks=True, ignore=_IGNORED)
            else:
                shutil.copy(source, Path(directory, name))
        for name, text in added.items():
            Path(directory, name).write_text(text)
        for edit in edits:
            edit.apply(Path(directory))
        if any(edit.file == INIT for edit in edits):
            subprocess.run([sys.executable, f"{directory}/deploy/build_init.py"], check=True)
        yield Path(directory)


def environment(directory: Path) -> dict[str, str]:
    """Return the variables with which Python takes the copy and not the original, wherever it is started."""
    return {"PYTHONPATH": str(directory), "PYTHONSAFEPATH": "1"}
