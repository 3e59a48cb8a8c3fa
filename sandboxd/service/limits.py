"""From what a request names to limits that hold: the policy's defaults, ceilings and floors."""

from __future__ import annotations

from dataclasses import fields, replace

from sandboxd.errors import Violation
from sandboxd.model import SECOND_NS, Limits, LimitsRequest
from sandboxd.runtime.policy import Policy

# Names in the proto, where times are Durations.
_PROTO_NAMES = {"cpu_time_ns": "cpu_time", "wall_time_ns": "wall_time"}


def resolve(
    asked: LimitsRequest, defaults: Limits, policy: Policy, *, min_memory_bytes: int, field: str
) -> tuple[Limits, list[Violation]]:
    """Fill in the defaults and check the bounds. A limit out of bounds is refused, never clamped.

    ``min_memory_bytes`` is the measured floor of what will run; ``field`` is the request's field, such as
    ``limits``. A default below that floor is raised to it: nobody asked for it. A file or a disk default above the
    memory that was asked for stays: files count as memory, and memory then is what ends the run.
    """
    floors = replace(policy.floors, memory_bytes=max(policy.floors.memory_bytes, min_memory_bytes))
    chosen = replace(defaults, memory_bytes=max(defaults.memory_bytes, floors.memory_bytes))
    violations = []
    for entry in fields(LimitsRequest):
        value = getattr(asked, entry.name)
        if value is None:
            continue
        least, most = getattr(floors, entry.name), getattr(policy.ceilings, entry.name)
        name = f"{field}.{_PROTO_NAMES.get(entry.name, entry.name)}"
        if value < least:
            violations.append(
                Violation(name, f"{_show(entry.name, value)} is below the least, {_show(entry.name, least)}")
            )
        elif value > most:
            text = (
                f"{_show(entry.name, value)} is above the ceiling of policy {policy.name!r}, {_show(entry.name, most)}"
            )
            violations.append(Violation(name, text))
        else:
            chosen = replace(chosen, **{entry.name: value})
    return chosen, violations


def _show(name: str, value: float) -> str:
    return f"{value / SECOND_NS:g} s" if name.endswith("_ns") else f"{value:g}" if name == "cpus" else str(value)
