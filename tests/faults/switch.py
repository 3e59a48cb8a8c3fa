"""A copy of sandboxd that can be made to fail or to wait: at one place at a time, from outside, and at any moment.

The switch of a process is its soft RLIMIT_RSS, which Linux has heeded in no version since 2.4.30: prlimit(2) turns it
without a file, a socket or a signal, and what is cloned inherits it: of the launcher's zygote, whose switch is the
launcher's at each clone. The product has no switch.
"""

from __future__ import annotations

import contextlib
import errno
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.mutation import INIT, Edit, mutated

HOLD = "HOLD"
"""In the place of an errno: wait there until the switch is turned off."""
_HELPER, _HELPER_OF_INIT = "sandboxd/refusal.py", "sandboxd/runtime/refusal.h"
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
def pass_on(pid):
    resource.prlimit(pid, resource.RLIMIT_RSS, resource.getrlimit(resource.RLIMIT_RSS))
"""
_BASE = "sandboxd/linux/cgroups/base.py"
_V1 = "sandboxd/linux/cgroups/v1.py"
_V2 = "sandboxd/linux/cgroups/v2.py"
_LAUNCHER = "sandboxd/runtime/launcher.py"
_LAUNCHER_CLIENT = "sandboxd/runtime/launcher_client.py"
_ZYGOTE = "sandboxd/runtime/zygote.py"
_WORKSPACE = "sandboxd/runtime/workspace.py"
_CODE_OF_INIT = """\
static bool same(const char *one, const char *other) {{
    while (*one && *one == *other)
        one++, other++;
    return *one == *other;
}}

/* The error of a point, if it is to fail; else 0. */
static long refused(const char *point) {{
    static const struct {{
        const char *name;
        long error;
    }} points[] = {{{{"", 0}}, {points}}};
    struct rlimit64 limits = {{0, 0}};
    CALL(prlimit64, 0, RLIMIT_RSS, NULL, &limits);
    return limits.rlim_cur < LENGTH(points) && same(points[limits.rlim_cur].name, point) ? points[limits.rlim_cur].error : 0;
}}
"""


def _before(point: str, file: str, line: str) -> Edit:
    """Refuse what a line does; it is given with its indentation, at least so much that it is there once."""
    indentation = line[: len(line) - len(line.lstrip())]
    return Edit(file, line, f"{indentation}refusal.at({point})\n{line}")


def _before_call(point: str, call: str) -> Edit:
    """Refuse a system call of init's or the zygote's; only its beginning is given."""
    return Edit(INIT, call, f'refused("{point}") ?: {call}')


def _knows(file: str, line: str) -> Edit:
    return Edit(file, line, f"from sandboxd import refusal\n{line}")


EDITS = (
    _knows(_BASE, "from sandboxd.linux import process\n"),
    _knows(_V1, "from sandboxd.linux.cgroups.base import (\n"),
    _knows(_V2, "from sandboxd.linux.cgroups.base import (\n"),
    _knows(_LAUNCHER, "from sandboxd.linux import cgroups, credentials"),
    _knows(_LAUNCHER_CLIENT, "from sandboxd.linux import cgroups, mounts\n"),
    _knows(_ZYGOTE, "from sandboxd.linux import process\n"),
    _knows(_WORKSPACE, "from sandboxd.linux.files import open_beneath\n"),
    _before("name", _BASE, "        os.write(fd, str(value).encode())\n"),
    _before('"read"', _BASE, "        return os.pread(fd, _MOST_BYTES, 0)\n"),
    _before('"mkdir"', _V1, "                os.mkdir(name, dir_fd=parent)\n"),
    _before('"mkdir"', _V2, "            os.mkdir(name, dir_fd=self._fd)\n"),
    _before('"rmdir"', _V1, "                os.rmdir(self.name, dir_fd=parent)\n"),
    _before('"rmdir"', _V2, "            os.rmdir(self.name, dir_fd=self._parent)\n"),
    _before('"fsopen"', _LAUNCHER, "    fd = mounts.new_filesystem(\n"),
    _before('"posix_spawn of the server"', _LAUNCHER_CLIENT, "        pid = spawn_first("),
    _before('"collect"', _WORKSPACE, "    left = caps.total_bytes\n"),
    Edit(
        _ZYGOTE,
        "                order = _ORDER.pack(",
        "                refusal.pass_on(self.pid)\n                order = _ORDER.pack(",
    ),
    Edit(INIT, "static int64_t clock_ns(", '#include "refusal.h"\n\nstatic int64_t clock_ns('),
    _before_call("clone3", "CALL(clone3, "),
    _before_call("clone of the program", "CALL(clone, "),
    # The first call of a step of a script, by the step's name.
    Edit(INIT, "= perform(base, call);", "= refused((char *)base + call->step) ?: perform(base, call);"),
)


class Switch:
    """The points at which a copy can be made to fail or to wait, each with the name of an errno or HOLD."""

    def __init__(self, points: Sequence[tuple[str, str]]) -> None:
        self._points = dict(enumerate(points, start=1))

    @contextlib.contextmanager
    def copy(self, edits: Sequence[Edit] = ()) -> Iterator[Path]:
        """Give a copy of the repository, with more edits, in which nothing is amiss until it is told to be."""
        of_init = ", ".join(f'{{"{point}", -{getattr(errno, name, 0)}}}' for point, name in self._points.values())
        added = {
            _HELPER: _CODE.format(points=self._points, hold=HOLD),
            _HELPER_OF_INIT: _CODE_OF_INIT.format(points=of_init),
        }
        with mutated([*EDITS, *edits], added) as directory:
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
