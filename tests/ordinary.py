"""An ordinary user with a delegated control group: what it takes to start a server as one, and to clean up after it.

The user exists only in the mount namespace of what is started: there, /etc/passwd, /etc/subuid and /etc/subgid have it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandboxd.attack.guard import PARENT_VARIABLE, enable_controllers
from sandboxd.attack.program import Rights
from sandboxd.linux import cgroups, process

UID = 61234
GROUP = 61235  # another that the user is in
FIRST_SUBORDINATE, SUBORDINATES = 700_000, 65_536
_NAME = "ordinary"
# What is root's alone, such as its home, can be passed through here: the interpreter may be in there.
_BECOME = f"""
set -e
place=$1 groups=$2 closed=$3
shift 3
for directory in /etc $closed; do
  mount -t tmpfs tmpfs "$place/over"
  mkdir -m 755 "$place/over/upper" "$place/over/work"
  [ "$directory" != /etc ] || cp "$place"/etc/* "$place/over/upper"
  mount -t overlay -o "lowerdir=$directory,upperdir=$place/over/upper,workdir=$place/over/work" overlay "$directory"
done
for group in $groups; do
  if [ -e "$group/cgroup.subtree_control" ]; then  # of v2, where a server makes it unfit for others: one for each start
    group=$group/$$
    mkdir "$group"
    chown {UID}:{UID} "$group" "$group/cgroup.procs" "$group/cgroup.threads" "$group/cgroup.subtree_control"
  fi
  echo $$ > "$group/cgroup.procs"
done
exec setpriv --reuid {UID} --regid {UID} --groups {GROUP} env -u {PARENT_VARIABLE} HOME="$place/home" "$@"
"""


@dataclass(frozen=True)
class OrdinaryUser:
    """A user, and what goes before a command to have it run as that user in that user's own group."""

    under: Sequence[str]
    groups: Sequence[Path]
    home: Path


@contextlib.contextmanager
def ordinary_user(rights: Rights, *, delegated: bool = True) -> Iterator[OrdinaryUser]:
    """Make the files and the groups of a user that has subordinate ids or has none; the groups are inside the guard.

    Where nothing is ``delegated``, what is started stays in this process's own groups. Without what maps subordinate ids a server
    starts, and has one id for all: not what a test of such ids is about.
    """
    assert rights is not Rights.SUBORDINATE_IDS or shutil.which("newuidmap"), "no newuidmap: apt-get install uidmap"
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sandboxd-user-")))
        place.chmod(0o755)
        home, etc, over = (place / name for name in ("home", "etc", "over"))
        for directory in (home, etc, over):
            directory.mkdir()
        os.chown(home, UID, UID)
        _write_accounts(etc, home, rights)
        groups = stack.enter_context(_delegated()) if delegated else []
        arguments = (str(place), " ".join(map(str, groups)), " ".join(map(str, _closed())))
        yield OrdinaryUser(("unshare", "--mount", "sh", "-c", _BECOME, "sh", *arguments), groups, home)


def directory_store(store: Path, place: Path) -> Path:
    """Make a store in ``place`` of the default image as a directory, which needs no root to be mounted; returns it."""
    image = place / "images" / "default"
    image.mkdir(parents=True)
    for name in ("digest", "manifest.toml"):
        shutil.copy(store / "default" / name, image / name)
    erofs = store / "default" / "root.erofs"
    if erofs.exists():
        subprocess.run(["fsck.erofs", f"--extract={image / 'root'}", str(erofs)], check=True, stdout=subprocess.DEVNULL)
    else:
        subprocess.run(["cp", "-a", str(store / "default" / "root"), str(image / "root")], check=True)
    return place


def _write_accounts(etc: Path, home: Path, rights: Rights) -> None:
    for name, line in (("passwd", f"{_NAME}:x:{UID}:{UID}::{home}:/bin/sh"), ("group", f"{_NAME}:x:{UID}:")):
        (etc / name).write_text(f"{Path('/etc', name).read_text()}{line}\n")
    ids = f"{_NAME}:{FIRST_SUBORDINATE}:{SUBORDINATES}\n" if rights is Rights.SUBORDINATE_IDS else ""
    for name in ("subuid", "subgid"):
        (etc / name).write_text(ids)


def _closed() -> list[Path]:
    """List the directories above the interpreter that other users cannot pass through."""
    place = Path(os.path.realpath(sys.executable))
    return [directory for directory in reversed(place.parents) if not directory.stat().st_mode & 0o001]


@contextlib.contextmanager
def _delegated() -> Iterator[list[Path]]:
    """Make what holds the groups of that user, each as systemd makes it for Delegate=yes; with v1 one in each hierarchy."""
    points, own = cgroups.mount_points(), process.self_cgroups()
    name = f"ordinary-{secrets.token_hex(4)}"
    if cgroups.detect_version() == 1:
        parents = {Path(points[controller]) / own[controller].lstrip("/") for controller in points if controller}
    else:
        parents = {Path(points[""]) / os.environ[PARENT_VARIABLE].lstrip("/")}
        enable_controllers(*parents)
    groups = sorted(parent / name for parent in parents)
    for group in groups:
        group.mkdir()
        if (group / "cgroup.subtree_control").exists():
            enable_controllers(group)
            continue
        for file in ("cpuset.cpus", "cpuset.mems"):  # a new one is empty
            if (group / file).exists() and not (group / file).read_text().strip():
                (group / file).write_text((group.parent / file).read_text())
        for place in (group, group / "cgroup.procs", group / "tasks"):
            os.chown(place, UID, UID)
    try:
        yield groups
    finally:
        for group in groups:
            for directory, _, _ in os.walk(group, topdown=False):
                os.rmdir(directory)
