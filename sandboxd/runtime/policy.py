"""Policies: named security profiles, one TOML file each, with the seccomp profile that it names beside it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sandboxd.errors import InvalidConfiguration
from sandboxd.linux import seccomp
from sandboxd.linux.seccomp_profile import InvalidProfile, compile_profile
from sandboxd.model import Limits
from sandboxd.units import parse_bytes, parse_duration_ns

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_KEYS = {"description", "seccomp", "inodes", "defaults", "compile_defaults", "ceilings", "floors"}
_MAY_BE_MISSING = {"commit"}
_MIN_INODES = 16
_MOST = (1 << 63) - 1
# By the names of the proto, which is what users write.
_FIELDS = {{"cpu_time_ns": "cpu_time", "wall_time_ns": "wall_time"}.get(f.name, f.name): f.name for f in fields(Limits)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy, loaded and compiled."""

    name: str
    description: str
    digest: str
    seccomp: seccomp.Filter
    defaults: Limits
    compile_defaults: Limits
    ceilings: Limits
    floors: Limits
    inodes: int
    commit: bool
    """Whether images may be made of what programs leave. Programs do not see it, so it is not in the digest."""


def default_directory() -> Path:
    """Return the policies that sandboxd ships: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "_data" / "policies"
    return packaged if packaged.is_dir() else package.parent / "policies"


def load_policies(directory: Path) -> dict[str, Policy]:
    """Load every policy of a directory. InvalidConfiguration names the file and the key."""
    return {path.stem: load_policy(path) for path in sorted(directory.glob("*.toml"))}


def load_policy(path: Path) -> Policy:
    """Load one policy."""
    if not _NAME.fullmatch(path.stem):
        raise InvalidConfiguration(f"{path}: a policy's name is {_NAME.pattern}")
    try:
        content = path.read_bytes()
        table = tomllib.loads(content.decode())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidConfiguration(f"{path}: {error}") from error
    _check_keys(table, _KEYS | _MAY_BE_MISSING, path, "")
    commit = table.get("commit", False)
    if not isinstance(commit, bool):
        raise InvalidConfiguration(f"{path}: commit: must be true or false")
    compiled = _compile(path, str(table["seccomp"]))
    groups = {name: _limits(path, name, table[name]) for name in ("defaults", "compile_defaults", "ceilings", "floors")}
    for name in ("defaults", "compile_defaults"):
        _check_within(path, name, groups[name], groups["floors"], groups["ceilings"])
    inodes = table["inodes"]
    if not isinstance(inodes, int) or not _MIN_INODES <= inodes <= _MOST:
        raise InvalidConfiguration(f"{path}: inodes: must be a number of at least {_MIN_INODES} and at most {_MOST}")
    limits = json.dumps({name: asdict(group) for name, group in groups.items()}, sort_keys=True)
    digest = hashlib.sha256(limits.encode() + str(inodes).encode() + compiled.audit_bpf + compiled.bpf).hexdigest()
    return Policy(
        name=path.stem,
        description=str(table["description"]),
        digest=f"sha256:{digest}",
        seccomp=compiled,
        inodes=inodes,
        commit=commit,
        **groups,
    )


def _compile(path: Path, name: str) -> seccomp.Filter:
    """Compile the seccomp profile beside the policy."""
    profile = path.parent / name
    if Path(name).name != name:
        raise InvalidConfiguration(f"{path}: seccomp: {name!r} must be a file beside the policy")
    try:
        return compile_profile(json.loads(profile.read_bytes()))
    except (OSError, InvalidProfile, ValueError, RecursionError) as error:
        raise InvalidConfiguration(f"{profile}: {error}") from error


def _limits(path: Path, group: str, table: Any) -> Limits:
    if not isinstance(table, dict):
        raise InvalidConfiguration(f"{path}: {group}: must be a table")
    _check_keys(table, set(_FIELDS), path, f"{group}.")
    values = {}
    for name, field in _FIELDS.items():
        try:
            values[field] = _value(field, table[name])
        except (ValueError, TypeError) as error:
            raise InvalidConfiguration(f"{path}: {group}.{name}: {error}") from error
        if values[field] <= 0:
            raise InvalidConfiguration(f"{path}: {group}.{name}: must be above 0; 0 is never 'unlimited'")
        if values[field] > _MOST:
            raise InvalidConfiguration(
                f"{path}: {group}.{name}: must be at most {_MOST}, which no kernel counts beyond"
            )
    return Limits(**values)


def _value(field: str, value: Any) -> Any:
    if field == "cpus":
        return float(len(os.sched_getaffinity(0))) if value == "all" else _cpus(value)
    if field.endswith("_ns"):
        if not isinstance(value, str):
            raise TypeError("must be a duration such as '2s'")
        return parse_duration_ns(value)
    if isinstance(value, str):
        return parse_bytes(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("must be a whole number, or a size such as '64MiB'")
    return value


def _cpus(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not -_MOST <= value <= _MOST:
        raise TypeError("must be a number of CPUs, or 'all'")
    return float(value)


def _check_keys(table: Mapping[str, Any], known: set[str], path: Path, prefix: str) -> None:
    for name in table:
        if name not in known:
            raise InvalidConfiguration(f"{path}: {prefix}{name}: unknown key; known are {', '.join(sorted(known))}")
    for name in sorted(known - _MAY_BE_MISSING):
        if name not in table:
            raise InvalidConfiguration(f"{path}: {prefix}{name}: missing")


def _check_within(path: Path, name: str, limits: Limits, floors: Limits, ceilings: Limits) -> None:
    for shown, field in _FIELDS.items():
        if not getattr(floors, field) <= getattr(limits, field) <= getattr(ceilings, field):
            raise InvalidConfiguration(f"{path}: {name}.{shown}: not between floors.{shown} and ceilings.{shown}")
