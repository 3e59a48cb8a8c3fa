"""A policy's limits, in TOML. The seccomp profile that it names has a target of its own."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import fields
from unittest import mock

from sandboxd.errors import InvalidConfiguration
from sandboxd.linux.seccomp import Filter
from sandboxd.linux.seccomp_profile import compile_profile
from sandboxd.model import Limits, LimitsRequest
from sandboxd.runtime import policy
from sandboxd.service.limits import resolve
from tests.fuzz import files

_MOST = 1 << 63
_PROFILE = "default.json"


def fuzz(data: bytes) -> None:
    """Make a policy whose limits are numbers that a kernel takes, or raise InvalidConfiguration that names the file.

    No limit is 0 or endless, the defaults are between floors and ceilings, and a request that asks for nothing is given
    them.
    """
    directory = files.directory("policies")
    path = files.put(directory / "default.toml", data)
    if not (directory / _PROFILE).exists():
        files.put(directory / _PROFILE, (policy.default_directory() / _PROFILE).read_bytes())
    try:
        # The filter of one and the same profile takes a hundred times as long as all the rest.
        with mock.patch.object(policy, "compile_profile", _compile):
            loaded = policy.load_policy(path)
    except InvalidConfiguration as error:
        assert str(error).startswith(f"{directory}/"), error  # noqa: PT017  (what else is raised is the finding)
        return
    _check(loaded)


def _compile(profile: object) -> Filter:
    return _compile_once(json.dumps(profile))


@functools.cache
def _compile_once(text: str) -> Filter:
    return compile_profile(json.loads(text))


def _check(loaded: policy.Policy) -> None:
    groups = (loaded.floors, loaded.defaults, loaded.compile_defaults, loaded.ceilings)
    for name in (field.name for field in fields(Limits)):
        floor, default, compile_default, ceiling = (getattr(group, name) for group in groups)
        for value in (floor, default, compile_default, ceiling):
            assert math.isfinite(value), name
            assert 0 < value < _MOST, name
            assert name == "cpus" or type(value) is int, name
        assert floor <= default <= ceiling
        assert floor <= compile_default <= ceiling
    assert type(loaded.inodes) is int
    assert 0 < loaded.inodes < _MOST
    assert resolve(LimitsRequest(), loaded.defaults, loaded, field="limits") == (loaded.defaults, [])
