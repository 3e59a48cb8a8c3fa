"""What tools unpack is bounded: wheels of others, of which nobody knows what they come to."""

from __future__ import annotations

import os
import platform
import sys
import zipfile
from pathlib import Path

import pytest

from sandboxd.errors import BuildFailed
from sandboxd.images import commands, requirements
from sandboxd.images.extent import Watch, check_tree
from sandboxd.images.oci.caps import Caps
from sandboxd.images.requirements import Python
from tests.image_store import make_wheel

PYTHON = Python(
    executable="/usr/bin/python3",
    version=".".join(map(str, sys.version_info[:2])),
    machine=platform.machine(),
    glibc="2.36",
    packages="/usr/lib/python3/dist-packages",
)
MIB = 1 << 20


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    (tmp_path / "wheels").mkdir()
    return tmp_path / "wheels"


def unpack(wheels: Path, work: Path, caps: Caps) -> Path:
    """Resolve ``it`` and unpack what comes of it."""
    tree = work.parent / "tree"
    tree.mkdir()
    locked = requirements.lock(["it"], PYTHON, work, wheels)
    requirements.install(locked, PYTHON, tree, work, wheels, caps)
    return tree


def bomb(wheels: Path, size: int) -> None:
    """Make a wheel that is small, and comes to so many bytes."""
    wheel = make_wheel(wheels, "it", "1.0", {"it.py": ""})
    with zipfile.ZipFile(wheel, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(size))


def test_packages_within_the_bounds_are_unpacked(wheels: Path, work: Path) -> None:
    make_wheel(wheels, "it", "1.0", {"it.py": "x" * 1000})

    tree = unpack(wheels, work, Caps(total_bytes=100_000, entries=10))

    assert (tree / "usr/lib/python3/dist-packages/it.py").read_text() == "x" * 1000


def test_packages_of_too_many_bytes_are_refused(wheels: Path, work: Path) -> None:
    bomb(wheels, 20 * MIB)

    with pytest.raises(BuildFailed, match=rf"^the packages: more than {15 * MIB} bytes$"):
        unpack(wheels, work, Caps(total_bytes=15 * MIB))


def test_packages_of_too_many_files_are_refused(wheels: Path, work: Path) -> None:
    make_wheel(wheels, "it", "1.0", {f"it/{number}.py": "" for number in range(30)})

    with pytest.raises(BuildFailed, match=r"^the packages: more than 20 entries$"):
        unpack(wheels, work, Caps(entries=20))


def test_a_tool_is_ended_while_it_unpacks(work: Path) -> None:
    """What never ends is not waited for."""
    with pytest.raises(BuildFailed, match=rf"^it, packed and unpacked: more than {2 * MIB} bytes$"):
        commands.run_watched(
            ["sh", "-c", 'head -c 10000000 /dev/zero > "$0"; exec sleep 1000', str(work / "file")],
            Watch(work, Caps(total_bytes=MIB), "it"),
            every_s=0.01,
        )


def test_a_tree_is_looked_at_for_no_more_than_a_twentieth_of_the_time(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looked = [100.0], []

    def look(*_: object) -> None:
        looked.append(now[0])
        now[0] += 1

    monkeypatch.setattr("sandboxd.images.extent.time.monotonic", lambda: now[0])
    monkeypatch.setattr("sandboxd.images.extent.check_tree", look)
    watch = Watch(work, Caps(), "it")
    for _ in range(30):
        watch()
        now[0] += 1

    assert looked == [100.0, 121.0]


def test_a_tree_of_long_paths_is_refused(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "/".join("a" * 12))

    check_tree(tmp_path, Caps(depth=12), "it")
    with pytest.raises(BuildFailed, match=r"it: file .*: its path has more than 11 names"):
        check_tree(tmp_path, Caps(depth=11), "it")
