"""A copy of sandboxd that can be made to fail or to wait: at one place at a time, from outside, and at any moment.

The switch of a process is its soft RLIMIT_RSS, which Linux has heeded in no version since 2.4.30: prlimit(2) turns it
without a file, a socket or a signal, and what the launcher clones inherits it. The product has no switch.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.mutation import Edit, mutated

HOLD = "HOLD"
"""In the place of an errno: wait there until the switch is turned off."""
_HELPER = "sandboxd/refusal.py"
_CODE = """\
import errno, os, resource, time
POINTS = {points!r}
def at(point):
    while (name := told(point)) == "{hold}":
        time.sleep(0.01)
    if name:
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))
def told(point):
    place, name = POINTS.get(resource.getrlimit(resource.RLIMIT_RSS)[0], ("", ""))
    return name if place == point else ""
"""
_BASE = "sandboxd/linux/cgroups/base.py"
_V1 = "sandboxd/linux/cgroups/v1.py"
_V2 = "sandboxd/linux/cgroups/v2.py"
_PROCESS = "sandboxd/linux/process.py"
_LAUNCHER = "sandboxd/runtime/launcher.py"
_LAUNCHER_CLIENT = "sandboxd/runtime/launcher_client.py"
_INIT = "sandboxd/runtime/init.py"
_WORKSPACE = "sandboxd/runtime/workspace.py"
# As it is for init: neither the program nor anything else can be started.
_SPAWN = """
_posix_spawn = os.posix_spawn


def _refused_spawn(*arguments: Any, **options: Any) -> int:
    refusal.at("posix_spawn of init")
    return _posix_spawn(*arguments, **options)


os.posix_spawn = _refused_spawn
"""


def _before(point: str, file: str, line: str) -> Edit:
    """Refuse what a line does; it is given with its indentation, at least so much that it is there once."""
    indentation = line[: len(line) - len(line.lstrip())]
    return Edit(file, line, f"{indentation}refusal.at({point})\n{line}")


def _knows(file: str, line: str) -> Edit:
    return Edit(file, line, f"from sandboxd import refusal\n{line}")


EDITS = (
    _knows(_BASE, "from sandboxd.linux import process\n"),
    _knows(_V1, "from sandboxd.linux.cgroups.base import (\n"),
    _knows(_V2, "from sandboxd.linux.cgroups.base import (\n"),
    _knows(_PROCESS, "from sandboxd.linux.libc import declare, declare_syscall\n"),
    _knows(_LAUNCHER, "from sandboxd.linux import cgroups, credentials"),
    _knows(_LAUNCHER_CLIENT, "from sandboxd.linux import cgroups, mounts, process\n"),
    _knows(_INIT, "from sandboxd.linux import process, procfs\n"),
    _knows(_WORKSPACE, "from sandboxd.linux.files import open_beneath\n"),
    _before("name", _BASE, "        os.write(fd, str(value).encode())\n"),
    _before('"tasks"', _BASE, '        os.write(fd, b"0")\n'),
    _before('"read"', _BASE, "        return os.pread(fd, _MOST_BYTES, 0)\n"),
    _before('"mkdir"', _V1, "                os.mkdir(name, dir_fd=parent)\n"),
    _before('"mkdir"', _V2, "            os.mkdir(name, dir_fd=self._fd)\n"),
    _before('"rmdir"', _V1, "                os.rmdir(self.name, dir_fd=parent)\n"),
    _before('"rmdir"', _V2, "            os.rmdir(self.name, dir_fd=self._parent)\n"),
    _before('"clone3"', _PROCESS, "        pid = _clone3("),
    _before('"fsopen"', _LAUNCHER, "    fd = mounts.new_filesystem(\n"),
    _before('"posix_spawn of the server"', _LAUNCHER_CLIENT, "        pid = spawn_first("),
    _before('"collect"', _WORKSPACE, "    left = caps.total_bytes\n"),
    Edit(_INIT, '_T = TypeVar("_T")\n', f'_T = TypeVar("_T")\n{_SPAWN}'),
)


class Switch:
    """The points at which a copy can be made to fail or to wait, each with the name of an errno or HOLD."""

    def __init__(self, points: Sequence[tuple[str, str]]) -> None:
        self._points = dict(enumerate(points, start=1))

    @contextlib.contextmanager
    def copy(self, edits: Sequence[Edit] = ()) -> Iterator[Path]:
        """Give a copy of the repository, with more edits, in which nothing is amiss until it is told to be."""
        with mutated([*EDITS, *edits]) as directory:
            (directory / _HELPER).write_text(_CODE.format(points=self._points, hold=HOLD))
            yield directory

    @contextlib.contextmanager
    def on(self, pid: int, point: tuple[str, str]) -> Iterator[None]:
        """Make a process fail, or wait, at a point while the block runs."""
        before = resource.prlimit(pid, resource.RLIMIT_RSS)
        (number,) = (number for number, known in self._points.items() if known == point)
        resource.prlimit(pid, resource.RLIMIT_RSS, (number, before[1]))
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_RSS, before)
