"""Whether a request is well-formed. Every rule collects its violations, so that a caller learns of all at once.

Names of images, languages and policies, and the bounds of a policy, are the service's to check.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from google.protobuf.duration_pb2 import Duration

from sandboxd import paths
from sandboxd.errors import Violation, shown
from sandboxd.model import SECOND_NS
from sandboxd.paths import Places
from sandboxd.v1 import execution_service_pb2 as pb

MAX_FILES = 4096
MAX_REQUEST_ID_BYTES = 128
MAX_GLOBS = 256
MAX_WORDS = 65536
MAX_ENV = 1024
MAX_TERMINAL = 65535
MAX_MODE = 0o777
MAX_GRACE_S = 3600
MAX_VIOLATIONS = 20
_MAX_DURATION_S = 315_576_000_000  # google/protobuf/duration.proto
_INTEGERS = (
    "memory_bytes",
    "cpu_shares",
    "processes",
    "output_bytes",
    "disk_bytes",
    "open_files",
    "file_size_bytes",
    "stack_bytes",
)
_SHOWN_NAME = 64
_NOT_ZERO = "must be above 0; 0 is never 'unlimited'"


def check_request(request: pb.ExecuteRequest) -> list[Violation]:
    """Return what is wrong with a request, at most :data:`MAX_VIOLATIONS` of it."""
    violations = [
        *_check_text("request_id", request.request_id, MAX_REQUEST_ID_BYTES),
        *_check_program(request),
        *_check_all_files(request),
        *_check_env(request),
        *_check_globs(request.collect),
    ]
    for name in ("limits", "compile_limits"):
        if request.HasField(name):
            violations += _check_limits(name, getattr(request, name))
    if request.HasField("window_size"):
        violations += check_window("window_size", request.window_size)
    return violations[:MAX_VIOLATIONS]


def check_window(field: str, window: pb.WindowSize) -> list[Violation]:
    """Return what is wrong with the size of a terminal."""
    return [
        Violation(f"{field}.{name}", f"{value} is not within 1 and {MAX_TERMINAL}")
        for name, value in (("columns", window.columns), ("rows", window.rows))
        if not 1 <= value <= MAX_TERMINAL
    ]


def check_grace(field: str, grace: Duration) -> list[Violation]:
    """Return what is wrong with the time that a program may take to end; none at all is fine."""
    problem = _duration_problem(grace) if grace.ByteSize() else None
    if problem is None and grace.ToSeconds() > MAX_GRACE_S:
        problem = f"longer than {MAX_GRACE_S} s"
    return [Violation(field, problem)] if problem else []


def _check_program(request: pb.ExecuteRequest) -> list[Violation]:
    match request.WhichOneof("program"):
        case "source":
            return _check_source(request.source)
        case "command":
            return _check_argv(request.command.argv)
        case _:
            return [Violation("program", "missing: give a source or a command")]


def _check_source(source: pb.Source) -> list[Violation]:
    violations = []
    if not source.language:
        violations.append(Violation("source.language", "missing"))
    violations += _check_words("source.args", source.args)
    if source.code and source.files:
        violations.append(Violation("source.code", "give code or files, not both"))
    if source.entrypoint:
        wrong = paths.problem(source.entrypoint)
        if wrong is None and source.files and source.entrypoint not in [file.path for file in source.files]:
            wrong = f"missing: no file is named {shown(source.entrypoint)}"
        if wrong:
            violations.append(Violation("source.entrypoint", wrong))
    return violations


def _check_argv(argv: Sequence[str]) -> list[Violation]:
    if not argv:
        return [Violation("command.argv", "missing: at least the name of a program")]
    violations = _check_words("command.argv", argv)
    if not argv[0]:
        violations.append(Violation("command.argv[0]", "the name of a program cannot be empty"))
    return violations


def _check_words(field: str, words: Sequence[str]) -> list[Violation]:
    if len(words) > MAX_WORDS:
        return [Violation(field, f"{len(words)} words are more than {MAX_WORDS}")]
    return [Violation(f"{field}[{index}]", "contains NUL") for index, word in enumerate(words) if "\0" in word]


def _check_all_files(request: pb.ExecuteRequest) -> list[Violation]:
    """Check all files that go into the workspace, and that no two want the same place."""
    groups = (("source.files", request.source.files), ("files", request.files))
    for name, files in groups:
        if len(files) > MAX_FILES:
            return [Violation(name, f"{len(files)} files are more than {MAX_FILES}")]
    violations = []
    places = Places()
    for name, files in groups:
        for index, file in enumerate(files):
            field = f"{name}[{index}]"
            wrong = paths.problem(file.path) or places.take(file.path, f"{field}.path")
            if wrong:
                violations.append(Violation(f"{field}.path", wrong))
            if file.mode > MAX_MODE:
                violations.append(Violation(f"{field}.mode", f"{file.mode:#o} is more than {MAX_MODE:#o}"))
            if len(violations) >= MAX_VIOLATIONS:
                return violations
    return violations


def _check_env(request: pb.ExecuteRequest) -> list[Violation]:
    if len(request.env) > MAX_ENV:
        return [Violation("env", f"{len(request.env)} variables are more than {MAX_ENV}")]
    violations = []
    for name, value in request.env.items():
        field = f'env["{name[:_SHOWN_NAME]}"]'
        if not name or "=" in name or "\0" in name:
            violations.append(Violation(field, "a name must not be empty and has no '=' and no NUL"))
        if "\0" in value:
            violations.append(Violation(field, "the value contains NUL"))
    return violations


def _check_limits(field: str, limits: pb.Limits) -> list[Violation]:
    violations = []
    for name in ("cpu_time", "wall_time"):
        if limits.HasField(name):
            problem = _duration_problem(getattr(limits, name))
            if problem:
                violations.append(Violation(f"{field}.{name}", problem))
    if limits.HasField("cpus") and not (math.isfinite(limits.cpus) and limits.cpus > 0):
        violations.append(Violation(f"{field}.cpus", f"{limits.cpus} is not a number above 0; 0 is never 'unlimited'"))
    violations += [
        Violation(f"{field}.{name}", _NOT_ZERO)
        for name in _INTEGERS
        if limits.HasField(name) and getattr(limits, name) == 0
    ]
    return violations


def _duration_problem(duration: Duration) -> str | None:
    if abs(duration.seconds) > _MAX_DURATION_S or abs(duration.nanos) >= SECOND_NS:
        return "not a valid Duration"
    if duration.seconds * duration.nanos < 0:
        return "not a valid Duration: seconds and nanos have different signs"
    if duration.seconds < 0 or duration.nanos < 0:
        return "must not be negative"
    return _NOT_ZERO if duration.seconds == 0 and duration.nanos == 0 else None


def _check_globs(globs: Sequence[str]) -> Iterable[Violation]:
    if len(globs) > MAX_GLOBS:
        yield Violation("collect", f"{len(globs)} globs are more than {MAX_GLOBS}")
        return
    for index, glob in enumerate(globs):
        wrong = paths.problem(glob)
        if wrong:
            yield Violation(f"collect[{index}]", wrong)


def _check_text(field: str, text: str, most: int) -> list[Violation]:
    if len(text.encode()) > most:
        return [Violation(field, f"longer than {most} bytes")]
    return []
