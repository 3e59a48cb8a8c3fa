"""Comparing two answers to one request: every part of them that is not a figure of what was used, or a name of the server's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandboxd.client.client import short_name
from sandboxd.v1 import execution_service_pb2 as pb
from tests.differential.normal import normal, without_figures

_CONTEXT = 300
"""Characters of two outputs that are shown from just before where they part."""


def parts(response: pb.ExecuteResponse) -> dict[str, Any]:
    """Return what the program's client can see of how it ended."""
    run = response.run
    return {
        "verdict": short_name(response.verdict, pb.Verdict),
        "fault domain": short_name(response.fault_domain, pb.FaultDomain),
        "exit code": run.exit_code if run.HasField("exit_code") else None,
        "signal": run.signal if run.HasField("signal") else None,
        "cause": (run.cause.limit, run.cause.allowed),
        "blocked syscall": run.blocked_syscall,
        "detail": without_figures(run.detail),
        "stdout": normal(run.stdout.data),
        "stderr": normal(run.stderr.data),
        "truncated": (run.stdout.truncated, run.stderr.truncated),
        "files": {file.path: (file.mode, file.content) for file in response.files},
        "skipped files": {file.path: file.reason for file in response.skipped_files},
        "image": response.image_digest,
        "policy": response.policy_digest,
    }


def differences(
    cold: pb.ExecuteResponse, warm: pb.ExecuteResponse, expected: Mapping[str, str] | None = None
) -> list[str]:
    """Say in what two answers differ, but for parts of which it is ``expected``."""
    ours, theirs = parts(cold), parts(warm)
    unknown = set(expected or ()) - set(ours)
    assert not unknown, f"an answer has no {unknown}"
    return list(_compare(ours, theirs, expected or {}))


def _compare(ours: dict[str, Any], theirs: dict[str, Any], expected: Mapping[str, str]) -> Iterator[str]:
    for name, value in ours.items():
        if name not in expected and value != theirs[name]:
            yield f"{name}: cold {_excerpt(value, theirs[name])}, warm {_excerpt(theirs[name], value)}"


def _excerpt(value: Any, other: Any) -> str:
    """Show a value, and of a long text only the part from the line in which it parts from another."""
    if not isinstance(value, bytes):
        return repr(value)[:_CONTEXT]
    same = next((i for i, (a, b) in enumerate(zip(value, other, strict=False)) if a != b), min(len(value), len(other)))
    start = value.rfind(b"\n", 0, same) + 1
    return f"from byte {start}: {value[start : start + _CONTEXT]!r}"
