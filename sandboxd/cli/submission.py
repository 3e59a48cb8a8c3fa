"""From the flags of ``run`` to a request."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from sandboxd.cli.connect import fail
from sandboxd.client.client import duration
from sandboxd.units import parse_bytes, parse_duration_ns
from sandboxd.v1 import execution_service_pb2 as pb

LANGUAGES = {
    ".py": "python",
    ".c": "c",
    ".cpp": "cpp",
    ".cc": "cpp",
    ".cxx": "cpp",
    ".sh": "sh",
    ".bash": "bash",
    ".js": "javascript",
    ".mjs": "javascript",
    ".ts": "typescript",
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
    ".rb": "ruby",
    ".php": "php",
    ".pl": "perl",
    ".lua": "lua",
    ".hs": "haskell",
    ".ml": "ocaml",
    ".pas": "pascal",
    ".f90": "fortran",
    ".cs": "csharp",
    ".scm": "scheme",
    ".lisp": "lisp",
    ".r": "r",
    ".sql": "sql",
}


class Size(click.ParamType[int]):
    """A number of bytes, such as 64MiB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse it."""
        try:
            return parse_bytes(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Time(click.ParamType[int]):
    """A duration, such as 2s, in nanoseconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse it."""
        try:
            return parse_duration_ns(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@contextlib.contextmanager
def valid() -> Iterator[None]:
    """Make a request in this: what cannot be one ends the process with 125 and one line."""
    try:
        yield
    except click.UsageError as error:
        fail(error.format_message())
    except UnicodeEncodeError as error:  # protobuf's own, of a string that came in as bytes
        fail(f"{os.fsencode(error.object)!r} is not UTF-8, as all but the content of files must be")


def guess_language(path: str) -> str:
    """Return the language of a file's extension. UsageError where it says nothing."""
    language = LANGUAGES.get(Path(path).suffix.lower())
    if language is None:
        raise click.UsageError(f"{path}: give its --language")
    return language


def parse_env(pairs: Sequence[str]) -> dict[str, str]:
    """Return K=V pairs; K alone takes the value from this environment, as container tools have it."""
    env = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if separator:
            env[name] = value
        elif name in os.environ:
            env[name] = os.environ[name]
        else:
            raise click.UsageError(f"--env: {name} has no = and is not set here")
    return env


def read_file(argument: str) -> pb.File:
    """Read HOST[:NAME]; NAME is the path in the workspace, by default the file's own name."""
    host, separator, name = argument.rpartition(":")
    if not separator or Path(argument).exists():
        host, name = argument, ""
    try:
        return load(host, name or Path(host).name)
    except click.UsageError as error:
        raise click.UsageError(f"--file: {error}") from error


def load(host: str, name: str) -> pb.File:
    """Read a file of this machine."""
    try:
        content, mode = Path(host).read_bytes(), os.stat(host).st_mode & 0o777
    except OSError as error:
        raise click.UsageError(f"{host}: {error.strerror}") from error
    return pb.File(path=name, content=content, mode=mode)


def limits(flags: Mapping[str, Any]) -> pb.Limits:
    """Return the limits that were given."""
    message = pb.Limits()
    for flag, field in (
        ("cpu_time", "cpu_time"),
        ("wall_time", "wall_time"),
        ("memory", "memory_bytes"),
        ("cpu_shares", "cpu_shares"),
        ("cpus", "cpus"),
        ("processes", "processes"),
        ("output_limit", "output_bytes"),
        ("disk", "disk_bytes"),
        ("open_files", "open_files"),
        ("file_size", "file_size_bytes"),
        ("stack", "stack_bytes"),
    ):
        if flags.get(flag) is not None:
            try:
                if field.endswith("_time"):
                    getattr(message, field).CopyFrom(duration(flags[flag]))
                else:
                    setattr(message, field, flags[flag])
            except ValueError as error:
                raise click.UsageError(f"--{flag.replace('_', '-')}: {error}") from error
    return message


def program(language: str | None, words: tuple[str, ...]) -> dict[str, Any]:
    """Return the source or command that the words name: FILE with its arguments, or what follows ``--``."""
    if "--" in sys.argv and words == tuple(sys.argv[sys.argv.index("--") + 1 :]):  # click takes the dashes away
        return {"command": pb.Command(argv=words)}
    if not words:
        raise click.UsageError("give a FILE, or -- COMMAND...")
    name, *args = words
    file = load(name, Path(name).name)
    source = pb.Source(language=language or guess_language(name), files=[file], entrypoint=file.path, args=args)
    return {"source": source}
