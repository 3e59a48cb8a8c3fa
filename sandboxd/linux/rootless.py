"""Root without root: how an ordinary user's process moves into a user namespace of its own. See subuid(5)."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandboxd.linux import process

_TOOLS = ("newuidmap", "newgidmap")
# They hold the ids of a process that has just come into its namespace, and must be asked from outside of it.
_MAP = 'read -r _ && newuidmap "$1" $2 && exec newgidmap "$1" $3'


@dataclass(frozen=True, slots=True)
class Subordinate:
    """The ids that root has given to a user, as ranges of first id and count."""

    uids: list[tuple[int, int]]
    gids: list[tuple[int, int]]


def subordinate_ids(uid: int) -> Subordinate | None:
    """Return what /etc/subuid and /etc/subgid give a user; None where there are none, or nothing that maps them."""
    name = _name(uid)
    found = Subordinate(*(list(dict.fromkeys(_ranges(path, uid, name))) for path in ("/etc/subuid", "/etc/subgid")))
    return found if found.uids and found.gids and all(map(shutil.which, _TOOLS)) else None


def enter() -> None:
    """Move this process into a new user namespace, as its root, and into a mount namespace of it.

    This user becomes id 0, and the subordinate ids follow from 1 on; without any there is only 0, and no group can be
    left. Only for a process with one thread. OSError where the kernel refuses, or newuidmap(1) does.
    """
    user, group = os.geteuid(), os.getegid()
    ids = subordinate_ids(user)
    if ids is None:
        _unshare()
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        return
    maps = (_arguments(user, ids.uids), _arguments(group, ids.gids))
    with subprocess.Popen(
        ["sh", "-c", _MAP, "sh", str(os.getpid()), *maps], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as mapper:
        try:
            _unshare()
        except OSError:
            mapper.kill()
            raise
        _, said = mapper.communicate("\n")
    if mapper.returncode != 0:
        raise PermissionError(0, said.strip() or f"newuidmap: exit status {mapper.returncode}")


def _unshare() -> None:
    process.unshare(process.Namespace.USER | process.Namespace.MOUNT)


def _arguments(own: int, ranges: list[tuple[int, int]]) -> str:
    """Return what newuidmap(1) takes for this: one's own id as 0, then the ranges."""
    words, inside = [0, own, 1], 1
    for first, count in ranges:
        words += [inside, first, count]
        inside += count
    return " ".join(map(str, words))


def _ranges(path: str, uid: int, name: str) -> Iterator[tuple[int, int]]:
    """Yield a user's ranges, but empty ones; a line names the user by name or number (subuid(5))."""
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        owner, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        if owner in (name, str(uid)) and first.isdecimal() and count.isdecimal() and int(count):
            yield int(first), int(count)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a user without an entry
        return str(uid)
