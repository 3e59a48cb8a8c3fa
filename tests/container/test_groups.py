"""Control groups as the launcher makes them, some of them ahead. On cgroup v2 none is: what is said of groups holds all the same."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from sandboxd.attack.guard import PARENT_VARIABLE
from sandboxd.linux import cgroups
from sandboxd.linux.cgroups import Settings, v1

MIB = 1 << 20
BEFORE = Settings(memory_bytes=64 * MIB, processes=10, cpu_shares=512, cpu_set="0")
AFTER = Settings(memory_bytes=128 * MIB, processes=20, cpu_shares=2048, cpu_set=None)
LIMITS = ("memory.limit_in_bytes", "memory.max", "pids.max", "cpu.shares", "cpu.weight", "cpuset.cpus")


@pytest.fixture
def hierarchy():
    hierarchy = cgroups.open_hierarchy(cgroups.instance_name(), os.environ.get(PARENT_VARIABLE))
    yield hierarchy
    hierarchy.remove_all()


def places(group):
    """Return the directories of a group, all of them."""
    directories = group._directories.values() if isinstance(group, v1.GroupV1) else group.directories()
    return [Path(f"/proc/self/fd/{fd}").resolve() for fd in directories]


def limits(group):
    """Return what the kernel has for a group."""
    files = [place / name for place in places(group) for name in LIMITS]
    return {file.name: file.read_text() for file in files if file.exists()}


@pytest.mark.parametrize(("latest", "settings"), [(BEFORE, AFTER), (AFTER, BEFORE), (BEFORE, BEFORE)])
def test_one_that_was_made_ahead_has_the_limits_of_who_gets_it(hierarchy, latest, settings):
    hierarchy.create("first", latest)
    made_anew = hierarchy.create("anew", settings)
    hierarchy.create("last", latest)
    hierarchy.make_ahead()
    made_ahead = hierarchy.create("ahead", settings)

    assert limits(made_anew) == limits(made_ahead)
    assert 4 <= len(limits(made_ahead))
    assert {"ahead"} == {place.name for place in places(made_ahead)}

    made_ahead.change(dataclasses.replace(settings, processes=7))
    assert "7\n" == limits(made_ahead)["pids.max"]


@pytest.mark.parametrize("ahead", [True, False])
def test_one_that_cannot_be_had_leaves_nothing(hierarchy, ahead):
    """The second of its name, of which one directory is in the way and the others are not."""
    first = hierarchy.create("name", BEFORE)
    last = places(first)[-1]
    others = [place for place in places(first) if place != last]
    for place in others:
        place.rmdir()
    if ahead:
        hierarchy.make_ahead()
    with pytest.raises(OSError, match=r"\[Errno (17|39)\]"):
        hierarchy.create("name", AFTER)

    assert not [place for place in others if place.exists()]
    assert last.exists()
    assert not list(last.parent.glob(v1.SPARE))


def test_a_second_is_not_made_ahead(hierarchy):
    first = hierarchy.create("first", BEFORE)
    hierarchy.make_ahead()
    hierarchy.make_ahead()
    there = {path.name for place in places(first) for path in place.parent.iterdir() if path.is_dir()}

    assert {"first"} == there - {v1.SPARE}
