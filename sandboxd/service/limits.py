"""From what a request names to limits that hold: the policy's defaults, ceilings and floors."""

from __future__ import annotations

from dataclasses import fields, replace

from sandboxd.errors import Violation
from sandboxd.model import SECOND_NS, Limits, LimitsRequest
from sandboxd.runtime.policy import Policy

# Names in the proto, where times are Durations.
_PROTO_NAMES = {"cpu_time_ns": "cpu_time", "wall_time_ns": "wall_time"}
_NAMES = tuple(entry.name for entry in fields(LimitsRequest))


def resolve(
    asked: LimitsRequest, defaults: Limits, policy: Policy, *, field: str, memory_bytes: int = 0, processes: int = 0
) -> tuple[Limits, list[Violation]]:
    """Fill in the defaults and check the bounds. A limit out of bounds is refused, never clamped.

    ``field`` is the request's, such as ``limits``; ``memory_bytes`` and ``processes`` are what, measured, it takes to
    start what will run. A default below those is raised to them: nobody asked for it. A file or a disk default above the
    memory that was asked for stays: files count as memory, and memory then is what ends the run.
    """
    floors = _at_least(policy.floors, memory_bytes, processes)
    chosen = _at_least(defaults, floors.memory_bytes, floors.processes)
    wanted, violations = {}, []
    for name in _NAMES:
        value = getattr(asked, name)
        if value is None:
            continue
        least, most = getattr(floors, name), getattr(policy.ceilings, name)
        place = f"{field}.{_PROTO_NAMES.get(name, name)}"
        if value < least:
            violations.append(Violation(place, f"{_show(name, value)} is below the least, {_show(name, least)}"))
        elif value > most:
            text = f"{_show(name, value)} is above the ceiling of policy {policy.name!r}, {_show(name, most)}"
            violations.append(Violation(place, text))
        else:
            wanted[name] = value
    return (replace(chosen, **wanted) if wanted else chosen), violations


def _at_least(limits: Limits, memory_bytes: int, processes: int) -> Limits:
    if limits.memory_bytes >= memory_bytes and limits.processes >= processes:
        return limits
    return replace(
        limits,
        memory_bytes=max(limits.memory_bytes, memory_bytes),
        processes=max(limits.processes, processes),
    )


def _show(name: str, value: float) -> str:
    return f"{value / SECOND_NS:g} s" if name.endswith("_ns") else f"{value:g}" if name == "cpus" else str(value)
