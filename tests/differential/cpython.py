"""CPython's own test modules as submissions: the module, what it needs of the test package, and a program that runs it.

They are those of Debian's package for the image's Python, unpacked by ``make setup-tests``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from google.protobuf.duration_pb2 import Duration

from sandboxd.v1 import execution_service_pb2 as pb

OUTCOMES = "outcomes.txt"
"""What cpython_main.py writes, a line a test."""
_HERE = Path(__file__).parent
PACKAGE = _HERE.parents[1] / ".venv/python-tests/usr/lib/python3.11/test"
_IMPORT = re.compile(r"^\s*(?:from test import ([\w, ]+)|(?:from|import) test\.(\w+))", re.MULTILINE)
_LIMITS = pb.Limits(cpu_time=Duration(seconds=60), wall_time=Duration(seconds=120), memory_bytes=512 << 20)


class Module(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How a module is run."""

    exclude: list[str] = []
    """Words in the names of tests that are left out."""
    data: list[str] = []
    """Files and directories of the package that it opens without importing them."""


def load_modules() -> dict[str, Module]:
    """Return which modules are run. ValueError when the list is wrong."""
    return msgspec.convert(tomllib.loads((_HERE / "cpython.toml").read_text()), dict[str, Module])


def request(name: str, module: Module) -> pb.ExecuteRequest:
    """Return the submission that runs a module. FileNotFoundError where the package is not unpacked."""
    paths = dict.fromkeys(path for part in _needed(name) for path in _files(part))
    paths |= dict.fromkeys(path for data in module.data for path in _files(PACKAGE / data))
    files = [pb.File(path=f"test/{path.relative_to(PACKAGE)}", content=path.read_bytes()) for path in paths]
    files += [
        pb.File(path="main.py", content=(_HERE / "cpython_main.py").read_bytes()),
        pb.File(path="module.txt", content="\n".join([f"test.{name}", *module.exclude]).encode()),
    ]
    source = pb.Source(language="python", files=files, entrypoint="main.py")
    return pb.ExecuteRequest(source=source, limits=_LIMITS, collect=[OUTCOMES])


def _needed(name: str) -> Iterator[Path]:
    """Yield the files of a module, and of what it imports of the package, and so on."""
    seen, new = set(), {name}
    while new:
        seen |= new
        parts = [_place(part) for part in sorted(new)]
        yield from parts
        texts = [path.read_text("latin-1") for part in parts for path in _files(part) if path.suffix == ".py"]
        imported = {
            name for text in texts for found in _IMPORT.findall(text) for name in re.findall(r"\w+", " ".join(found))
        }
        new = {part for part in imported - seen if (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").exists()}


def _place(name: str) -> Path:
    return PACKAGE / name if (PACKAGE / name).is_dir() else PACKAGE / f"{name}.py"


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
