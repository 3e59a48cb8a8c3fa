"""What a run stands on, and is gone after it: the image mounted where all can use it, control groups for the floor.

Enter it before there are threads: this process leaves the host's mount namespace, so that nothing stays mounted however it ends.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandboxd.bench import turns
from sandboxd.bench.turns import Broken
from sandboxd.linux import cgroups, mounts, process
from sandboxd.linux.cgroups import v1

# Beyond those of a server with its defaults: sandboxd.config, uid_base and uid_slots.
FIRST_ID = 0x78000000
FIRST_ID_OF_SERVERS = 0x80000000
_IDS = 65536
_IDS_OF_EMBEDDED = 16 * _IDS


@dataclass(frozen=True, slots=True)
class Stage:
    """Where things are."""

    store: str
    image: str
    policy: str
    root: str
    """A directory with the image's root file system."""
    filter: str
    """A file with the policy's seccomp program."""
    directory: str
    """For whatever else needs a file."""

    def file(self, name: str, content: str) -> str:
        """Write a file, and return where it is."""
        path = Path(self.directory, name)
        path.write_text(content)
        return str(path)

    def embedded(self) -> Sequence[str]:
        """Return the command of cold containers without gRPC."""
        return turns.python("embedded", self.store, self.image, self.policy, str(FIRST_ID))

    def bare(self, argv: Sequence[str], code: str = "") -> Sequence[str]:
        """Return the command of a bare program of the image, with its main.py."""
        return turns.python("bare", self.root, self.file(f"main-{len(code)}.py", code), *argv)

    @contextlib.contextmanager
    def floors(self, program: str, count: int) -> Iterator[Sequence[Sequence[str]]]:
        """Give the commands of so many floors at a time, with groups to make theirs in. OSError where there are none to be had."""
        name = cgroups.instance_name()
        cgroups.clear_the_way(None)
        hierarchy = cgroups.open_hierarchy(name, None)
        try:
            version = cgroups.detect_version()
            groups = _places(name, version)
            first_ids = [FIRST_ID + _IDS_OF_EMBEDDED + number * _IDS for number in range(count)]
            yield [[program, self.root, self.filter, str(first_id), str(version), *groups] for first_id in first_ids]
        finally:
            hierarchy.remove_all()


@contextlib.contextmanager
def stage(store: Path, image: str, policy: str) -> Iterator[Stage]:
    """Set it up. Broken where there is no such image or policy, OSError where the image cannot be mounted."""
    if os.geteuid() == 0:
        process.unshare(process.Namespace.MOUNT)
        mounts.make_private()
    with tempfile.TemporaryDirectory(prefix="sandboxd-bench-") as directory, contextlib.ExitStack() as mounted:
        bpf = f"{directory}/filter.bpf"
        said = subprocess.run(
            turns.python("embedded", "--inputs", str(store), image, policy, bpf),
            capture_output=True,
            text=True,
            check=False,
        )
        if said.returncode:
            raise Broken(said.stderr.strip().splitlines()[-1])
        root = said.stdout.strip()
        if not os.path.isdir(root):
            source, root = root, f"{directory}/root"
            os.mkdir(root)
            _mount(source, root)
            mounted.callback(mounts.unmount, os.fsencode(root))
        yield Stage(str(store), image, policy, root, bpf, directory)


def _mount(source: str, place: str) -> None:
    """Mount an erofs file by mount(8), which finds a loop device where the kernel needs one (before Linux 6.12)."""
    for options in ("ro,nosuid,nodev", "ro,nosuid,nodev,loop"):
        said = subprocess.run(
            ["mount", "-t", "erofs", "-o", options, source, place], capture_output=True, text=True, check=False
        )
        if said.returncode == 0:
            return
    raise Broken(said.stderr.strip())


def _places(name: str, version: int) -> Sequence[str]:
    """Return the directories of a hierarchy that was opened, in the order that the floor takes them."""
    points = cgroups.mount_points()
    controllers = v1.CONTROLLERS if version == 1 else ("",)
    return [_find(points[controller], name) for controller in controllers]


def _find(root: str, name: str) -> str:
    """Find a directory; os.walk passes over what others remove meanwhile."""
    return next(os.path.join(directory, name) for directory, names, _ in os.walk(root) if name in names)


def cores() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0))
