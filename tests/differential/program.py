"""A program of the differential suite: Python that is run cold and warm, and a header that says what it needs.

The header is those lines of the comment at the head of the file that are TOML; other lines say what the program is about::

    # A module lies beside it.
    # files = { "part.py" = "VALUE = 1" }
    # limits = { memory_bytes = "48MiB" }
    # outcome = "MEMORY_LIMIT"
"""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import msgspec
from google.protobuf import json_format

from sandboxd.units import parse_bytes
from sandboxd.v1 import execution_service_pb2 as pb

_KEY = re.compile(rb"# \w+ = ")
DIRECTORY = Path(__file__).parent / "programs"


class Header(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a program's header says."""

    outcome: str = "OK"
    """The verdict, cold and warm, without VERDICT_: so that no program is compared that fails by mistake."""
    stdin: str = ""
    stdin_bytes: int = 0
    """Standard input of that many bytes of all values, in place of ``stdin``."""
    files: dict[str, str] = {}
    collect: list[str] = []
    args: list[str] = []
    env: dict[str, str] = {}
    tty: bool = False
    limits: dict[str, str | int | float] = {}
    fresh: bool = False
    """Whether stdout must be another in each run, warm ones included, as where random numbers are printed."""
    differs: dict[str, str] = {}
    """Parts of the answer that are not compared, each with the reason, which docs/performance.md has too."""


class Program:
    """A file with its header. ValueError, of TOML or msgspec, and json_format.ParseError tell that the header is wrong."""

    def __init__(self, path: Path) -> None:
        self.code = path.read_bytes()
        comment = itertools.takewhile(lambda line: line.startswith(b"#"), self.code.splitlines())
        lines = [line[1:].decode() for line in comment if _KEY.match(line)]
        self.header = msgspec.convert(tomllib.loads("\n".join(lines)), Header)
        pb.Verdict.Value(f"VERDICT_{self.header.outcome}")  # ValueError where there is none
        self._limits = _limits(self.header.limits)

    def request(self) -> pb.ExecuteRequest:
        """Return the submission, for either way."""
        header = self.header
        return pb.ExecuteRequest(
            source=pb.Source(language="python", code=self.code, args=header.args),
            files=[pb.File(path=path, content=content.encode()) for path, content in header.files.items()],
            stdin=bytes(i % 256 for i in range(header.stdin_bytes)) or header.stdin.encode(),
            env=header.env,
            limits=self._limits,
            collect=header.collect,
            tty=header.tty,
        )


def load_programs() -> dict[str, Program]:
    """Return all programs by name, such as ``streams/binary``."""
    paths = sorted(DIRECTORY.glob("*/*.py"))
    return {f"{path.parent.name}/{path.stem}": Program(path) for path in paths}


def _limits(fields: dict[str, str | int | float]) -> pb.Limits:
    values = {
        name: parse_bytes(value) if name.endswith("_bytes") and isinstance(value, str) else value
        for name, value in fields.items()
    }
    return json_format.ParseDict(values, pb.Limits())
